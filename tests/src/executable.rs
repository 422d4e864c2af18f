//! Where executables are, built from the sources as they are now.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The executable `tallymark` of the profile of the running test or program.
///
/// `cargo test --workspace` builds it anew, `cargo test -p tests` does not: in that case cargo is
/// called here. Tests that do this at once wait for each other, and all but the first find it built.
pub fn tallymark() -> PathBuf {
    fresh("tallymark", &["--package", "tallymark"])
}

/// The executable behind `cargo xtask`.
pub fn xtask_executable() -> PathBuf {
    fresh("xtask", &["--package", "xtask"])
}

/// The example in Rust of docs/examples.
pub fn example() -> PathBuf {
    fresh("examples/ask", &["--package", "tests", "--example", "ask"])
}

fn fresh(path: &str, selection: &[&str]) -> PathBuf {
    let directory = profile_directory();
    let executable = directory.join(path);
    if !is_fresh(&executable) {
        build(&directory, target_of(&directory), selection);
    }
    executable
}

/// The same, with a route that damages counts, which no release has. It shares all that is compiled with the other one,
/// and lies elsewhere.
pub fn damageable_tallymark() -> PathBuf {
    let directory = profile_directory();
    let target = target_of(&directory).join("damageable");
    let executable = target.join(directory.file_name().unwrap_or_default()).join("tallymark");
    if !is_fresh(&executable) {
        build(&directory, &target, &["--package", "tallymark", "--features", "damage"]);
    }
    executable
}

/// Where the executables of this profile are.
fn profile_directory() -> PathBuf {
    let running = env::current_exe().expect("a running program has an executable");
    let directory = running.parent().expect("an executable lies in a directory");
    // A test is target/<profile>/deps/<name>, an executable target/<profile>/<name>.
    let directory = if directory.ends_with("deps") { directory.parent() } else { Some(directory) };
    directory.expect("a test lies in a directory below that of its profile").to_owned()
}

fn target_of(directory: &Path) -> &Path {
    directory.parent().expect("a profile's directory lies in the build directory")
}

/// Whether the executable is newer than all it is made of, which cargo lists beside it.
fn is_fresh(executable: &Path) -> bool {
    let Ok(list) = fs::read_to_string(executable.with_extension("d")) else { return false };
    let Some((_, sources)) = list.trim().split_once(": ") else { return false };
    let Some(built) = modified(executable) else { return false };
    // A space within a path is escaped.
    let sources = sources.replace("\\ ", "\0");
    let mut sources = sources.split(' ').map(|path| path.replace('\0', " "));
    sources.all(|path| modified(Path::new(&path)).is_some_and(|modified| modified <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn build(directory: &Path, target: &Path, selection: &[&str]) {
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--profile", profile, "--target-dir"])
        .arg(target)
        .args(selection)
        .env("CARGO_BUILD_BUILD_DIR", target_of(directory))
        .current_dir(xtask::root())
        .status()
        .expect("cargo can't be run");
    assert!(status.success(), "{selection:?} can't be built: {status}");
}
