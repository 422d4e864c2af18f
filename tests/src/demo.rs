//! `cargo xtask dev`, as somebody who tries it out has it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use xtask::Process;

use crate::executable::{tallymark, xtask_executable};
use crate::http::Client;
use crate::settings;
use crate::wait::{PATIENCE, until};

/// A running demo, killed with all that it started when this value is dropped.
#[derive(Debug)]
pub struct Demo {
    process: Process,
    log: PathBuf,
    tallymark: Client,
    token: String,
    _home: TempDir,
}

impl Demo {
    /// Starts it, on free ports and with files of its own; returns when it has said where everything is.
    #[track_caller]
    pub fn start() -> Self {
        let home = settings::home();
        let log = home.path().join("printed");
        let mut command = Command::new(xtask_executable());
        command.args(["dev", "--port", "0", "--home"]).arg(home.path().join("dev"));
        command.arg("--executable").arg(tallymark()).stdin(Stdio::null());
        let mut process = Process::start("cargo xtask dev", &mut command, &log).expect("it can be started");
        let curl = until("a line for a shell", || {
            assert!(process.ended().is_ok_and(|ended| ended.is_none()), "{}", process.report("ended"));
            let printed = fs::read_to_string(&log).unwrap_or_default();
            let line = printed.lines().find(|line| line.starts_with("curl ") && line.contains("roomTags"));
            line.map(str::to_owned).ok_or(printed)
        });
        let between = |before: &str, after: &str| {
            let (_, rest) = curl.split_once(before).expect("the line has it");
            rest.split_once(after).expect("the line goes on").0.to_owned()
        };
        let server: SocketAddr = between("http://", "/").parse().expect("an address");
        let token = between("IM-Authorization: ", "'");
        Self { process, log, tallymark: Client::new(server), token, _home: home }
    }

    /// Where it says that its page is.
    pub fn page(&self) -> String {
        let printed = self.printed();
        let line = printed.lines().find_map(|line| line.strip_prefix("demo page "));
        line.expect("it says where its page is").trim().to_owned()
    }

    /// Where the service is.
    pub fn tallymark(&self) -> SocketAddr {
        self.tallymark.server()
    }

    /// What it has printed.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What the service says to its user.
    #[track_caller]
    pub fn ask(&self, target: &str) -> Value {
        let headers = [("IM-CLIENT-KEY", "demo-client-key"), ("IM-Authorization", self.token.as_str())];
        let answer = self.tallymark.get(target, &headers).expect("the service answers");
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        answer.json()["result"].take()
    }

    /// Stops it, as Ctrl-C does; returns whether all went well.
    pub fn stop(mut self) -> bool {
        self.process.stop(PATIENCE).is_ok_and(|status| status.success())
    }
}
