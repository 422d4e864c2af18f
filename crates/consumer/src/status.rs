//! How the consumer stands, for whoever asks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use counters::Applied;
use events::Event;
use parking_lot::Mutex;
use store::{Digest, SnapshotFile, Store};

use crate::fence::Fence;
use crate::readiness::{Readiness, Reason};

/// How the consumer stands at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// `None` if the counts can be trusted; else why not, for machines and for people.
    pub not_ready: Option<(Reason, String)>,
    /// Whether there is a connection to a server.
    pub is_connected: bool,
    /// Events in the stream that are not applied yet, as far as is known.
    pub lag_events: u64,
    /// The age of the event applied last, in seconds, while there is any lag; else 0.
    pub lag_seconds: f64,
    /// Why consuming waits though the counts can be trusted.
    pub paused: Option<String>,
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// The number of the generation that is open.
    pub generation: u64,
    /// The sequence of the last commit.
    pub committed: u64,
    /// The digest of that commit.
    pub digest: Digest,
    /// The sequence up to which everything is on disk.
    pub durable: u64,
    /// The newest first.
    pub snapshots: Vec<SnapshotFile>,
}

/// Written by the consumer, read by anyone. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Status(Arc<Shared>);

type OnEvent = dyn Fn(&Event<'_>, &Applied) + Send + Sync;

struct Shared {
    announce: Box<dyn Fn(bool) + Send + Sync>,
    arrived: Box<dyn Fn(u64) + Send + Sync>,
    applied_event: Box<OnEvent>,
    is_connected: AtomicBool,
    applied: AtomicU64,
    newest: AtomicU64,
    applied_stored_at_ms: AtomicU64,
    is_caught_up: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    readiness: Readiness,
    paused: Option<String>,
    is_ready: bool,
    store: Option<StoreStatus>,
}

impl fmt::Debug for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Status").field("applied", &self.applied()).finish_non_exhaustive()
    }
}

impl Status {
    /// `announce` is told each time the counts begin (`true`) or cease to be trusted; they are not
    /// at first. It must not ask this status.
    pub fn new(announce: impl Fn(bool) + Send + Sync + 'static) -> Self {
        Self::telling(announce, |_| {}, |_, _| {})
    }

