//! What `/status` tells: how far everything is, as one JSON object.

use serde::Serialize;

/// The body of `/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The last stream sequence that is in the counts.
    pub applied_sequence: u64,
    /// Events in the stream that are not applied yet, as far as is known.
    pub lag_events: u64,
    /// Whether there is a connection to the stream.
    pub connected: bool,
    /// Why consuming waits; null while it does not.
    pub paused: Option<String>,
    /// Absent before the store is open.
    #[serde(flatten)]
    pub store: Option<StoreStatus>,
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DigestAt {
    /// The stream sequence.
    pub sequence: u64,
    /// 32 hexadecimal digits.
    pub value: String,
}

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapshotAt {
    /// The stream sequence.
    pub sequence: u64,
    /// The length of its file.
    pub bytes: u64,
}
