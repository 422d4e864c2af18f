//! Packages of Debian that carry an executable, taken apart rather than installed: nobody has to be root, and
//! nothing of the machine changes. apt-get checks Debian's signature.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;

/// Lists and a package are some tens of megabytes; a network that says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// Puts the executable of a package into `prefix/bin`. Fails with what apt-get says, or why it can't be run.
pub(super) fn install(package: &str, executable: &str, scratch: &Path, prefix: &Path) -> Result<(), String> {
    let (lists, cache) = (scratch.join("lists"), scratch.join("cache"));
    for directory in [lists.join("partial"), cache.join("archives/partial"), prefix.join("bin")] {
        fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["--quiet=2", "--option=Debug::NoLocking=true"]);
        command.arg(format!("--option=Dir::State::Lists={}", lists.display()));
        command.arg(format!("--option=Dir::Cache={}", cache.display()));
        command.args(arguments).current_dir(scratch);
        command
    };
    run("apt-get", &mut apt_get(&["update"]), scratch)?;
    run("apt-get", &mut apt_get(&["download", package]), scratch)?;
    let files = fs::read_dir(scratch).map_err(|error| error.to_string())?;
    let mut files = files.filter_map(Result::ok).map(|entry| entry.path());
    let archive = files.find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let archive = archive.ok_or_else(|| format!("apt-get download left no package {package}"))?;
    let unpacked = scratch.join("unpacked");
    run("dpkg-deb", Command::new("dpkg-deb").arg("--extract").arg(archive).arg(&unpacked), scratch)?;
    let found = unpacked.join("usr/bin").join(executable);
    let place = prefix.join("bin").join(executable);
    fs::rename(&found, place).map_err(|error| format!("{package} has no {executable}: {error}"))
}

/// Runs a program that must succeed, for no longer than there is patience.
fn run(name: &'static str, command: &mut Command, scratch: &Path) -> Result<(), String> {
    let log = scratch.join(name).with_extension("log");
    let mut process = Process::start(name, command, &log).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no {name} on PATH"),
        _ => error.to_string(),
    })?;
    match process.wait(PATIENCE).map_err(|error| error.to_string())? {
        Some(status) if status.success() => Ok(()),
        Some(_) => Err(last_error(&log)),
        None => Err(format!("{name} took longer than {PATIENCE:?}")),
    }
}

/// apt-get begins errors with `E: `; what comes before them are warnings.
fn last_error(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).rev();
    let last = lines.clone().next().unwrap_or("no reason given");
    lines.find_map(|line| line.strip_prefix("E: ")).unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_by_its_error_line() {
        let scratch = tempfile::tempdir().unwrap();
        let check = |script: &str, expected: &str| {
            let mut command = Command::new("sh");
            let failed = run("sh", command.args(["-c", script]), scratch.path()).unwrap_err();
            assert_eq!(failed, expected, "{script}");
            fs::remove_file(scratch.path().join("sh.log")).unwrap();
        };
        check("echo 'E: no such package'; echo 'W: unsandboxed'; exit 100", "no such package");
        check("echo 'dpkg-deb: error: no archive' >&2; exit 2", "dpkg-deb: error: no archive");
        check("exit 1", "no reason given");
        let missing = run("apt-got", &mut Command::new("./apt-got"), scratch.path());
        assert_eq!(missing, Err("there is no apt-got on PATH".to_owned()));
    }
}
