//! Packages of npm, for the examples in JavaScript.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Tool, ToolError};
use crate::workspace;

/// A directory that has `node_modules` with what the lock file beside a `package.json` says, by its version and hash;
/// installs it first if need be, below the build directory. No package runs anything then.
pub fn node_modules(manifest: &Path) -> Result<PathBuf, ToolError> {
    let node = Tool::NODE.find_or_install()?;
    let tools = workspace::target().join("tools");
    let unusable =
        |path: &Path, source| ToolError::Unusable { executable: "npm", path: path.to_owned(), source };
    let lock = manifest.with_file_name("package-lock.json");
    let wanted = fs::read(&lock).map_err(|source| unusable(&lock, source))?;
    let home = tools.join("node-packages");
    let is_there = || fs::read(home.join("package-lock.json")).is_ok_and(|found| found == wanted);
    if is_there() {
        return Ok(home);
    }
    fs::create_dir_all(&tools).map_err(|source| unusable(&tools, source))?;
    let partial = tempfile::Builder::new().prefix(".installing-").tempdir_in(&tools);
    let partial = partial.map_err(|source| unusable(&tools, source))?;
    let packages = partial.path().join("packages");
    let mut command = npm(&node);
    command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
    command.arg("--cache").arg(partial.path().join("cache")).current_dir(&packages);
    let done = fs::create_dir(&packages)
        .and_then(|()| fs::copy(manifest, packages.join("package.json")))
        .and_then(|_| fs::copy(&lock, packages.join("package-lock.json")))
        .and_then(|_| command.output());
    let output = done.map_err(|source| unusable(&packages, source))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(unusable(&packages, io::Error::other(said)));
    }
    // Those of another lock file make way.
    if home.exists() && !is_there() {
        fs::rename(&home, partial.path().join("old")).map_err(|source| unusable(&home, source))?;
    }
    match fs::rename(&packages, &home) {
        Err(source) if !is_there() => Err(unusable(&home, source)),
        Ok(()) | Err(_) => Ok(home),
    }
}

/// The npm that came with this node, or else the one on PATH.
fn npm(node: &Path) -> Command {
    let real = node.canonicalize().unwrap_or_else(|_| node.to_owned());
    let beside = real.parent().map(|bin| bin.with_file_name("lib/node_modules/npm/bin/npm-cli.js"));
    match beside.filter(|script| script.is_file()) {
        Some(script) => {
            let mut command = Command::new(node);
            command.arg(script);
            command
        }
        None => Command::new("npm"),
    }
}
