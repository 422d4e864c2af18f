//! A child process that does not outlive its owner.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Between two looks at whether a process has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// A running program, killed when this value is dropped and also when the process that owns it dies
/// in any other way, be it by SIGKILL.
///
/// The latter is the work of a small shell, the *lifeline*: it waits for the end of a pipe that only
/// the owner holds open, and then kills the program. The program leads a process group of its own, so that
/// Ctrl-C at a terminal reaches the owner alone, who then decides what ends when.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    log: PathBuf,
    child: Child,
    lifeline: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`. What it prints is added to the end of the file `log`.
    pub fn start(name: &'static str, command: &mut Command, log: &Path) -> io::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let mut child = command
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{name} can't be run: {error}")))?;
        let lifeline = Command::new("sh")
            .args(["-c", "read -r _; kill -KILL \"$0\"", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match lifeline {
            Ok(lifeline) => Ok(Self { name, log: log.to_owned(), child, lifeline, ended: None }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The program's standard input, if the command asked for a pipe and nobody has taken it yet.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// How the program ended, if it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none()
            && let Some(status) = self.child.try_wait()?
        {
            self.ended = Some(status);
            self.cut_lifeline()?;
        }
        Ok(self.ended)
    }

    /// Waits at most so long for the program to end by itself.
    pub fn wait(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            match self.ended()? {
                None if Instant::now() < deadline => thread::sleep(LOOK_INTERVAL),
                ended => return Ok(ended),
            }
        }
    }

    /// Sends the program a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.ended()?.is_none() {
            kill_process(Pid::from_child(&self.child), signal)?;
        }
        Ok(())
    }

    /// Asks the program to end (SIGTERM), and kills it if that takes longer than `patience`.
    pub fn stop(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        match self.wait(patience)? {
            Some(status) => Ok(status),
            None => self.kill(),
        }
    }

    /// Kills the program (SIGKILL).
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        // The lifeline goes first: once the program is waited for, its id may be another's.
        self.cut_lifeline()?;
        self.child.kill()?;
        let status = self.child.wait()?;
        self.ended = Some(status);
        Ok(status)
    }

    /// Says that the program is not what it should be, `happening` to it, with the last lines it printed.
    pub fn report(&self, happening: &str) -> String {
        let printed = fs::read(&self.log).unwrap_or_default();
        let printed = String::from_utf8_lossy(&printed);
        let lines: Vec<&str> = printed.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n  ");
        format!("{} {happening}; the end of {}:\n  {tail}", self.name, self.log.display())
    }

    fn cut_lifeline(&mut self) -> io::Result<()> {
        self.lifeline.kill()?;
        self.lifeline.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that there is nothing left to kill.
        self.kill().ok();
    }
}
