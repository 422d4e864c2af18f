//! Programs under the watch, and what is left of their files.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use power_cut::{IS_POSSIBLE, Unsynced, after_the_cut, environment, watch};
use tempfile::TempDir;

use crate::child::SCRIPT_VARIABLE;

/// Says so when nothing can be tested here.
pub(crate) fn is_possible() -> bool {
    if !IS_POSSIBLE {
        println!("SKIPPED: syncs of a program can be watched on Linux with glibc only");
    }
    IS_POSSIBLE
}

/// A watched directory with its shadow.
pub(crate) struct Watched {
    home: TempDir,
}

impl Watched {
    /// With what a script, not watched, made there before.
    pub(crate) fn new(before: &str) -> Self {
        let watched = Self { home: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        fs::create_dir(watched.directory()).unwrap();
        if !before.is_empty() {
            ended_by(&watched.command(before).output().unwrap(), 9);
        }
        watch(&watched.directory(), &watched.shadow()).unwrap();
        watched
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(crate) fn shadow(&self) -> PathBuf {
        self.home.path().join("shadow")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.shadow().join("journal")
    }

    /// A program that would play the script, not watched.
    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::play", "--nocapture"]).env(SCRIPT_VARIABLE, script);
        command.current_dir(self.directory()).stdin(Stdio::null());
        command
    }

    /// A program that would play the script.
    pub(crate) fn watched_command(&self, script: &str) -> Command {
        let mut command = self.command(script);
        command.envs(environment(&self.shadow()).unwrap());
        command
    }

    /// Plays the script to its end.
    #[track_caller]
    pub(crate) fn play(&self, script: &str) {
        ended_by(&self.watched_command(script).output().unwrap(), 9);
    }

    /// What is there after the cut: `name=content` for each file and `name/` for each directory, in order.
    pub(crate) fn left(&self, unsynced: Unsynced) -> String {
        let destination = tempfile::tempdir_in(self.home.path()).unwrap();
        after_the_cut(&self.shadow(), destination.path(), unsynced).unwrap();
        listed(destination.path())
    }
}

/// The signal that must have ended it.
#[track_caller]
pub(crate) fn ended_by(output: &Output, signal: i32) {
    let printed = [output.stdout.as_slice(), &output.stderr].concat();
    assert_eq!(output.status.signal(), Some(signal), "{}", String::from_utf8_lossy(&printed));
}

/// All that a directory holds.
pub(crate) fn listed(directory: &Path) -> String {
    let mut lines = Vec::new();
    list(directory, "", &mut lines);
    lines.sort();
    lines.join(" ")
}

fn list(directory: &Path, prefix: &str, lines: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            lines.push(format!("{name}/"));
            list(&entry.path(), &format!("{name}/"), lines);
        } else {
            lines.push(format!("{name}={}", fs::read_to_string(entry.path()).unwrap().replace('\0', "_")));
        }
    }
}
