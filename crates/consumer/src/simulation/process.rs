//! The service as one process: the real applier and the real puller on a made-up disk and server.

use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, UNIX_EPOCH};

use counters::{Counters, Reader};
use events::Prefix;
use store::{Durable, Outbox, Position, Store, StreamIdentity};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::nats::Nats;
use super::truth::Applied;
use crate::applier::{Applier, Running, Session, Sessions, Work};
use crate::backlog::Backlog;
use crate::duty::Duty;
use crate::gaps::Gap;
use crate::identity::Allowed;
use crate::inbox::Inbox;
use crate::letter::Copied;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::puller::{Ended, Puller};
use crate::readiness::Reason;
use crate::session::Source;
use crate::settings::Settings;
use crate::status::Status;

/// The name of the stream.
pub(super) const STREAM: &str = "CHAT";
/// How often the service looks at the stream.
const IDENTITY_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// What the operator has decided.
#[derive(Debug, Clone)]
pub(super) struct Decisions {
    pub(super) create_stream: bool,
    pub(super) allow_restored_stream: bool,
    pub(super) accepted_gaps: Vec<Gap>,
    pub(super) pending_bytes: usize,
    pub(super) snapshot_interval: Option<Duration>,
    pub(super) id_cache_bytes: usize,
    pub(super) snapshots_kept: usize,
}

impl Decisions {
    /// Whether the loss of each of these sequences is accepted.
    pub(super) fn accept(&self, sequences: RangeInclusive<u64>) -> bool {
        let is_accepted =
            |sequence| self.accepted_gaps.iter().any(|gap| (gap.first..=gap.last).contains(&sequence));
        sequences.into_iter().all(is_accepted)
    }
}

/// The puller, as far as it has got.
pub(super) type Pulling = Pin<Box<dyn Future<Output = Result<Infallible, Ended>>>>;

pub(super) struct Process {
    /// Taken while it works: it is gone with a panic.
    pub(super) running: Option<Running>,
    pub(super) puller: Option<Pulling>,
    pub(super) inbox: Receiver<Work>,
    pub(super) sessions: Sessions,
    pub(super) status: Status,
    pub(super) reader: Reader,
    pub(super) outbox: Outbox,
    pub(super) durable: Durable,
    pub(super) confirmed: watch::Receiver<Option<StreamIdentity>>,
    pub(super) applied: Applied,
    /// The position committed last, as far as it was judged.
    pub(super) committed: Option<Position>,
    pub(super) generation: u64,
    /// When the stream was created that is counted.
    pub(super) created_ns: Option<i64>,
    /// The session that the applier was told to begin last, and the stream's end at that time.
    pub(super) begun: Option<(Session, u64)>,
    /// Whether a message was delivered after which the stream had no other.
    pub(super) has_seen_end: bool,
    /// What must be applied before the counts can be trusted.
    pub(super) target: Option<u64>,
    /// The last dead letter, as far as it is known; `None` before it is asked for.
    pub(super) last_copy: Option<Option<Copied>>,
}

impl Process {
    pub(super) fn new(
        (store, counters): (Store, Counters),
        applied: Applied,
        nats: &Nats,
        decisions: &Decisions,
        now: Instant,
    ) -> Self {
        let (sessions, backlog) = (Sessions::default(), Backlog::default());
        let (outbox, durable, reader) = (store.outbox(), store.durable(), counters.reader());
        let generation = store.generation();
        let created_ns = store.position().stream.as_ref().map(|stream| stream.created_ns);
        let (status, metrics) = (Status::new(|_| {}), Metrics::default());
        let (work, inbox) = channel();
        let (reporter, reports) = unbounded_channel();
        let (confirmed, is_confirmed) = watch::channel(None);
        let prefix = Prefix::new("chat").unwrap();
        let commit_interval = Duration::from_millis(250);
        let applier = Applier {
            store,
            counters,
            prefix: prefix.clone(),
            accepted_gaps: decisions.accepted_gaps.clone(),
            pace: Pace {
                commit_interval,
                pending_bytes: decisions.pending_bytes,
                snapshot_interval: decisions.snapshot_interval,
            },
            status: status.clone(),
            metrics: metrics.clone(),
            sessions: sessions.clone(),
            reports: reporter,
            backlog: backlog.clone(),
            duty: Duty::Live.for_ever(),
            until: None,
        };
        let settings = Settings {
            servers: Vec::new(),
            stream: STREAM.to_owned(),
            subject_prefix: prefix,
            create_stream: decisions.create_stream,
            allow_restored_stream: decisions.allow_restored_stream,
            accepted_gaps: decisions.accepted_gaps.clone(),
            commit_interval,
            pending_bytes: decisions.pending_bytes,
            snapshot_interval: decisions.snapshot_interval,
            most_events_per_second: None,
            identity_check_interval: IDENTITY_CHECK_INTERVAL,
        };
        let allowed = Allowed {
            restored_stream: decisions.allow_restored_stream,
            gaps: decisions.accepted_gaps.clone(),
        };
        let source = Source {
            settings,
            allowed,
            status: status.clone(),
            metrics,
            sessions: sessions.clone(),
            inbox: Inbox::new(work),
            confirmed,
        };
        let puller = Puller { source, link: nats.clone(), reports, outbox: outbox.clone(), backlog };
        Self {
            running: Some(applier.start(now)),
            puller: Some(Box::pin(puller.run())),
            inbox,
            sessions,
            status,
            reader,
            outbox,
            durable,
            confirmed: is_confirmed,
            applied,
            committed: None,
            generation,
            created_ns,
            begun: None,
            has_seen_end: false,
            target: None,
            last_copy: None,
        }
    }

    pub(super) fn not_ready(&self) -> Option<Reason> {
        self.status.snapshot(UNIX_EPOCH).not_ready.map(|(reason, _)| reason)
    }

    /// Whether messages may be applied, as far as can be told from outside.
    pub(super) fn has_session(&self) -> bool {
        self.begun.is_some_and(|(session, _)| self.sessions.is_current(session))
    }

    pub(super) fn store(&mut self) -> &mut Store {
        self.running.as_mut().expect("it works").store()
    }
}
