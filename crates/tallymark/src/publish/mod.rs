//! `tallymark publish`: events from a file or a pipe into the stream, in the order of the lines.

mod connection;
mod failure;
mod lines;
mod order;
mod reader;
mod report;
mod sender;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::Args;
use tokio::sync::mpsc;

use self::connection::Connection;
use self::failure::Failure;
use self::order::Order;
use self::sender::{End, Sender};
use crate::progress::Progress;
use crate::settings::{Nats, Settings};
use crate::signals;

pub(crate) const HELP: &str = "\
Each line is one event: {\"tenant\":\"demo\",\"event\":\"message.posted\",\"room\":\"r1\",\"message\":\"m1\",\"sender\":\"ann\"}
Blank lines are passed over, but numbered. Line i is sent with the message id RUN:i, so that a line
sent twice is stored once, for as long as the stream remembers ids: its duplicate window, 2 minutes
unless the stream says otherwise. To go on after a failure within that time, repeat the command with
--run RUN and --from LINE as printed. Later than that, only message.posted and message.recalled can
be sent again without being counted again.

Examples:
  tallymark publish --config tallymark.toml events.ndjson
  zcat events.ndjson.gz | NATS_URL=nats://nats:4222 tallymark publish -
  tallymark publish --run 4LXkKJyOBlHpT4bGkHCmqV --from 120001 events.ndjson";

/// What `publish` is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The settings file, of which the table nats matters here; variables and defaults apply as for serve
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The name of this run, to resume an earlier one; random unless given
    #[arg(long, value_name = "ID", value_parser = run_id)]
    run: Option<String>,
    /// Start at this line; the lines keep their numbers
    #[arg(long, value_name = "LINE", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// Report and count lines that are no valid event, and go on
    #[arg(long)]
    skip_invalid: bool,
    /// The file with the events, one JSON object a line; - is standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

fn run_id(text: &str) -> Result<String, String> {
    if (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 128 printable ASCII characters without spaces".to_owned())
    }
}

/// Publishes the events of the file.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let nats = &settings.nats;
    let stop = signals::stop_requested()?;
    let (input, size) = open(arguments)?;
    let run = arguments.run.clone().unwrap_or_else(|| nuid::next().to_string());
    let connection = Connection::open(nats, &run).await?;
    // A store that counted a stream must not be given another one of the same name.
    if nats.create_stream && !settings.data_dir.join("current").exists() {
        consumer::create_streams(&connection.jetstream(), &nats.stream, &nats.subject_prefix).await?;
    }
    let options = reader::Options {
        prefix: nats.subject_prefix.clone(),
        from: arguments.from,
        skip_invalid: arguments.skip_invalid,
        // The rest is for the header with the message id.
        max_body_bytes: connection.max_payload().saturating_sub(64 + run.len()),
    };
    let (items, received) = mpsc::channel(16);
    let lines = lines::Lines::new(BufReader::with_capacity(1 << 20, input));
    // A plain thread, because a read from a pipe can't be interrupted: the process ends without it.
    std::thread::spawn(move || reader::read(lines, &options, &items));

    let mut sender = Sender {
        settings: nats,
        run: &run,
        skip_invalid: arguments.skip_invalid,
        order: Order::new(),
        connection: Some(connection),
        progress: Progress::start(size, Instant::now()),
        lines: 0,
        skipped: 0,
    };
    sender.progress.note(&format!("run {run}"));
    let end = sender.run(received, stop).await;
    let Sender { order, progress, lines, skipped, .. } = sender;
    progress.finish(Instant::now(), |elapsed| report::summary(lines, skipped, &order.counts(), elapsed));

    let command =
        |line: u64| format!("tallymark publish --run {run} --from {line} {}", arguments.file.display());
    let next = order.last().map_or(arguments.from, |last| last.line + 1);
    let resume = format!("to go on: {}", command(next));
    match end {
        Ok(End::Complete) => Ok(()),
        Ok(End::Interrupted { unanswered }) => {
            let unanswered = match unanswered {
                0 => String::new(),
                lines => format!("; {lines} lines after that are stored or not"),
            };
            let stored = match order.last() {
                Some(last) => format!("lines {} to {} are stored", arguments.from, last.line),
                None => "no line is stored".to_owned(),
            };
            let text = format!("stopped: {stored}{unanswered}\n{resume}");
            writeln!(io::stderr(), "{text}").context("standard error is gone")
        }
        Ok(End::Invalid { line, reason }) => Err(anyhow!(
            "line {line}: {reason}\nAll lines before it are stored; put it right, or pass \
             --skip-invalid\n{resume}"
        )),
        Ok(End::ReadFailed(error)) => {
            Err(anyhow!("{} can't be read after line {lines}: {error}\n{resume}", arguments.file.display()))
        }
        Err(error) => Err(explained(&error, nats, &resume, command)),
    }
}

/// Opens the input, and finds its size if it is a file.
fn open(arguments: &Arguments) -> anyhow::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if arguments.file.as_os_str() == "-" {
        if io::stdin().is_terminal() {
            writeln!(io::stderr(), "reading events from the terminal, one JSON object a line")?;
        }
        return Ok((Box::new(io::stdin()), None));
    }
    let path = arguments.file.display();
    let file = File::open(&arguments.file).with_context(|| format!("can't open {path}"))?;
    let metadata = file.metadata().with_context(|| format!("can't open {path}"))?;
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// Adds to a failure what only the settings know, and what can be done.
fn explained(
    error: &anyhow::Error,
    nats: &Nats,
    resume: &str,
    command: impl Fn(u64) -> String,
) -> anyhow::Error {
    const BROKEN: &str = "Nothing more was sent, and what is stored can't be moved. If the order \
        matters, remove the cause and publish everything again to an empty stream";
    let Nats { stream, subject_prefix: prefix, .. } = nats;
    match error.downcast_ref::<Failure>() {
        Some(failure @ Failure::NoStream { .. }) => anyhow!(
            "{failure}: expected the stream {stream:?} (nats.stream) with the subjects \
             {:?} (nats.subject_prefix) at {}. Create it, or set nats.create_stream = true",
            prefix.all_events(),
            nats.url
        ),
        Some(failure @ Failure::StoredElsewhere { .. }) => anyhow!(
            "{failure}, not in {stream:?} (nats.stream): subjects beginning with \"{prefix}\" \
             (nats.subject_prefix) belong to it. Put the settings right"
        ),
        Some(failure @ Failure::OutOfOrder { later, .. }) => {
            anyhow!("{failure}\n{BROKEN}; if not, go on: {}", command(later.line))
        }
        Some(failure @ Failure::Overtaken { line, .. }) => anyhow!(
            "{failure}\n{BROKEN}; if not, publish line {line} by itself, then go on: {}",
            command(line + 1)
        ),
        Some(Failure::GaveUp { .. } | Failure::Refused { .. }) | None => {
            anyhow!("{error:#}\n{resume}")
        }
    }
}
