//! Snapshots: all rows as of one commit, in a file that can be proved whole.

mod check;
mod facts;
mod format;
mod read;
mod shelf;
mod write;

use std::path::PathBuf;

use crate::error::{Damage, OpenError};

pub(crate) use check::walk_all;
pub use facts::{Facts, MemberFacts, RoomFacts, Wanted, read_facts};
pub(crate) use format::Footer;
#[cfg(feature = "fuzzing")]
pub use read::fuzz;
pub(crate) use read::{head, read};
pub(crate) use shelf::Shelf;
pub use shelf::SnapshotFile;
pub(crate) use write::{Target, write};

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no room for it; the store itself is not touched.
    #[error("the disk has less than store.reserve_bytes left")]
    NoSpace,
    /// The file could not be written; the store itself is not touched.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The store's rows are not what was committed.
    #[error("the store is damaged: {0}")]
    Damage(Damage),
}

/// Why a snapshot was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The file is not as it was written.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: Damage,
    },
    /// It is whole, but of another version or counted under other policies.
    #[error("{0}")]
    Refused(Box<OpenError>),
}
