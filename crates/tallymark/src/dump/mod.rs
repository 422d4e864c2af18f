//! `tallymark dump`: the stream's events as lines, which `publish` takes.

mod output;
mod part;
mod reader;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use async_nats::ConnectOptions;
use clap::Args;
use consumer::{Log, LogError};
use futures::{FutureExt as _, StreamExt as _};

use self::output::{Output, Reading};
use self::part::Part;
use self::reader::Reader;
use crate::nats;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::signals;

/// How long the last lines may take to be written after SIGINT or SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(2);

pub(crate) const HELP: &str = "\
Each line is one event in the form that publish takes. A message.posted always has `at`: the time that counts for it,
which is the sender's, or the time the stream stored it if that is earlier or the sender gave none. So the lines,
published to an empty stream, give the same counts and the same times. Fields that mean nothing to Tallymark are left
out; so are malformed events, which are named on standard error, and messages outside nats.subject_prefix.

The dump ends with what was the stream's last message when it began, and needs no running service and no data directory.

Examples:
  tallymark dump --config tallymark.toml > events.ndjson
  tallymark dump --tenant demo --from-time 2026-01-31T08:00:00Z --until-time 2026-01-31T09:00:00Z
  tallymark dump --from-seq 120001 | gzip > tail.ndjson.gz";

/// What `dump` is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The settings file, of which the table nats matters here; variables and defaults apply as for serve
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    part: Part,
    /// Only this tenant's events
    #[arg(long, value_name = "TENANT", value_parser = tenant)]
    tenant: Option<String>,
}

/// Takes a tenant's name.
pub(crate) fn tenant(text: &str) -> Result<String, String> {
    events::Tenant::new(text).map(|_| text.to_owned()).map_err(|error| format!("a tenant's name {error}"))
}

/// Writes the events to standard output.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let nats = &settings.nats;
    let stop = signals::stop_requested()?;
    let client = nats::connect(nats, ConnectOptions::new().name("tallymark dump")).await?;
    let log = Log::new(client, &nats.stream);
    let (from, until) = arguments.part.sequences(&log).await?;
    let progress = Progress::start_beside_output(Some((until + 1).saturating_sub(from)), Instant::now());
    let mut reader = Reader::new(nats.subject_prefix.clone(), arguments.tenant.clone(), from, progress);
    let mut output = Output::start();

    let end = tokio::select! {
        biased;
        () = stop => End::Stopped,
        end = copy(&log, from, until, &mut reader, &mut output) => end,
    };
    // What was read before a failure is worth having too.
    let patience = if matches!(end, End::Stopped) { STOP_GRACE } else { Duration::MAX };
    if output.finish(patience).await? == Reading::Ended {
        return Ok(());
    }
    let next = reader.next();
    reader.finish(Instant::now());
    let resume = format!("to go on: tallymark dump --from-seq {next}");
    match end {
        End::Complete | End::NobodyReads => Ok(()),
        End::Failed(error) => Err(anyhow!("{error}\n{resume}")),
        End::Stopped => {
            writeln!(io::stderr(), "stopped before the end; {resume}").context("standard error is gone")
        }
    }
}

/// How the copying ended.
enum End {
    Complete,
    Failed(LogError),
    NobodyReads,
    Stopped,
}

async fn copy(log: &Log, from: u64, until: u64, reader: &mut Reader, output: &mut Output) -> End {
    let mut messages = std::pin::pin!(log.read(from, until));
    loop {
        let message = match messages.next().now_or_never() {
            Some(message) => message,
            None => {
                // Nothing is there at the moment: time for those who look on.
                if output.flush().await == Reading::Ended {
                    return End::NobodyReads;
                }
                messages.next().await
            }
        };
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return End::Failed(error),
            None => break,
        };
        if let Some(line) = reader.take(&message, Instant::now())
            && output.line(&line).await == Reading::Ended
        {
            return End::NobodyReads;
        }
    }
    reader.missing_up_to(until);
    End::Complete
}
