//! What the applier is given, and what it gives back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use counters::Full;
use store::{Position, StreamIdentity};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::delivered::Delivered;
use crate::gaps::Gap;
use crate::intake::Stop;
use crate::question::Question;

/// One consumer's time, from its creation to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session(u64);

/// Which session is current. What belongs to an ended one is not applied, however long it waited:
/// the stream may have become another since.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions(Arc<AtomicU64>);

impl Sessions {
    /// Ends the current session. The new one is current at once.
    pub(crate) fn start(&self) -> Session {
        Session(self.0.fetch_add(1, Ordering::AcqRel) + 1)
    }

    pub(crate) fn is_current(&self, session: Session) -> bool {
        self.0.load(Ordering::Acquire) == session.0
    }
}

/// What the applier is told, in order.
#[derive(Debug)]
pub(crate) enum Work {
    Batch(Batch),
    /// Asks up to where everything told before is applied.
    Position(oneshot::Sender<Position>),
    Begin(Begin),
    /// Asks something of the counters, as they are once everything told before is applied.
    Ask(Question),
    /// Write a snapshot of everything applied.
    Snapshot,
    /// Commit and end.
    Stop,
}

/// Messages of one consumer in the order of their arrival.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) session: Session,
    pub(crate) messages: Vec<Delivered>,
    /// The memory they take of what messages may take together.
    pub(crate) _memory: Option<OwnedSemaphorePermit>,
}

/// The stream's identity is confirmed: messages of this session's consumer may be applied.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) session: Session,
    pub(crate) stream: StreamIdentity,
    /// What is missing right after the event applied last, and accepted as lost.
    pub(crate) lost: Option<Gap>,
    /// The stream's last sequence.
    pub(crate) stream_end: u64,
}

/// Nothing more of this session is applied.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) session: Session,
    pub(crate) halt: Halt,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Halt {
    Stop(Stop),
    /// A bound of the counters was reached.
    Full {
        sequence: u64,
        full: Full,
    },
    /// Too many dead letters wait.
    OutboxFull,
    /// Too much waits to be written.
    StoreFull,
    /// Everything is applied that was to be.
    Reached,
}
