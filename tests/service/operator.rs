//! Whoever gives commands beside a service, with its settings.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tests::{Service, tallymark};

/// Somebody at a shell where the service's settings are. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Operator(PathBuf);

impl From<&Service> for Operator {
    fn from(service: &Service) -> Self {
        service.settings.write(&service.settings_file());
        Self(service.settings_file())
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) data: String,
    /// Standard error.
    pub(crate) told: String,
}

/// Runs a command with the settings of that service, whether it runs or not.
#[track_caller]
pub(crate) fn run(operator: impl Into<Operator>, arguments: &[&str]) -> Ended {
    let Operator(file) = operator.into();
    let mut command = Command::new(tallymark());
    command.args(arguments).arg("--config").arg(&file).current_dir(file.parent().unwrap()).env_clear();
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), data: text(output.stdout), told: text(output.stderr) }
}

impl Ended {
    /// It ended with this status, and said this.
    #[track_caller]
    pub(crate) fn with(self, code: i32, told: &str) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.data, self.told);
        assert!(self.told.contains(told), "{told:?} is not in {}", self.told);
        self
    }

    /// What it printed with `--json`.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.data, self.told))
    }
}

/// What a command prints with `--json`, which does what it is told.
#[track_caller]
pub(crate) fn json(operator: impl Into<Operator>, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    run(operator, &arguments).with(0, "").json()
}
