//! A NATS server with JetStream that belongs to one test or one demo.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;
use crate::tool::{Tool, ToolError};
use crate::workspace;

/// How long a server may take until it serves; reading a large store back takes seconds.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long a server may take to end when asked to.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks for the file in which the server names its port.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// What kind of server to start. The default is one with a store of its own and the server's settings.
#[derive(Debug, Default)]
pub struct Options {
    /// Where the streams are kept.
    pub store: Store,
    /// The largest message taken, in bytes; without it the server's default of 1 MiB.
    pub max_payload: Option<u32>,
    /// More lines of the server's configuration file, for example accounts.
    pub configuration: String,
}

/// Where a server keeps its streams, configuration and log.
#[derive(Debug, Default)]
pub enum Store {
    /// In a new directory below the build directory, deleted when the server is dropped.
    #[default]
    Temporary,
    /// In this directory, which is made if need be and stays.
    At(PathBuf),
}

/// A running nats-server on a free loopback port, killed when this value is dropped or its owner dies.
///
/// All calls block until they are done: some 20 ms for a start with an empty store.
#[derive(Debug)]
pub struct NatsServer {
    // The first field is dropped first: the server ends before its directory goes.
    process: Option<Process>,
    executable: PathBuf,
    directory: Directory,
    /// The port of the first start, which every later one takes again.
    port: Option<u16>,
}

#[derive(Debug)]
enum Directory {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl NatsServer {
    /// Starts a server and waits until it serves. A nats-server is installed first if there is none.
    pub fn start(options: &Options) -> Result<Self, NatsServerError> {
        let executable = Tool::NATS_SERVER.find_or_install()?;
        let directory = match &options.store {
            Store::Temporary => {
                let place = workspace::target().join("tmp");
                fs::create_dir_all(&place)?;
                let made = tempfile::Builder::new().prefix("nats-server-").tempdir_in(place)?;
                Directory::Temporary(made)
            }
            Store::At(path) => {
                fs::create_dir_all(path)?;
                Directory::Kept(path.clone())
            }
        };
        let mut server = Self { process: None, executable, directory, port: None };
        let streams = server.streams();
        let mut configuration = format!("jetstream {{ store_dir: {streams:?} }}\n");
        if let Some(bytes) = options.max_payload {
            configuration += &format!("max_payload: {bytes}\n");
        }
        configuration += &options.configuration;
        fs::write(server.directory().join("nats-server.conf"), configuration)?;
        server.launch()?;
        Ok(server)
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// The loopback port, the same after every restart.
    pub fn port(&self) -> u16 {
        self.port.expect("a server that was started has a port")
    }

    /// Where the server's streams, configuration and log are.
    pub fn directory(&self) -> &Path {
        match &self.directory {
            Directory::Temporary(directory) => directory.path(),
            Directory::Kept(path) => path,
        }
    }

    /// The running program, unless it was stopped or killed.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Ends the server in order, as an operator would (SIGTERM).
    pub fn stop(&mut self) -> Result<(), NatsServerError> {
        if let Some(mut process) = self.process.take() {
            process.stop(STOP_PATIENCE)?;
        }
        Ok(())
    }

    /// Kills the server (SIGKILL).
    pub fn kill(&mut self) -> Result<(), NatsServerError> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        Ok(())
    }

    /// Starts the server again on the same port and with the same store, stopping it first if it runs.
    pub fn restart(&mut self) -> Result<(), NatsServerError> {
        self.stop()?;
        self.launch()
    }

    /// Kills the server if it runs, and deletes its streams.
    pub fn wipe(&mut self) -> Result<(), NatsServerError> {
        self.kill()?;
        remove_directory(&self.streams())?;
        Ok(())
    }

    fn launch(&mut self) -> Result<(), NatsServerError> {
        let ports = self.directory().join("ports");
        remove_directory(&ports)?;
        fs::create_dir_all(&ports)?;
        let port = self.port.map_or_else(|| "-1".to_owned(), |port| port.to_string());
        let mut command = Command::new(&self.executable);
        command
            .args(["--addr", "127.0.0.1", "--port", &port, "--ports_file_dir"])
            .arg(&ports)
            .arg("--config")
            .arg(self.directory().join("nats-server.conf"))
            .stdin(Stdio::null());
        let log = self.directory().join("nats-server.log");
        let mut process = Process::start("nats-server", &mut command, &log)?;
        self.port = Some(serving_port(&mut process, &ports)?);
        self.process = Some(process);
        Ok(())
    }

    fn streams(&self) -> PathBuf {
        self.directory().join("streams")
    }
}

/// The port as the server itself names it, which it does once it takes connections and its streams are open.
fn serving_port(process: &mut Process, ports: &Path) -> Result<u16, NatsServerError> {
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        for entry in fs::read_dir(ports)? {
            // The file may be there before its content.
            if let Some(port) = port_in(&fs::read_to_string(entry?.path())?) {
                return Ok(port);
            }
        }
        if let Some(status) = process.ended()? {
            return Err(NatsServerError::NotServing(process.report(&format!("ended, {status}"))));
        }
        if Instant::now() > deadline {
            let happening = format!("does not serve after {START_PATIENCE:?}");
            return Err(NatsServerError::NotServing(process.report(&happening)));
        }
        thread::sleep(LOOK_INTERVAL);
    }
}

/// The port in `{"nats":["nats://127.0.0.1:4222"]}`.
fn port_in(ports: &str) -> Option<u16> {
    let ports: Value = serde_json::from_str(ports).ok()?;
    let (_, port) = ports.pointer("/nats/0")?.as_str()?.rsplit_once(':')?;
    port.parse().ok()
}

fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum NatsServerError {
    /// There is no nats-server to start.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The server did not get to the point where it serves; with the end of its log.
    #[error("{0}")]
    NotServing(String),
    /// A file of the server can't be made or read, or a process can't be started or ended.
    #[error("nats-server can't be set up: {0}")]
    System(#[from] io::Error),
}
