//! Packages of Python that carry an executable.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Installs what a requirements file pins to `prefix`. Fails with what pip says, or why it can't be run.
pub(super) fn install(requirements: &str, scratch: &Path, prefix: &Path) -> Result<(), String> {
    let file = scratch.join("requirements.txt");
    fs::write(&file, requirements).map_err(|error| format!("{}: {error}", file.display()))?;
    let output = Command::new("python3")
        .args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"])
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
        .arg("--target")
        .arg(prefix)
        .arg("--requirement")
        .arg(file)
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err("there is no python3 on PATH".to_owned())
        }
        Err(error) => Err(format!("python3 can't be run: {error}")),
    }
}

/// Makes the executable of a program in Python, which finds its packages where they lie: one directory above its own. What
/// pip makes looks for them among those of the machine.
pub(super) fn launch(module: &str, executable: &Path) -> Result<(), String> {
    let script = format!(
        "#!/bin/sh\nPYTHONPATH=\"$(dirname \"$(dirname \"$0\")\")\" exec python3 -m {module} \"$@\"\n"
    );
    let made = fs::write(executable, script)
        .and_then(|()| fs::set_permissions(executable, fs::Permissions::from_mode(0o755)));
    made.map_err(|error| format!("{}: {error}", executable.display()))
}
