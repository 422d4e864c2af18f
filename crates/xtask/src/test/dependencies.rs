//! cargo-deny: licences, sources and bans always; known advisories where their database can be fetched.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use xtask::{Process, Tool};

use crate::cargo::pass;

/// The database is a git repository of some megabytes.
const FETCH_PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn check() -> Result<()> {
    let cargo_deny = Tool::CARGO_DENY.find_or_install()?;
    println!("cargo-deny: {}", cargo_deny.display());
    let deny = || {
        let mut command = Command::new(&cargo_deny);
        command.current_dir(xtask::root()).stdin(Stdio::null());
        command
    };
    pass(deny().args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    match fetch_advisories(&mut deny())? {
        Fetched::Done => pass(deny().args(["--offline", "check", "advisories"])),
        Fetched::Impossible(reason) => {
            println!("advisories: SKIPPED, their database can't be fetched: {reason}");
            Ok(())
        }
    }
}

enum Fetched {
    Done,
    Impossible(String),
}

fn fetch_advisories(deny: &mut Command) -> Result<Fetched> {
    let logs = xtask::target().join("tmp");
    fs::create_dir_all(&logs)?;
    let log = tempfile::NamedTempFile::new_in(logs)?;
    // A prompt for a password would be a wait for nobody.
    let deny = deny.args(["fetch", "db"]).env("GIT_TERMINAL_PROMPT", "0");
    let mut fetch = Process::start("cargo-deny", deny, log.path())?;
    Ok(match fetch.wait(FETCH_PATIENCE)? {
        Some(status) if status.success() => Fetched::Done,
        Some(_) => Fetched::Impossible(last_line(log.path())?),
        None => Fetched::Impossible(format!("it took longer than {FETCH_PATIENCE:?}")),
    })
}

fn last_line(path: &Path) -> Result<String> {
    let text = fs::read(path)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").to_owned())
}
