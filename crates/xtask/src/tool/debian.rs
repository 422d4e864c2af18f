//! Packages of Debian that carry an executable, taken apart rather than installed: nobody has to be root, and
//! nothing of the machine changes. apt-get checks Debian's signature.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::Process;

/// Lists and a package are some tens of megabytes; a network that says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// Puts the executable of a package into `prefix/bin`. Fails with what apt-get says, or why it can't be run.
pub(super) fn install(package: &str, executable: &str, scratch: &Path, prefix: &Path) -> Result<(), String> {
    let apt_get = AptGet::new(scratch)?;
    make(&prefix.join("bin"))?;
    apt_get.run(&["update"])?;
    apt_get.run(&["download", package])?;
    let archive = archives(scratch)?.pop();
    let archive = archive.ok_or_else(|| format!("apt-get download left no package {package}"))?;
    let unpacked = scratch.join("unpacked");
    unpack(&archive, &unpacked, scratch)?;
    let found = unpacked.join("usr/bin").join(executable);
    let place = prefix.join("bin").join(executable);
    fs::rename(&found, place).map_err(|error| format!("{package} has no {executable}: {error}"))
}

/// Puts a package, and whatever it needs that is not installed on the machine, into `prefix/root`, and a script for each
/// of its programs into `prefix/bin`, which lets the program find its libraries.
pub(super) fn install_with_libraries(
    package: &str,
    programs: &[(&str, &str)],
    scratch: &Path,
    prefix: &Path,
) -> Result<(), String> {
    let apt_get = AptGet::new(scratch)?;
    let root = prefix.join("root");
    make(&root)?;
    make(&prefix.join("bin"))?;
    apt_get.run(&["update"])?;
    // What is installed already is known from the machine's own list, which is only read. A page without any font shows
    // no letters.
    let install = ["--yes", "--reinstall", "--no-install-recommends", "--download-only", "install"];
    apt_get.run(&[&install[..], &[package, "fonts-dejavu-core"]].concat())?;
    for archive in archives(&apt_get.archives())? {
        unpack(&archive, &root, scratch)?;
    }
    let mut libraries = BTreeSet::new();
    collect_libraries(&root, &mut libraries).map_err(|error| format!("{}: {error}", root.display()))?;
    let within = |path: &Path| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    let search: Vec<_> = libraries.iter().map(|path| format!("$root/{}", within(path))).collect();
    for (name, path) in programs {
        if !root.join(path).is_file() {
            return Err(format!("{package} has no {path}"));
        }
        let script = format!(
            "#!/bin/sh\nroot=$(dirname \"$(dirname \"$(readlink -f \"$0\")\")\")/root\n\
             LD_LIBRARY_PATH={} exec \"$root/{path}\" \"$@\"\n",
            search.join(":"),
        );
        let file = prefix.join("bin").join(name);
        fs::write(&file, script)
            .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o755)))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// The directories below this one that have shared libraries.
fn collect_libraries(directory: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect_libraries(&entry.path(), found)?;
        } else if entry.file_name().to_string_lossy().contains(".so") {
            found.insert(directory.to_owned());
        }
    }
    Ok(())
}

/// apt-get with lists and a cache of its own.
struct AptGet<'a> {
    scratch: &'a Path,
}

impl<'a> AptGet<'a> {
    fn new(scratch: &'a Path) -> Result<Self, String> {
        let apt_get = Self { scratch };
        make(&scratch.join("lists/partial"))?;
        make(&apt_get.archives().join("partial"))?;
        Ok(apt_get)
    }

    fn archives(&self) -> PathBuf {
        self.scratch.join("cache/archives")
    }

    fn run(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new("apt-get");
        command.args(["--quiet=2", "--option=Debug::NoLocking=true"]);
        command.arg(format!("--option=Dir::State::Lists={}", self.scratch.join("lists").display()));
        command.arg(format!("--option=Dir::Cache={}", self.scratch.join("cache").display()));
        command.args(arguments).current_dir(self.scratch);
        run("apt-get", &mut command, self.scratch)
    }
}

fn make(directory: &Path) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))
}

/// The packages in a directory.
fn archives(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let files = fs::read_dir(directory).map_err(|error| error.to_string())?;
    let files = files.filter_map(Result::ok).map(|entry| entry.path());
    Ok(files.filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect())
}

fn unpack(archive: &Path, to: &Path, scratch: &Path) -> Result<(), String> {
    run("dpkg-deb", Command::new("dpkg-deb").arg("--extract").arg(archive).arg(to), scratch)
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
