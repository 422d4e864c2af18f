//! `tallymark rebuild`: counts the stream anew, in a generation beside the one in use, and tells what would change.

mod begin;
mod cancel;
mod diff;
mod progress;
mod report;

use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail, ensure};
use async_nats::ConnectOptions;
use clap::Args;
use consumer::{Duty, Log, Reason, Requests, Status, Stopped, Until};
use parking_lot::Mutex;
use store::{DataDir, Origin, Standby};
use tokio::sync::mpsc::unbounded_channel;

use self::cancel::Cancel;
use self::diff::Diff;
use self::progress::Progress;
use self::report::Report;
use crate::output::note;
use crate::place::Place;
use crate::serve::convert;
use crate::settings::Settings;
use crate::{generations, nats, rfc3339};

pub(crate) const HELP: &str = "\
Counts the stream from its beginning into a new generation below data_dir, beside the one that the service
uses and without disturbing it, under the policies that the settings say. At the end it is compared with
what the service counts, user by user, each at exactly the same sequence. Nothing changes for anybody
until the generation is activated: with --activate, or later by `tallymark generations activate N`.

Ctrl-C ends it in order; the same command goes on from there. A stream that no longer begins at 1 is
counted from the oldest whole snapshot on, if that was counted under the same policies.

Examples:
  tallymark rebuild --config tallymark.toml
  tallymark rebuild --config tallymark.toml --activate --rate 50000
  tallymark rebuild --config tallymark.toml --until-time 2026-11-24T06:00:00Z --json";

/// What `rebuild` is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Have the new counts take the place of those in use when they are complete
    #[arg(long)]
    activate: bool,
    /// Count up to this stream sequence only; nothing is compared then
    #[arg(long, value_name = "N", conflicts_with_all = ["until_time", "activate"])]
    until_seq: Option<u64>,
    /// Count what was stored up to this time only, such as 2026-11-24T06:00:00Z; nothing is compared then
    #[arg(long, value_name = "TIME", conflicts_with = "activate", value_parser = rfc3339::parse)]
    until_time: Option<u64>,
    /// Begin anew: remove what an interrupted rebuild has counted
    #[arg(long)]
    restart: bool,
    /// Memory for remembered message ids and changes on their way, beside the counts; default: as the settings say for serve
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1 << 20..))]
    memory: Option<u64>,
    /// Apply so many events in a second at the most
    #[arg(long, value_name = "EVENTS")]
    rate: Option<NonZero<u32>>,
    /// Compare nothing at the end
    #[arg(long)]
    no_diff: bool,
    /// Show so many memberships that change
    #[arg(long, value_name = "N", default_value_t = 10)]
    examples: usize,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often the generation's place is noted, for whoever lists generations.
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// How far this process gives way to others.
const NICENESS: i32 = 10;

/// To be called before there are other threads, which give way then too.
pub(crate) fn give_way() {
    // Elsewhere it only takes its share.
    let _ = rustix::process::nice(NICENESS);
}

