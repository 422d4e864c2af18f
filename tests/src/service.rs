//! `tallymark serve`, as its users and its operator see it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;
use xtask::Signal;

use crate::asker::{Asker, Badge};
use crate::executable::tallymark;
use crate::http::{Answer, Client};
use crate::metrics::Metrics;
use crate::program::{Finished, Program};
use crate::settings::{self, Settings};
use crate::wait::until;

/// A service with a home of its own, which stays from one start to the next.
#[derive(Debug)]
pub struct Service {
    /// What the next start reads.
    pub settings: Settings,
    /// The whole environment of the next start.
    pub environment: BTreeMap<String, String>,
    /// Runs instead of the executable that is built from the sources as they are now.
    pub executable: Option<PathBuf>,
    running: Option<Running>,
    home: TempDir,
}

#[derive(Debug)]
struct Running {
    program: Program,
    listeners: Option<Listeners>,
}

#[derive(Debug)]
struct Listeners {
    public: Asker,
    operator: Client,
}

impl Service {
    /// Starts a service; returns when its listeners are bound.
    #[track_caller]
    pub fn start(settings: Settings) -> Self {
        let mut service = Self::at(settings, settings::home());
        service.restart();
        service
    }

    /// A service that is not started yet, with this home: its data directory is `data` there.
    pub fn at(settings: Settings, home: TempDir) -> Self {
        Self { settings, environment: BTreeMap::new(), executable: None, running: None, home }
    }

    /// Starts it again, after it was ended.
    #[track_caller]
    pub fn restart(&mut self) {
        self.launch();
        self.listening();
    }

    /// Starts it, and waits for nothing.
    #[track_caller]
    pub fn launch(&mut self) {
        assert!(self.running.is_none(), "the service runs already");
        self.running = Some(Running { program: self.another(), listeners: None });
    }

    /// Waits until its listeners are bound.
    #[track_caller]
    pub fn listening(&mut self) {
        until("the bound addresses in the log", || {
            self.running.as_mut().expect("the service was launched").program.must_run();
            if self.is_listening() { Ok(()) } else { Err(self.printed()) }
        });
    }

    /// Whether its listeners are bound by now.
    #[track_caller]
    pub fn is_listening(&mut self) -> bool {
        let running = self.running.as_mut().expect("the service was launched");
        if running.listeners.is_none() {
            let log = running.program.printed();
            let bound = bound(&log, "http.listen").zip(bound(&log, "http.operator_listen"));
            running.listeners = bound.map(|(public, operator)| Listeners {
                public: Asker::new(public),
                operator: Client::new(operator),
            });
        }
        running.listeners.is_some()
    }

    /// Another process with the same settings and the same data directory.
    pub fn another(&self) -> Program {
        self.settings.write(&self.settings_file());
        let executable = self.executable.clone().unwrap_or_else(tallymark);
        let arguments = ["serve", "--config", "tallymark.toml"];
        Program::start_executable(&executable, self.home.path(), &arguments, &self.environment)
    }

    /// Where the settings are.
    pub fn settings_file(&self) -> PathBuf {
        self.home.path().join("tallymark.toml")
    }

    /// Where the state is.
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Kills it if it runs, and leaves all that there is of it where it is; returns where.
    pub fn keep(&mut self) -> PathBuf {
        self.running = None;
        self.home.disable_cleanup(true);
        self.home.path().to_owned()
    }

    /// Kills it (SIGKILL), unless it has ended.
    #[track_caller]
    pub fn kill(&mut self) -> Finished {
        self.running.take().expect("the service runs").program.kill()
    }

    /// Its process id.
    #[track_caller]
    pub fn process_id(&self) -> u32 {
        self.running.as_ref().expect("the service runs").program.id()
    }

    /// Sends it a signal, unless it has ended.
    #[track_caller]
    pub fn signal(&mut self, signal: Signal) {
        self.running.as_mut().expect("the service runs").program.signal(signal);
    }

    /// Whether it has ended by itself. It has to be killed all the same before the next start.
    #[track_caller]
    pub fn has_ended(&mut self) -> bool {
        self.running.as_mut().expect("the service runs").program.has_ended()
    }

    /// What it has printed since this start.
    #[track_caller]
    pub fn printed(&self) -> String {
        self.running.as_ref().expect("the service runs").program.printed()
    }

    /// Ends it in order (SIGTERM).
    #[track_caller]
    pub fn terminate(&mut self) -> Finished {
        self.running.take().expect("the service runs").program.terminate()
    }

    /// Waits until it is ready.
    #[track_caller]
    pub fn ready(&mut self) {
        self.readiness("ready", |said| said["ready"] == true);
    }

