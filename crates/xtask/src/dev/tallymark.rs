//! The two Tallymark processes of the demo: the service, and `publish`, which sends what the team does.

use std::env;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail};
use events::{Event, to_line};
use signal_hook::consts::SIGTERM;
use xtask::Process;

use super::http;
use super::settings::Settings;
use super::stop::{Stop, Waited};

/// How long the service may take until it is ready.
const READY_PATIENCE: Duration = Duration::from_secs(60);
/// How long a process may take to end in order.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// How long a process that has closed its connections may take to end.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks at whether the service is ready.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// `tallymark serve`.
pub(super) struct Service(Process);

impl Service {
    pub(super) fn start(executable: &Path, settings: &Settings) -> Result<Self> {
        let mut command = tallymark(executable, "serve", settings);
        let log = settings.file.with_file_name("tallymark.log");
        Ok(Self(start("tallymark serve", command.stdin(Stdio::null()), &log)?))
    }

    /// Waits until the service answers that it is ready.
    pub(super) fn wait_until_ready(&mut self, settings: &Settings, stop: &Stop) -> Result<Waited> {
        let deadline = Instant::now() + READY_PATIENCE;
        loop {
            let answer = http::get(settings.operator, "/readyz", &[]);
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(Waited::Through);
            }
            if stop.wait(LOOK_INTERVAL) == Waited::Stopped {
                return Ok(Waited::Stopped);
            }
            self.must_run()?;
            if Instant::now() > deadline {
                bail!(self.0.report(&format!("is not ready after {READY_PATIENCE:?}")));
            }
        }
    }

    pub(super) fn must_run(&mut self) -> Result<()> {
        must_run(&mut self.0)
    }

    /// As a crash would.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        Ok(())
    }

    /// The service did not answer: that it ended, if it did, says more than `error`.
    pub(super) fn blame<T>(&mut self, error: Error) -> Result<T> {
        self.0.wait(END_PATIENCE)?;
        self.must_run()?;
        Err(error)
    }

    /// Lets the service commit and end.
    pub(super) fn stop(mut self) -> Result<()> {
        let status = self.0.stop(STOP_PATIENCE)?;
        // One that was only just starting may not have listened to the signal yet.
        let is_in_order = status.success() || status.signal() == Some(SIGTERM);
        if !is_in_order {
            bail!(self.0.report(&format!("ended with {status} when it was asked to stop")));
        }
        Ok(())
    }
}

/// `tallymark publish -`, fed with one event at a time.
pub(super) struct Publisher {
    process: Process,
    lines: ChildStdin,
}

impl Publisher {
    pub(super) fn start(executable: &Path, settings: &Settings) -> Result<Self> {
        let mut command = tallymark(executable, "publish", settings);
        let log = settings.file.with_file_name("publish.log");
        let command = command.arg("-").stdin(Stdio::piped());
        let mut process = start("tallymark publish", command, &log)?;
        let lines = process.take_stdin().context("tallymark publish has no standard input")?;
        Ok(Self { process, lines })
    }

    pub(super) fn publish(&mut self, event: &Event<'_>) -> Result<()> {
        let written = writeln!(self.lines, "{}", to_line(event));
        // If the pipe is broken, the process itself says why.
        must_run(&mut self.process)?;
        written.context("tallymark publish takes no more events")
    }

    /// Lets what was written be stored.
    pub(super) fn stop(mut self) -> Result<()> {
        drop(self.lines);
        match self.process.wait(STOP_PATIENCE)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!(self.process.report(&format!("ended with {status}"))),
            None => bail!(self.process.report("does not end with its input")),
        }
    }
}

/// Tallymark with these settings and no others: those that the environment names would win.
fn tallymark(executable: &Path, subcommand: &str, settings: &Settings) -> Command {
    let mut command = Command::new(executable);
    command.args([subcommand, "--config"]).arg(&settings.file);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("TALLYMARK_") || text == "NATS_URL" || text == "NATS_CREDS" {
            command.env_remove(&name);
        }
    }
    command
}

fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Process> {
    File::create(log).with_context(|| format!("{} can't be written", log.display()))?;
    Ok(Process::start(name, command, log)?)
}

pub(super) fn must_run(process: &mut Process) -> Result<()> {
    match process.ended()? {
        None => Ok(()),
        Some(status) => bail!(process.report(&format!("ended by itself, {status}"))),
    }
}