    /// The same; `arrived` is told after each batch of events up to which sequence everything is in the counts, and
    /// `applied` of each event and what it did, once it is visible. They must return at once: the thread that applies
    /// waits for them.
    pub fn telling(
        announce: impl Fn(bool) + Send + Sync + 'static,
        arrived: impl Fn(u64) + Send + Sync + 'static,
        applied: impl Fn(&Event<'_>, &Applied) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            announce: Box::new(announce),
            arrived: Box::new(arrived),
            applied_event: Box::new(applied),
            is_connected: AtomicBool::new(false),
            applied: AtomicU64::new(0),
            newest: AtomicU64::new(0),
            applied_stored_at_ms: AtomicU64::new(0),
            is_caught_up: AtomicBool::new(false),
            state: Mutex::default(),
        }))
    }

    /// How the consumer stands; `now` is for the age of events.
    pub fn snapshot(&self, now: SystemTime) -> Snapshot {
        let (lag_events, lag_seconds) = self.lag(now);
        let state = self.0.state.lock();
        let not_ready = state.readiness.refusal(self.applied()).map(|(reason, detail)| match &state.paused {
            Some(paused) if reason == Reason::CatchingUp => (reason, format!("{detail}; {paused}")),
            _ => (reason, detail),
        });
        Snapshot {
            not_ready,
            is_connected: self.is_connected(),
            lag_events,
            lag_seconds,
            paused: state.paused.clone(),
        }
    }

    /// The last stream sequence that is in the counts.
    pub fn applied(&self) -> u64 {
        self.0.applied.load(Ordering::Acquire)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.0.is_connected.load(Ordering::Acquire)
    }

    pub(crate) fn lag_events(&self) -> u64 {
        self.0.newest.load(Ordering::Acquire).saturating_sub(self.applied())
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.0.is_caught_up.load(Ordering::Acquire)
    }

    pub(crate) fn lag(&self, now: SystemTime) -> (u64, f64) {
        let lag_events = self.lag_events();
        let stored_at_ms = self.0.applied_stored_at_ms.load(Ordering::Acquire);
        if lag_events == 0 || stored_at_ms == 0 {
            return (lag_events, 0.0);
        }
        let stored_at = UNIX_EPOCH + std::time::Duration::from_millis(stored_at_ms);
        (lag_events, now.duration_since(stored_at).unwrap_or_default().as_secs_f64())
    }

    pub(crate) fn set_connected(&self, is_connected: bool) {
        self.0.is_connected.store(is_connected, Ordering::Release);
    }

    /// The stream is known to reach to this sequence.
    pub(crate) fn seen(&self, sequence: u64) {
        self.0.newest.fetch_max(sequence, Ordering::AcqRel);
    }

    /// Everything up to this sequence is in the counts; `stored_at_ms` is when the server stored it.
    pub(crate) fn advanced(&self, applied: u64, stored_at_ms: Option<u64>) {
        self.0.applied.store(applied, Ordering::Release);
        if let Some(stored_at_ms) = stored_at_ms {
            self.0.applied_stored_at_ms.store(stored_at_ms, Ordering::Release);
        }
        if !self.0.is_caught_up.load(Ordering::Acquire) {
            self.change(|state| state.readiness.applied(applied));
        }
        (self.0.arrived)(applied);
    }

    /// The event is visible, and it is claimed.
    pub(crate) fn applied_event(&self, event: &Event<'_>, applied: &Applied) {
        (self.0.applied_event)(event, applied);
    }

    /// How the store stands; `None` before it is open.
    pub fn store(&self) -> Option<StoreStatus> {
        self.0.state.lock().store.clone()
    }

    /// What takes long before consuming begins.
    pub fn starting(&self, what: impl fmt::Display) {
        self.change(|state| state.readiness.starting(what.to_string()));
    }

    pub(crate) fn stored(&self, store: &Store) {
        let (committed, durable) = (store.position().applied, store.durable().sequence());
        let mut state = self.0.state.lock();
        let is_shown = state.store.as_ref().is_some_and(|shown| {
            (shown.committed, shown.durable, shown.digest) == (committed, durable, store.digest())
                && shown.snapshots == store.snapshots()
        });
        if !is_shown {
            let (generation, digest) = (store.generation(), store.digest());
            let snapshots = store.snapshots().to_vec();
            state.store = Some(StoreStatus { generation, committed, digest, durable, snapshots });
        }
    }

    pub(crate) fn connecting(&self, what: impl fmt::Display) {
        self.change(|state| state.readiness.connecting(what.to_string()));
    }

    pub(crate) fn confirmed(&self, last_sequence: u64) {
        self.seen(last_sequence);
        let applied = self.applied();
        self.change(|state| state.readiness.confirmed(last_sequence, applied));
    }

    /// Whether this is another fence than the one before.
    pub(crate) fn fenced(&self, fence: Fence) -> bool {
        let mut is_new = false;
        self.change(|state| {
            is_new = state.readiness.fence() != Some(&fence);
            state.readiness.fenced(fence);
        });
        is_new
    }

    pub(crate) fn failed(&self, error: impl fmt::Display) {
        self.change(|state| state.readiness.failed(error.to_string()));
    }

    pub(crate) fn paused(&self, why: Option<String>) {
        self.change(|state| state.paused = why);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.state.lock();
        change(&mut state);
        self.0.is_caught_up.store(state.readiness.is_caught_up(), Ordering::Release);
        let is_ready = state.readiness.refusal(self.applied()).is_none();
        if state.is_ready != is_ready {
            state.is_ready = is_ready;
            // Under the lock, so that announcements come in the order of what they announce.
            (self.0.announce)(is_ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, UNIX_EPOCH};

    use parking_lot::Mutex;

    use super::Status;
    use crate::fence::Fence;
    use crate::gaps::Gap;

    #[test]
    fn readiness_is_announced_when_it_changes() {
        let gate = Arc::new(AtomicBool::new(false));
        let status = Status::new({
            let gate = gate.clone();
            move |is_ready| assert_ne!(gate.swap(is_ready, Ordering::SeqCst), is_ready)
        });
        let is_open = || gate.load(Ordering::SeqCst);
        status.confirmed(2);
        status.advanced(1, Some(5));
        assert!(!is_open());
        status.advanced(2, Some(5));
        assert!(is_open());
        status.set_connected(false);
        status.connecting("away");
        status.confirmed(9);
        assert!(is_open());
        let fence = Fence::Gap(Gap { first: 3, last: 3 });
        assert!(status.fenced(fence.clone()));
        assert!(!is_open());
        assert!(!status.fenced(fence));
        status.confirmed(9);
        assert!(is_open());
        status.failed("disk full");
        assert!(!is_open());
    }

    #[test]
    fn arrivals_are_told_after_readiness() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let note = |what: fn(u64) -> String| {
            let told = told.clone();
            move |value| told.lock().push(what(value))
        };
        let announced = note(|is_ready| format!("ready {is_ready}"));
        let announce = move |is_ready| announced(u64::from(is_ready));
        let status = Status::telling(announce, note(|sequence| format!("arrived {sequence}")), |_, _| {});
        status.advanced(1, None);
        status.confirmed(2);
        status.advanced(2, Some(5));
        assert_eq!(*told.lock(), ["arrived 1", "ready 1", "arrived 2"]);
    }

    #[test]
    fn lag_is_what_is_known_to_be_missing() {
        let status = Status::new(|_| {});
        let now = UNIX_EPOCH + Duration::from_millis(12_500);
        status.confirmed(5);
        assert_eq!(status.lag(now), (5, 0.0));
        status.advanced(4, Some(10_000));
        assert_eq!(status.lag(now), (1, 2.5));
        status.advanced(5, Some(11_000));
        assert_eq!(status.lag(now), (0, 0.0));
    }
}
