//! This program once more, as a server to compare the service with.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use bench::scratch;
use tempfile::TempDir;
use tokio::net::TcpListener;
use xtask::Process;

const LOOK: Duration = Duration::from_millis(5);

/// A running server, which ends with this value.
#[derive(Debug)]
pub(crate) struct Program {
    _process: Process,
    pub(crate) address: SocketAddr,
    _directory: TempDir,
}

impl Program {
    /// Starts `bench peer` with these arguments, and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let directory = scratch::directory()?;
        let printed = directory.path().join("printed.log");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("peer").args(arguments).stdin(Stdio::null());
        let mut process = Process::start("bench peer", &mut command, &printed)?;
        loop {
            if let Some(address) = fs::read_to_string(&printed)?.strip_suffix('\n') {
                return Ok(Self { _process: process, address: address.parse()?, _directory: directory });
            }
            ensure!(process.ended()?.is_none(), "{}", process.report("ended"));
            std::thread::sleep(LOOK);
        }
    }
}

/// Tells who started this program that it listens, and where.
pub(crate) fn announce(listener: &TcpListener) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", listener.local_addr()?)?)
}
