//! `tallymark dead-letters`: the malformed events that were passed over, and how they get a second chance.

mod letter;
mod list;
mod requeue;
mod show;

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use async_nats::{Client, ConnectOptions};
use clap::{Args, Subcommand};
use consumer::{Log, LogError, dead_letter_stream};

use self::letter::Letter;
use crate::nats;
use crate::settings::Settings;

pub(crate) const HELP: &str = "\
A malformed event is passed over and copied to the stream <nats.stream>_DEAD. Nothing here removes a copy: the last one
tells the service which events are copied already. Let the stream's limits (max age, say) drop old ones.

Examples:
  tallymark dead-letters list --config tallymark.toml
  tallymark dead-letters show 7
  tallymark dead-letters requeue 7 --body corrected.json";

/// What `dead-letters` is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The settings file, of which the table nats matters here; variables and defaults apply as for serve
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List dead letters, the oldest first
    #[command(after_help = list::HELP)]
    List(list::Arguments),
    /// Show one dead letter with its body
    #[command(after_help = show::HELP)]
    Show(show::Arguments),
    /// Publish a dead letter's event once more, as it is or corrected
    #[command(after_help = requeue::HELP)]
    Requeue(requeue::Arguments),
}

/// Does what the command line says.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let nats = &settings.nats;
    let client = nats::connect(nats, ConnectOptions::new().name("tallymark dead-letters")).await?;
    let dead = DeadLetters::new(&client, dead_letter_stream(&nats.stream));
    match &arguments.command {
        Command::List(arguments) => list::run(&dead, &nats.subject_prefix, arguments).await,
        Command::Show(arguments) => show::run(&dead, arguments).await,
        Command::Requeue(arguments) => requeue::run(&dead, client, nats, arguments).await,
    }
}

/// The stream of the dead letters.
struct DeadLetters {
    stream: String,
    log: Log,
}

impl DeadLetters {
    fn new(client: &Client, stream: String) -> Self {
        Self { log: Log::new(client.clone(), &stream), stream }
    }

    /// The dead letter at that sequence.
    async fn letter(&self, sequence: u64) -> anyhow::Result<Letter> {
        let stream = &self.stream;
        let bounds = self.log.bounds().await.map_err(explained)?;
        let Some(message) = self.log.at(sequence).await.map_err(explained)? else {
            let (first, last) = (bounds.first, bounds.last);
            let has = if first > last { "is empty".to_owned() } else { format!("has {first} to {last}") };
            bail!("there is no dead letter {sequence} in the stream {stream:?}, which {has}");
        };
        let letter = Letter::new(message);
        letter.with_context(|| format!("message {sequence} of the stream {stream:?} is no dead letter"))
    }
}

/// Adds to an error what can be done.
fn explained(error: LogError) -> anyhow::Error {
    let is_missing = matches!(error, LogError::Missing { .. });
    let error = anyhow::Error::new(error);
    if is_missing {
        error.context("see nats.stream in the settings, and that the stream of the dead letters was created")
    } else {
        error
    }
}

/// Writes data to standard output.
fn print(data: &[u8]) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(data).and_then(|()| output.flush()) {
        // The reader has seen enough: `tallymark dead-letters list | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output can't be written to"),
    }
}
