//! How far a connection is, and when it is late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::Waker;

use futures::task::AtomicWaker;
use tokio::time::Instant;

use super::Limits;

/// Nothing was heard yet.
const NEW: u8 = 0;
/// A request has begun, and its head is not complete (HTTP/1 only).
const HEAD: u8 = 1;
/// There are requests that are not answered.
const BUSY: u8 = 2;
/// There was something, and nothing is under way.
const IDLE: u8 = 3;

/// No write is waiting for the client.
const FLOWS: u64 = u64::MAX;

/// How far a connection is. Its stream, its requests and its timer share this, all on one thread: the atomics
/// are cells that may be sent to that thread, and are never changed by two at once.
#[derive(Debug)]
pub(super) struct Progress {
    began: Instant,
    is_http2: bool,
    phase: AtomicU8,
    /// Since when the phase lasts, in nanoseconds from `began`.
    since: AtomicU64,
    /// Requests whose answer is not complete.
    open: AtomicUsize,
    /// Since when a write waits for the client.
    blocked: AtomicU64,
    /// Who makes an answer bit by bit, and waits for the client to take what was sent.
    waits: AtomicWaker,
    /// Answers of which a piece was made, and not yet taken to be sent: with HTTP/2, clients say how much they take of each.
    untaken: AtomicUsize,
    /// Since when there is such an answer.
    untaken_since: AtomicU64,
    /// Whether the client may still be sending what nobody is going to read.
    unread: AtomicBool,
    /// Requests of the whole thread that are not answered.
    in_flight: Arc<AtomicUsize>,
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// Nothing was ever sent.
    FirstByte,
    /// A head was not completed.
    Head,
    /// No request came.
    Idle,
    /// The answer was not taken.
    Write,
}

/// What to do about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Look again at that time.
    Look(Instant),
    /// End it.
    Late(Late),
}

impl Progress {
    /// Of a connection that begins at `now`, on a thread with so many requests in flight.
    pub(super) fn new(now: Instant, is_http2: bool, in_flight: Arc<AtomicUsize>) -> Self {
        Self {
            began: now,
            is_http2,
            phase: AtomicU8::new(NEW),
            since: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            blocked: AtomicU64::new(FLOWS),
            waits: AtomicWaker::new(),
            untaken: AtomicUsize::new(0),
            untaken_since: AtomicU64::new(FLOWS),
            unread: AtomicBool::new(false),
            in_flight,
        }
    }

    /// Something was read. The clock is asked only if that matters.
    pub(super) fn heard(&self, now: impl FnOnce() -> Instant) {
        match self.phase.load(Relaxed) {
            // The bytes of HTTP/2 may be anything, and never make a connection less idle than a request does.
            NEW if self.is_http2 => self.enter(IDLE, now()),
            NEW => self.enter(HEAD, now()),
            IDLE if !self.is_http2 => self.enter(HEAD, now()),
            _ => {}
        }
    }

    /// Whether a head has begun, and nobody has answered it yet.
    pub(super) fn is_in_head(&self) -> bool {
        self.phase.load(Relaxed) == HEAD
    }

    /// A write waits for the client.
    pub(super) fn blocked(&self, now: impl FnOnce() -> Instant) {
        if self.blocked.load(Relaxed) == FLOWS {
            self.blocked.store(self.nanos(now()), Relaxed);
        }
    }

    /// The client has taken something. Whoever still takes an answer is not idle, though nothing is left to be given.
    pub(super) fn flows(&self, now: impl FnOnce() -> Instant) {
        if self.blocked.load(Relaxed) != FLOWS {
            self.blocked.store(FLOWS, Relaxed);
            if self.phase.load(Relaxed) == IDLE {
                self.enter(IDLE, now());
            }
            self.waits.wake();
        }
    }

