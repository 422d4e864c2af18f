use std::os::unix::fs::PermissionsExt;
use std::thread;

use super::*;

#[test]
fn a_release_is_found_in_what_tools_print() {
    let check = |printed: &str, expected: Option<(u32, u32)>| {
        let expected = expected.map(|(major, minor)| Release { major, minor });
        assert_eq!(Release::find(printed), expected, "{printed:?}");
    };
    check("nats-server: v2.15.1\n", Some((2, 15)));
    check("nats-server: v2.9.10\n", Some((2, 9)));
    check("nats-server: v2.12.0-RC.3\n", Some((2, 12)));
    check("cargo-deny 0.20.2\n", Some((0, 20)));
    check("version 7, released in 2026\n", None);
    check("", None);
}

fn put_script(directory: &Path, name: &str, script: &str) -> PathBuf {
    fs::create_dir_all(directory).unwrap();
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn path_is_searched_for_the_first_that_is_new_enough() {
    let directory = tempfile::tempdir().unwrap();
    let [old, odd, new, newer] = ["old", "odd", "new", "newer"].map(|name| directory.path().join(name));
    put_script(&old, "nats-server", "echo nats-server: v2.9.10");
    put_script(&odd, "nats-server", "exit 1");
    let expected = put_script(&new, "nats-server", "echo nats-server: v2.12.0");
    put_script(&newer, "nats-server", "echo nats-server: v3.0.0");

    let search = |directories: &[&PathBuf]| {
        let path = env::join_paths(directories).unwrap();
        Tool::NATS_SERVER.find_in(Some(&path))
    };
    assert_eq!(search(&[&old, &odd, &new, &newer]), Some(expected));
    assert_eq!(search(&[&old, &odd]), None);
    assert_eq!(Tool::NATS_SERVER.find_in(None), None);
}

#[test]
fn what_has_to_fit_comes_from_one_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = Some(directory.path().as_os_str());
    let both = || Tool::find_all_in([&Tool::CHROMIUM, &Tool::CHROMEDRIVER], path);
    let chromium = put_script(directory.path(), "chromium", "echo Chromium 156.0.8078.108");
    assert_eq!(both(), None);
    put_script(directory.path(), "chromedriver", "echo ChromeDriver 90.0.1");
    assert_eq!(both(), None);
    let driver = put_script(directory.path(), "chromedriver", "echo ChromeDriver 156.0.8078.108");
    assert_eq!(both(), Some([chromium, driver]));
}

const MAKE_WHEEL: &str = r##"
import hashlib, sys, zipfile
path = sys.argv[1] + "/greeter-1.0-py3-none-any.whl"
with zipfile.ZipFile(path, "w") as wheel:
    def add(name, text, mode=0o100644):
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        wheel.writestr(entry, text)
    add("greeter-1.0.data/scripts/greeter", "#!/bin/sh\necho greeter 1.0\n", 0o100755)
    add("greeter-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n")
    add("greeter-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    add("greeter-1.0.dist-info/RECORD", "")
print(hashlib.sha256(open(path, "rb").read()).hexdigest(), end="")
"##;

/// A tool in a package of its own, which pip finds without a network, and the package's hash.
fn greeter(directory: &Path) -> (Tool, String) {
    let made = Command::new("python3").args(["-c", MAKE_WHEEL]).arg(directory).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let hash = String::from_utf8(made.stdout).unwrap();
    let requirements =
        format!("--no-index --find-links {}\ngreeter==1.0 --hash=sha256:{hash}", directory.display());
    let tool = Tool {
        executable: "greeter",
        oldest: Release { major: 1, minor: 0 },
        package: Package::Pip(requirements.leak()),
        otherwise: "greet by hand",
    };
    (tool, hash)
}

/// Its packages are found from anywhere, and by nobody else.
#[test]
fn a_program_in_python_finds_what_lies_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let executable = directory.path().join("bin/greeter");
    fs::create_dir(executable.parent().unwrap()).unwrap();
    fs::write(directory.path().join("greetings.py"), "text = 'greeter 1.0'\n").unwrap();
    fs::write(
        directory.path().join("greeter.py"),
        "import greetings, sys\nprint(greetings.text, *sys.argv[1:])\n",
    )
    .unwrap();
    pip::launch("greeter", &executable).unwrap();
    let output = Command::new(&executable).args(["--version", "a b"]).current_dir("/").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "greeter 1.0 --version a b\n");
}

#[test]
fn many_may_install_at_once() {
    let (packages, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (tool, _) = greeter(packages.path());
    let paths: Vec<PathBuf> = thread::scope(|scope| {
        let start = || scope.spawn(|| tool.install_in(tools.path()).unwrap());
        let threads: Vec<_> = (0..4).map(|_| start()).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(paths, vec![tools.path().join("greeter-1.0/bin/greeter"); 4]);
    assert_eq!(release_of(&paths[0]).unwrap(), tool.oldest);
    assert_eq!(fs::read_dir(tools.path()).unwrap().count(), 1, "partial installations are removed");
}

#[test]
fn a_package_with_other_bytes_is_refused() {
    let (packages, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut tool, hash) = greeter(packages.path());
    let Package::Pip(requirements) = tool.package else { panic!("it comes from pip") };
    tool.package = Package::Pip(requirements.replace(&hash, &"0".repeat(64)).leak());
    let error = tool.install_in(tools.path()).unwrap_err().to_string();
    let says = |part: &str| assert!(error.contains(part), "no {part:?} in: {error}");
    says("no greeter of release 1.0 or newer is on PATH, and pip could not install greeter==1.0");
    says(&hash);
    says("\nInstall python3 with pip, or greet by hand, and try again");
    assert_eq!(fs::read_dir(tools.path()).unwrap().count(), 0, "nothing is left behind");
}
