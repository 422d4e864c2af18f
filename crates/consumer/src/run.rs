//! The consumer as a whole: starts its parts, and ends when one of them does or when asked to.

use std::convert::Infallible;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use async_nats::ConnectOptions;
use counters::Counters;
use store::{Store, StoreError};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{oneshot, watch};

use crate::applier::{Applier, Sessions, Work};
use crate::backlog::Backlog;
use crate::dead_letters::Sender;
use crate::duty::{Duty, Until};
use crate::error::ConsumerError;
use crate::identity::Allowed;
use crate::inbox::Inbox;
use crate::link::Link;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::puller::{Ended, Puller};
use crate::question::Question;
use crate::session::Source;
use crate::settings::Settings;
use crate::status::Status;

/// Consuming ended because it was asked to, or had come to where it was to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// The stream sequence up to which every event is applied and on disk.
    pub durable_sequence: u64,
}

/// What is asked of a running consumer.
pub struct Requests<Shutdown> {
    /// Completes when consuming is to end.
    pub shutdown: Shutdown,
    /// A snapshot of everything applied is to be written, for each that is received.
    pub snapshots: UnboundedReceiver<()>,
    /// Questions about the counts at one sequence, answered in their order between two batches of events.
    pub questions: UnboundedReceiver<Question>,
    /// What this consumer does beside counting, as it changes.
    pub duty: watch::Receiver<Duty>,
    /// Where to stand still; `None` to go on for ever.
    pub until: Option<Until>,
}

/// Connects with `options`, which say who connects; consumes until it is to end; then commits, waits until all that
/// was applied is on disk, and ends. Everything that may pass by itself is waited for: only what needs another process
/// ends with an error.
pub async fn run<Shutdown: Future<Output = ()>>(
    settings: Settings,
    options: ConnectOptions,
    store: Store,
    counters: Counters,
    status: Status,
    metrics: Metrics,
    requests: Requests<Shutdown>,
) -> Result<Stopped, ConsumerError> {
    let Requests { shutdown, mut snapshots, mut questions, duty, until } = requests;
    let (sessions, backlog) = (Sessions::default(), Backlog::default());
    let (outbox, durable) = (store.outbox(), store.durable());
    let link = Link::new(&settings, options, &status, &metrics).await?;
    let (work, inbox) = channel();
    let (reporter, reports) = unbounded_channel();
    let applier = Applier {
        store,
        counters,
        prefix: settings.subject_prefix.clone(),
        accepted_gaps: settings.accepted_gaps.clone(),
        pace: Pace {
            commit_interval: settings.commit_interval,
            pending_bytes: settings.pending_bytes,
            snapshot_interval: settings.snapshot_interval,
        },
        status: status.clone(),
        metrics: metrics.clone(),
        sessions: sessions.clone(),
        reports: reporter,
        backlog: backlog.clone(),
        duty: duty.clone(),
        until,
    };
    let (alive, ended) = oneshot::channel::<()>();
    let body = move || {
        // Dropped when the thread ends, in whichever way.
        let _alive = alive;
        applier.run(&inbox)
    };
    let thread =
        std::thread::Builder::new().name("applier".to_owned()).spawn(body).map_err(ConsumerError::Thread)?;
    let (confirmed, is_confirmed) = watch::channel(None);
    let sender = Sender {
        link: link.clone(),
        outbox: outbox.clone(),
        durable,
        stream: settings.dead_letter_stream(),
        confirmed: is_confirmed,
        duty,
        metrics: metrics.clone(),
    };
    let allowed =
        Allowed { restored_stream: settings.allow_restored_stream, gaps: settings.accepted_gaps.clone() };
    let inbox = Inbox::new(work.clone());
    let source = Source {
        settings,
        allowed,
        status: status.clone(),
        metrics,
        sessions: sessions.clone(),
        inbox,
        confirmed,
    };
    let puller = Puller { source, link, reports, outbox, backlog };
    let forward = async {
        loop {
            let asked = tokio::select! {
                Some(()) = snapshots.recv() => Work::Snapshot,
                Some(question) = questions.recv() => Work::Ask(question),
                else => return futures::future::pending::<Infallible>().await,
            };
            // If the applier is gone, everything ends.
            let _ = work.send(asked);
        }
    };

    let error = tokio::select! {
        biased;
        () = shutdown => None,
        _ = ended => None,
        never = forward => match never {},
        Err(ended) = puller.run() => match ended {
            Ended::ApplierGone | Ended::Reached => None,
            Ended::Error(error) => Some(error),
        },
        Err(error) = sender.run() => {
            status.failed(&error);
            Some(ConsumerError::Store(error))
        }
    };
    // What waits to be applied is dropped: it is read again at the next start.
    sessions.start();
    // An error means that the thread has ended already.
    let _ = work.send(Work::Stop);
    let result = join(thread, &status).await;
    match error {
        Some(error) => Err(error),
        None => result.map(|durable_sequence| Stopped { durable_sequence }),
    }
}

async fn join(thread: JoinHandle<Result<u64, StoreError>>, status: &Status) -> Result<u64, ConsumerError> {
    let joined = tokio::task::spawn_blocking(move || thread.join()).await;
    let panic = match joined {
        Ok(Ok(result)) => return Ok(result?),
        Ok(Err(panic)) => panic,
        Err(error) => Box::new(error.to_string()),
    };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    let error = ConsumerError::Panicked(text);
    status.failed(&error);
    Err(error)
}
