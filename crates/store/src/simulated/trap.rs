//! What can happen to a process at the disk, and when.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Dice;
use super::image::Loss;

/// What the process is doing when it uses the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Before the store's database is open.
    Opening,
    /// Reads the store's rows.
    Loading,
    /// Fills a new database.
    Recovering,
    /// Anything else, until it is told.
    Running,
    /// Writes a commit.
    Committing,
    /// Writes a snapshot.
    Snapshotting,
    /// Ends in order.
    Stopping,
}

/// How a process dies.
#[derive(Debug, Clone)]
pub struct Death {
    /// What goes with it.
    pub loss: Loss,
    /// Decides on what is not said.
    pub dice: Dice,
}

/// What happens at an operation.
pub enum Event {
    /// The process dies, and knows nothing of it: what it does from then on is lost.
    Death(Death),
    /// The operation fails; a batch may nevertheless have arrived in part.
    Failure(Dice),
    /// The operating system refuses, which says nothing about the database. Happens at the next
    /// opening of a database.
    Refusal,
    /// The operation panics.
    Panic,
    /// The operation does not come back before the process is dead. Happens at the next opening of
    /// a database.
    Hang,
    /// The disk says, this once, that it has no byte left. Happens when it is next asked.
    Full,
    /// Something that is not the disk's.
    Other(Box<dyn FnOnce() + Send>),
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Death(_) => "Death",
            Self::Failure(_) => "Failure",
            Self::Refusal => "Refusal",
            Self::Panic => "Panic",
            Self::Hang => "Hang",
            Self::Full => "Full",
            Self::Other(_) => "Other",
        })
    }
}

/// An event that waits for its operation.
#[derive(Debug)]
pub struct Trap {
    /// In which stage.
    pub stage: Stage,
    /// After so many others in this stage.
    pub after: u64,
    /// What happens then.
    pub event: Event,
    /// Set when it happens.
    pub sprung: Arc<AtomicBool>,
}
