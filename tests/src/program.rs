//! The executable at work.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write as _};
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

/// Where a program's outputs go, if not to its log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Redirected<'a> {
    /// Standard output.
    pub output: Option<&'a Path>,
    /// Standard error.
    pub errors: Option<&'a Path>,
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

    /// Starts `tallymark` with its outputs in these places, whether files, pipes or terminals, and with a pipe to its
    /// standard input. What is not redirected is in the log. Closing the pipe ends the input.
    pub fn start_redirected(
        directory: &Path,
        arguments: &[&str],
        Redirected { output, errors }: Redirected<'_>,
    ) -> (Self, ChildStdin) {
        let (mut script, mut places) = ("exec \"$@\"".to_owned(), BTreeMap::new());
        for (descriptor, place) in [("1", output), ("2", errors)] {
            if let Some(place) = place {
                let variable = format!("PLACE{descriptor}");
                script += &format!(" {descriptor}>>\"${variable}\"");
                places.insert(variable, place.to_str().expect("a path is a text").to_owned());
            }
        }
        // Without it no terminal is taken to be able to do anything.
        places.insert("TERM".to_owned(), "xterm".to_owned());
        let executable = tallymark();
        let executable = executable.to_str().expect("a path is a text");
        let arguments = [&["-c", &script, "sh", executable], arguments].concat();
        let mut program = Self::launch(Path::new("/bin/sh"), directory, &arguments, &places, Stdio::piped());
        let pipe = program.process.take_stdin().expect("standard input is a pipe");
        (program, pipe)
    }

    /// Runs `tallymark` to its end with this input; returns also what it wrote to standard output, which is not among
    /// what it printed.
    #[track_caller]
    pub fn run_apart(directory: &Path, arguments: &[&str], input: &[u8]) -> (Finished, Vec<u8>) {
        let output = tempfile::NamedTempFile::new_in(directory).expect("a file can be made");
        let redirected = Redirected { output: Some(output.path()), errors: None };
        let (program, mut pipe) = Self::start_redirected(directory, arguments, redirected);
        match pipe.write_all(input) {
            // It has seen enough, and its status will tell.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.expect("a pipe can be written to"),
        }
        drop(pipe);
        (program.finish(), fs::read(output.path()).expect("a file can be read"))
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
