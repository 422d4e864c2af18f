//! The executable at work.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

use xtask::{Process, Signal};

use crate::executable::tallymark;
use crate::wait::PATIENCE;

/// A running `tallymark`, killed when this value is dropped.
#[derive(Debug)]
pub struct Program {
    process: Process,
    log: PathBuf,
}

/// How a `tallymark` ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    /// All that it printed, to whichever stream.
    pub printed: String,
}

impl Program {
    /// Starts `tallymark` with these arguments, in this directory, without any environment.
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::launch(&tallymark(), directory, arguments, &BTreeMap::new(), Stdio::null())
    }

    /// Like `start`, for this executable and with this environment.
    pub(crate) fn start_executable(
        executable: &Path,
        directory: &Path,
        arguments: &[&str],
        environment: &BTreeMap<String, String>,
    ) -> Self {
        Self::launch(executable, directory, arguments, environment, Stdio::null())
    }

    /// Like `start`, with a pipe to its standard input.
    pub fn start_with_pipe(directory: &Path, arguments: &[&str]) -> (Self, ChildStdin) {
        let mut program = Self::launch(&tallymark(), directory, arguments, &BTreeMap::new(), Stdio::piped());
        let pipe = program.process.take_stdin().expect("standard input is a pipe");
        (program, pipe)
    }

    /// Runs `tallymark` to its end.
    #[track_caller]
    pub fn run(directory: &Path, arguments: &[&str]) -> Finished {
        Self::start(directory, arguments).finish()
    }

    fn launch(
        executable: &Path,
        directory: &Path,
        arguments: &[&str],
        environment: &BTreeMap<String, String>,
        input: Stdio,
    ) -> Self {
        let log = tempfile::Builder::new().prefix("printed-").suffix(".log").tempfile_in(directory);
        let log = log.and_then(|file| Ok(file.keep()?.1)).expect("a log can be made");
        let mut command = Command::new(executable);
        command.args(arguments).current_dir(directory).env_clear().envs(environment).stdin(input);
        let process = Process::start("tallymark", &mut command, &log).expect("tallymark can be started");
        Self { process, log }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("the log can be read")).into_owned()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let Some(status) = self.process.wait(PATIENCE).expect("a child can be waited for") else {
            panic!("{}", self.report(&format!("does not end within {PATIENCE:?}")));
        };
        Finished { code: status.code(), printed: self.printed() }
    }

    /// Sends SIGTERM and waits for its end.
    #[track_caller]
    pub fn terminate(mut self) -> Finished {
        self.process.signal(Signal::TERM).expect("a child can be signalled");
        self.finish()
    }

    /// Kills it (SIGKILL), unless it has ended.
    pub fn kill(mut self) -> Finished {
        let status = self.process.kill().expect("a child can be killed");
        Finished { code: status.code(), printed: self.printed() }
    }

    /// Sends it a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal).expect("a child can be signalled");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.ended().expect("a child can be waited for").is_some()
    }

    /// Panics if it has ended.
    #[track_caller]
    pub fn must_run(&mut self) {
        if let Some(status) = self.process.ended().expect("a child can be waited for") {
            panic!("{}", self.report(&format!("ended by itself, {status}")));
        }
    }

    /// Says that it is not what it should be, with the last lines it printed.
    pub fn report(&self, happening: &str) -> String {
        self.process.report(happening)
    }
}