    /// From now on, whatever the client still sends is in vain.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    /// Whether the client may still be sending in vain.
    pub(super) fn leaves_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// What to do at `now`.
    pub(super) fn look(&self, now: Instant, limits: &Limits) -> Next {
        let since = self.instant(self.since.load(Relaxed));
        let untaken = self.blocked.load(Relaxed).min(self.untaken_since.load(Relaxed));
        let first = match (untaken, self.phase.load(Relaxed)) {
            (FLOWS, NEW) => Some((since + limits.first_byte_timeout, Late::FirstByte)),
            (FLOWS, HEAD) => Some((since + limits.header_read_timeout, Late::Head)),
            (FLOWS, IDLE) => Some((since + limits.idle_timeout, Late::Idle)),
            (FLOWS, _) => None,
            (since, _) => Some((self.instant(since) + limits.write_timeout, Late::Write)),
        };
        match first {
            Some((deadline, late)) if deadline <= now => Next::Late(late),
            first => {
                let soon = now + limits.shortest_timeout();
                Next::Look(first.map_or(soon, |(deadline, _)| deadline.min(soon)))
            }
        }
    }

    fn enter(&self, phase: u8, now: Instant) {
        self.phase.store(phase, Relaxed);
        self.since.store(self.nanos(now), Relaxed);
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from((now - self.began).as_nanos()).unwrap_or(FLOWS - 1)
    }

    fn instant(&self, nanos: u64) -> Instant {
        self.began + std::time::Duration::from_nanos(nanos)
    }
}

/// A request, from its head to the end of its answer.
#[derive(Debug)]
pub(super) struct OpenRequest {
    progress: Arc<Progress>,
    is_answered: bool,
    /// Whether a piece of its answer is not taken yet.
    has_untaken: bool,
}

impl OpenRequest {
    /// Begins a request.
    pub(super) fn begin(progress: &Arc<Progress>) -> Self {
        let in_flight = &progress.in_flight;
        in_flight.store(in_flight.load(Relaxed) + 1, Relaxed);
        progress.open.store(progress.open.load(Relaxed) + 1, Relaxed);
        progress.phase.store(BUSY, Relaxed);
        Self { progress: Arc::clone(progress), is_answered: false, has_untaken: false }
    }

    /// How many requests of the thread are in flight, with this one.
    pub(super) fn in_flight(&self) -> usize {
        self.progress.in_flight.load(Relaxed)
    }

    /// Its answer is there, if perhaps not yet sent: it is not in flight any more.
    pub(super) fn answered(&mut self) {
        if !self.is_answered {
            self.is_answered = true;
            let in_flight = &self.progress.in_flight;
            in_flight.store(in_flight.load(Relaxed) - 1, Relaxed);
        }
    }

    /// Whether what was sent waits for the client: then there is no use in making more. The waker is woken when it does not
    /// any more.
    pub(super) fn is_blocked(&self, waker: &Waker) -> bool {
        let is_blocked = self.progress.blocked.load(Relaxed) != FLOWS;
        if is_blocked {
            self.progress.waits.register(waker);
        }
        is_blocked
    }

    /// A piece of its answer is made.
    pub(super) fn gives(&mut self, now: impl FnOnce() -> Instant) {
        let progress = &self.progress;
        if !self.has_untaken {
            self.has_untaken = true;
            let untaken = progress.untaken.load(Relaxed);
            progress.untaken.store(untaken + 1, Relaxed);
            if untaken == 0 {
                progress.untaken_since.store(progress.nanos(now()), Relaxed);
            }
        }
    }

    /// It is taken: somebody asks for the next.
    pub(super) fn taken(&mut self) {
        let progress = &self.progress;
        if self.has_untaken {
            self.has_untaken = false;
            let untaken = progress.untaken.load(Relaxed) - 1;
            progress.untaken.store(untaken, Relaxed);
            if untaken == 0 {
                progress.untaken_since.store(FLOWS, Relaxed);
            }
        }
    }

    /// See [`Progress::leave_unread`].
    pub(super) fn leave_unread(&self) {
        self.progress.leave_unread();
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.answered();
        self.taken();
        let progress = &self.progress;
        let open = progress.open.load(Relaxed) - 1;
        progress.open.store(open, Relaxed);
        if open == 0 {
            progress.enter(IDLE, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;