/// Counts anew.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let cancel = Cancel::listen()?;
    let mut options = convert::store_options(settings)?;
    let mut consumer_settings = convert::consumer_settings(settings)?;
    consumer_settings.create_stream = false;
    consumer_settings.snapshot_interval = None;
    consumer_settings.most_events_per_second = arguments.rate;
    if let Some(memory) = arguments.memory {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        (consumer_settings.pending_bytes, options.id_cache_bytes) = (memory / 4, memory / 4 * 3);
    }
    let log = Log::new(nats::connect(&settings.nats, ConnectOptions::new()).await?, &settings.nats.stream);
    let bounds = log.bounds().await?;
    let point = match (arguments.until_seq, arguments.until_time) {
        (Some(sequence), _) => Some(sequence),
        (None, Some(time)) => Some(log.sequence_at(time).await?),
        (None, None) => None,
    };
    if let Some(point) = point {
        ensure!(point <= bounds.last, "the stream ends at sequence {}, before sequence {point}", bounds.last);
    }
    let diff = match point {
        None if !arguments.no_diff => {
            tokio::task::block_in_place(|| Diff::with(settings, &arguments.place, &options))?
        }
        _ => None,
    };
    let begun = begin::begin(&options, arguments.restart, bounds.first)?;
    let (store, counters) = begun.opened;
    let (generation, start) = (store.generation(), counters.applied());
    let target = point.unwrap_or(bounds.last);
    if start > target {
        bail!("generation {generation} is counted up to sequence {start} already: --restart begins anew");
    }
    note(&format!("generation {generation}: {}", begun.how));

    let (result, is_compared) = (Arc::new(Mutex::new(None)), diff.is_some());
    let until = match diff {
        None => Until::end_at(target),
        Some(diff) => diff.until(target, result.clone()),
    };
    let login = nats::with_login(&settings.nats, ConnectOptions::new()).await?;
    let status = Status::new(|_| {});
    let (shutdown, (_snapshots, snapshots), (_questions, questions)) =
        (tokio::sync::oneshot::channel::<()>(), unbounded_channel(), unbounded_channel());
    let requests = Requests {
        shutdown: async {
            // Dropping the sender ends it just as well.
            let _ = shutdown.1.await;
        },
        snapshots,
        questions,
        duty: Duty::Standby.for_ever(),
        until: Some(until),
    };
    let running = consumer::run(
        consumer_settings,
        login,
        store,
        counters,
        status.clone(),
        consumer::Metrics::default(),
        requests,
    );
    let mut running = pin!(tokio::spawn(running));
    let mut progress = Progress::start(start, target, Instant::now());
    let mut ask_to_stop = Some(shutdown.0);
    let (mut trouble, mut paused_before, mut noted_at) = (None, None, Instant::now());
    let (data_dir, policies) = (DataDir::beside(&options.data_dir), options.policies);
    let standby = |applied, is_complete| Standby::now(Origin::Rebuild, policies, applied, is_complete);
    cancel.is_graceful(true);
    let stopped = loop {
        tokio::select! {
            biased;
            ended = &mut running => break ended.context("counting ended unexpectedly")?,
            () = cancel.asked(), if ask_to_stop.is_some() => {
                progress.note("stopping: what was counted is kept");
                ask_to_stop = None;
            }
            () = tokio::time::sleep(LOOK) => {
                progress.show(status.applied(), Instant::now());
                let paused = status.snapshot(SystemTime::now()).paused;
                if paused != paused_before {
                    if let Some(why) = &paused {
                        progress.note(why);
                    }
                    paused_before = paused;
                }
                if noted_at.elapsed() >= NOTE_EVERY {
                    noted_at = Instant::now();
                    data_dir.note(generation, standby(status.applied(), false))?;
                }
                if let Some((Reason::Fenced, detail)) = status.snapshot(SystemTime::now()).not_ready {
                    trouble = Some(detail);
                    ask_to_stop = None;
                }
            }
        }
    };
    cancel.is_graceful(false);
    progress.finish(status.applied(), Instant::now());
    let Stopped { durable_sequence } = stopped?;
    let diff = result.lock().take();
    // Cancelled between its end and that of the comparison, it has that still to do.
    let is_complete = durable_sequence >= target && (!is_compared || diff.is_some());
    data_dir.note(generation, standby(durable_sequence, is_complete))?;
    if let Some(detail) = trouble {
        bail!("the stream can't be counted further than sequence {durable_sequence}: {detail}");
    }
    if let Some(Err(error)) = diff {
        let counted = format!(
            "generation {generation} is counted up to sequence {durable_sequence}, and was not compared"
        );
        return Err(error.context(counted));
    }
    if !is_complete {
        note(&format!(
            "stopped at sequence {durable_sequence}: the same command goes on from there, and `tallymark generations remove \
             {generation}` gives it up"
        ));
        return Ok(());
    }
    let head = store::generation_head(&options, generation)?;
    let report = Report::new(generation, &head, diff.and_then(Result::ok));
    report.print(arguments.json, arguments.examples)?;
    if arguments.activate {
        generations::activate(settings, &arguments.place, generation).await?;
    } else if !arguments.json {
        note(&format!("to use it: tallymark generations activate {generation}"));
    }
    Ok(())
}
