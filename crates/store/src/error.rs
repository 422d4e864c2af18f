//! What can go wrong with a store, by what the caller can do about it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use counters::{Policies, RestoreError};

use crate::digest::Digest;

/// Why a store can't be opened, nor another one put in its place.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data directory.
    #[error("data directory {0} is in use by another process: stop it first, or name another data_dir")]
    InUse(PathBuf),
    /// Another process has this generation.
    #[error("generation {0} is in use by another process: a service, or a rebuild that is still running")]
    GenerationInUse(u64),
    /// There is no such generation.
    #[error("there is no generation {number} in {path}: `tallymark generations list` shows those there are")]
    NoSuchGeneration {
        /// Its number.
        number: u64,
        /// The data directory.
        path: PathBuf,
    },
    /// The generation is the one in use.
    #[error(
        "generation {0} is the one in use: make another one that first (`tallymark generations activate N`)"
    )]
    IsCurrent(u64),
    /// It was not counted to its end.
    #[error("generation {0} is a rebuild that was not finished: `tallymark rebuild` goes on with it")]
    NotComplete(u64),
    /// It was broken off before anything was in it.
    #[error(
        "generation {0} was broken off before anything was counted in it: the next start of the service removes it, or \
         `tallymark generations remove {0}`"
    )]
    Unfinished(u64),
    /// A generation that is not in use can't be opened.
    #[error(
        "generation {number} can't be used: {damage}; remove it with `tallymark generations remove {number}`"
    )]
    Damaged {
        /// Its number.
        number: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A snapshot can't be used.
    #[error(transparent)]
    Snapshot(#[from] crate::snapshot::ReadError),
    /// A file could not be made, read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The store was written by a version that counts or stores in another way.
    #[error(
        "the store in {path} has {what} {found}, this version reads {expected}: start the version that wrote it, or run \
         `tallymark rebuild --activate` of this version, which counts everything anew from a stream that still begins at sequence 1"
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
        "the store in {path} was counted with {found}, the settings say {expected}: to count with what the settings say, run \
         `tallymark rebuild --activate` with these settings and start again; or set policy.own_messages and policy.message_window back"
    )]
    Policies {
        /// The data directory.
        path: PathBuf,
        /// Under which the store was counted.
        found: PolicyNames,
        /// In the settings.
        expected: PolicyNames,
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

impl PolicyNames {
    /// The value of `policy.own_messages`.
    pub fn own_messages(self) -> &'static str {
        match self.0.own_messages {
            counters::OwnMessages::Exclude => "exclude",
            counters::OwnMessages::MarkRead => "mark_read",
        }
    }
}

impl std::fmt::Display for PolicyNames {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own_messages = self.own_messages();
        write!(formatter, "own_messages = {own_messages:?}, message_window = {}", self.0.message_window)
    }
}

/// In which way a store is damaged.
#[derive(Debug, Clone, PartialEq)]
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
    /// The facts are those that were written, the dead letters on their way are not.
    Outbox,
    /// Sled says so.
    Sled(sled::Error),
    /// Sled, or what reads its rows, panicked with this message.
    Panicked(String),
    /// Sled did not open in time.
    TimedOut(Duration),
    /// The process that had it last could not trust it any more, for this reason.
    Dirty(String),
    /// So many processes in a row ended while they opened it.
    OpeningDied(u32),
    /// A snapshot's file is not as it was written.
    File(&'static str),
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
            Self::Outbox => {
                write!(formatter, "dead letters on their way are missing or not as they were written")
            }
            Self::Sled(error) => write!(formatter, "its database says: {error}"),
            Self::Panicked(message) => write!(formatter, "reading it panicked: {message}"),
            Self::TimedOut(limit) => {
                write!(
                    formatter,
                    "its database did not open within {} s (store.open_timeout_s)",
                    limit.as_secs()
                )
            }
            Self::Dirty(reason) => {
                write!(formatter, "the process before this one could not trust it any more: {reason}")
            }
            Self::OpeningDied(times) => {
                write!(formatter, "{times} processes in a row ended while they opened it")
            }
            Self::File(what) => formatter.write_str(what),
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
    /// What writes panicked.
    #[error("writing to the store panicked: {0}")]
    Panicked(String),
    /// The rows are not what was committed.
    #[error("the store is damaged: {0}")]
    NotAsCommitted(Damage),
    /// The thread that writes is gone.
    #[error("the store's writing thread ended unexpectedly")]
    WriterGone,
}
