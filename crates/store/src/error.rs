//! What can go wrong with a store, by what the caller can do about it.

use std::path::PathBuf;
use std::sync::Arc;

use counters::{Policies, RestoreError};

use crate::digest::Digest;

/// Why a store can't be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data directory.
    #[error("data directory {0} is in use by another process: stop it first, or name another data_dir")]
    InUse(PathBuf),
    /// A file could not be made, read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// `current` names no generation.
    #[error("{path} says {found:?}, expected the number of a directory in generations/")]
    Current {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// The store was written by a version that counts or stores in another way.
    #[error(
        "the store in {path} has {what} {found}, this version reads {expected}: start the version that wrote it, \
         or move {path} away to recount everything from a stream that still begins at sequence 1"
    )]
    Version {
        /// The data directory.
        path: PathBuf,
        /// `format version` or `rules version`.
        what: &'static str,
        /// The store's.
        found: u32,
        /// This program's.
        expected: u32,
    },
    /// The store was counted under other policies than those in the settings.
    #[error(
        "the store in {path} was counted with {found}, the settings say {expected}: set policy.own_messages and \
         policy.message_window back, or move {path} away to recount everything from a stream that still begins at sequence 1"
    )]
    Policies {
        /// The data directory.
        path: PathBuf,
        /// Under which the store was counted.
        found: PolicyNames,
        /// In the settings.
        expected: PolicyNames,
    },
    /// What was read is not what was written.
    #[error(
        "the store in {path} is damaged ({what}): move {path} away to recount everything from a stream that still \
         begins at sequence 1"
    )]
    Damaged {
        /// The data directory.
        path: PathBuf,
        /// What does not fit.
        what: Damage,
    },
    /// Sled could not open its files.
    #[error("the store in {path} can't be opened: {error}")]
    Sled {
        /// The generation's directory.
        path: PathBuf,
        /// What sled said.
        error: sled::Error,
    },
}

/// Policies, in the words of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyNames(pub Policies);

impl std::fmt::Display for PolicyNames {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own_messages = match self.0.own_messages {
            counters::OwnMessages::Exclude => "exclude",
            counters::OwnMessages::MarkRead => "mark_read",
        };
        write!(formatter, "own_messages = {own_messages:?}, message_window = {}", self.0.message_window)
    }
}

/// In which way a store is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// There are rows, but no checkpoint.
    NoCheckpoint,
    /// A row's key or value is not of the form of any row.
    Row(Vec<u8>),
    /// A row contradicts those before it.
    Contradiction(RestoreError),
    /// All rows are well formed, but they are not the ones that were written.
    Digest {
        /// The digest in the checkpoint.
        expected: Digest,
        /// The digest of the rows.
        found: Digest,
    },
}

impl std::fmt::Display for Damage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoCheckpoint => write!(formatter, "it has rows but no checkpoint"),
            Self::Row(key) => write!(formatter, "row {key:02x?} is not well formed"),
            Self::Contradiction(error) => write!(formatter, "its rows contradict each other: {error:?}"),
            Self::Digest { expected, found } => {
                write!(formatter, "its rows have the digest {found}, its checkpoint says {expected}")
            }
        }
    }
}

/// Why an open store can't go on. Memory and disk may differ from now on: the process must stop.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Sled failed to read or write.
    #[error("the store failed: {0}")]
    Sled(#[from] sled::Error),
    /// The device did not take what was written.
    #[error("the store's files could not be brought to the disk: {0}")]
    Sync(Arc<std::io::Error>),
    /// A row is not what was written.
    #[error("the store is damaged: row {key:02x?} is missing or not well formed")]
    Damaged {
        /// The row's key.
        key: Vec<u8>,
    },
    /// The thread that writes is gone.
    #[error("the store's writing thread ended unexpectedly")]
    WriterGone,
}