    /// Waits until what `/readyz` says is that; returns it.
    #[track_caller]
    pub fn readiness(&mut self, awaited: &str, is_that: impl Fn(&Value) -> bool) -> Value {
        let Running { program, listeners } = self.running.as_mut().expect("the service runs");
        let operator = &listeners.as_ref().expect("it listens").operator;
        until(&format!("{awaited} from /readyz"), || {
            program.must_run();
            let answer = operator.get("/readyz", &[]).map_err(|error| error.to_string())?;
            let said = answer.json();
            assert_eq!(answer.status, if said["ready"] == true { 200 } else { 503 }, "{answer:?}");
            if is_that(&said) { Ok(said) } else { Err(answer.body) }
        })
    }

    /// Waits until its store is loaded; returns the sequence up to which that was counted.
    #[track_caller]
    pub fn loaded(&mut self) -> u64 {
        let running = self.running.as_mut().expect("the service runs");
        until("the loaded store in the log", || {
            running.program.must_run();
            let log = running.program.printed();
            let loaded = messages(&log).find(|line| line["message"] == "store loaded");
            loaded.and_then(|line| line["applied_sequence"].as_u64()).ok_or(log)
        })
    }

    /// Waits until every event up to this stream sequence is in the counts.
    #[track_caller]
    pub fn applied(&mut self, sequence: u64) {
        let Running { program, listeners } = self.running.as_mut().expect("the service runs");
        let operator = &listeners.as_ref().expect("it listens").operator;
        until(&format!("sequence {sequence}"), || {
            program.must_run();
            let metrics = metrics(operator)?;
            let applied = metrics.sum("tallymark_applied_sequence");
            if applied >= sequence { Ok(()) } else { Err(format!("sequence {applied}")) }
        });
    }

    /// Waits until every event up to this stream sequence is on the disk.
    #[track_caller]
    pub fn durable(&self, sequence: u64) {
        until(&format!("sequence {sequence} on the disk"), || {
            let durable = self.metrics().sum("tallymark_durable_sequence");
            if durable >= sequence { Ok(()) } else { Err(format!("sequence {durable}")) }
        });
    }

    /// Asks for a badge.
    #[track_caller]
    pub fn ask(&self, tenant: &str, user: &str, tags: &[&str]) -> Answer {
        self.listeners().public.ask(tenant, user, tags)
    }

    /// A request to the public listener with that user's credentials.
    #[track_caller]
    pub fn request(&self, method: &str, target: &str, tenant: &str, user: &str) -> Answer {
        self.listeners().public.request(method, target, tenant, user)
    }

    /// A question in a body, with that user's credentials and those of the tenant's servers. It must be answered.
    #[track_caller]
    pub fn post(&self, target: &str, body: &Value, tenant: &str, user: &str) -> Value {
        self.listeners().public.post(target, body, tenant, user)
    }

    /// A badge that must be given.
    #[track_caller]
    pub fn badge(&self, tenant: &str, user: &str, tags: &[&str]) -> Badge {
        self.listeners().public.badge(tenant, user, tags)
    }

    /// Somebody else who asks for badges, over a connection of their own.
    #[track_caller]
    pub fn asker(&self) -> Asker {
        Asker::new(self.public().server())
    }

    /// The public listener.
    #[track_caller]
    pub fn public(&self) -> &Client {
        self.listeners().public.client()
    }

    /// The operator's listener.
    #[track_caller]
    pub fn operator(&self) -> &Client {
        &self.listeners().operator
    }

    #[track_caller]
    fn listeners(&self) -> &Listeners {
        let running = self.running.as_ref().expect("the service runs");
        running.listeners.as_ref().expect("it listens")
    }

    /// What `/status` says.
    pub fn status(&self) -> io::Result<Value> {
        let answer = self.operator().get("/status", &[])?;
        if answer.status == 200 { Ok(answer.json()) } else { Err(io::Error::other(format!("{answer:?}"))) }
    }

    /// The metrics of this moment.
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        metrics(self.operator()).unwrap_or_else(|error| panic!("no metrics: {error}"))
    }
}

fn metrics(operator: &Client) -> Result<Metrics, String> {
    let answer = operator.get("/metrics", &[]).map_err(|error| error.to_string())?;
    if answer.status == 200 { Ok(Metrics::new(answer.body)) } else { Err(format!("{answer:?}")) }
}

/// The lines of a log.
fn messages(log: &str) -> impl Iterator<Item = Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// The address of a listener, from the line of the log that names its setting.
fn bound(log: &str, setting: &str) -> Option<SocketAddr> {
    let message = format!("listening: {setting}");
    let line = messages(log).find(|line| line["message"] == message.as_str())?;
    line["address"].as_str()?.parse().ok()
}
