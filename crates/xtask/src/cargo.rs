//! Running cargo and other programs that print for themselves.

use std::env;
use std::ffi::OsStr;
use std::iter;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The cargo that runs this program, or else the one on PATH, in the workspace's root.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(xtask::root()).stdin(Stdio::null());
    command
}

/// Runs a command that must succeed.
pub(crate) fn pass(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("`{}` can't be run", shown(command)))?;
    ensure!(status.success(), "`{}` ended with {status}", shown(command));
    Ok(())
}

/// Runs a command that must succeed, for what it prints.
pub(crate) fn printed_by(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`{}` can't be run", shown(command)))?;
    ensure!(output.status.success(), "`{}` ended with {}", shown(command), output.status);
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something that is no UTF-8", shown(command)))
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words: Vec<_> = iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
