//! What `/status` tells: how far everything is, as one JSON object.

use serde::{Deserialize, Serialize};

/// The body of `/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The last stream sequence that is in the counts.
    pub applied_sequence: u64,
    /// Events in the stream that are not applied yet, as far as is known.
    pub lag_events: u64,
    /// Whether there is a connection to the stream.
    pub connected: bool,
    /// Why consuming waits; null while it does not.
    pub paused: Option<String>,
    /// The memory that is resident, in bytes; null where the operating system does not tell.
    pub memory_bytes: Option<u64>,
    /// A generation that was asked to take the place of the one in use: the last one, whatever became of it.
    pub activation: Option<Activation>,
    /// Absent before the store is open.
    #[serde(flatten)]
    pub store: Option<StoreStatus>,
}

/// A generation on its way to be the one in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// Its number.
    pub generation: u64,
    /// How far it has come.
    #[serde(flatten)]
    pub stage: Stage,
}

/// How far an activation has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// Its store is being loaded.
    Opening,
    /// It counts what came since it was left.
    CatchingUp {
        /// Events that it has not counted yet.
        lag_events: u64,
    },
    /// Answers come from it.
    Done,
    /// The one that was in use still is.
    Failed {
        /// Why.
        reason: String,
    },
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// The last stream sequence that is on disk.
    pub durable_sequence: u64,
    /// The digest of what was committed last.
    pub digest: DigestAt,
    /// The number of the store below `data_dir/generations`.
    pub generation: u64,
    /// The snapshots there are, the newest first.
    pub snapshots: Vec<SnapshotAt>,
}

/// The digest of all facts at one sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestAt {
    /// The stream sequence.
    pub sequence: u64,
    /// 32 hexadecimal digits.
    pub value: String,
}

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotAt {
    /// The stream sequence.
    pub sequence: u64,
    /// The length of its file.
    pub bytes: u64,
}
