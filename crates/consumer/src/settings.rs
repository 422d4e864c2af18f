//! What the operator decides.

use std::num::NonZero;
use std::time::Duration;

use async_nats::ServerAddr;
use events::Prefix;

use crate::gaps::Gap;
use crate::stream::dead_letter_stream;

/// What the operator decides about consuming.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The servers of one NATS system; at least one.
    pub servers: Vec<ServerAddr>,
    /// The stream that holds the events. Malformed ones are copied to the stream of this name with
    /// `_DEAD` added.
    pub stream: String,
    /// What every event's subject begins with.
    pub subject_prefix: Prefix,
    /// Whether both streams are created if they are missing and nothing was ever counted.
    pub create_stream: bool,
    /// Whether to go on with a stream of another creation time that holds the message applied last.
    pub allow_restored_stream: bool,
    /// Missing sequences whose loss is accepted.
    pub accepted_gaps: Vec<Gap>,
    /// How often changes are committed while events arrive live.
    pub commit_interval: Duration,
    /// Memory for changes not yet committed, in bytes.
    pub pending_bytes: usize,
    /// How often a snapshot is written, if anything was committed since the last one; `None`: only
    /// when asked for, and at the end.
    pub snapshot_interval: Option<Duration>,
    /// So many events are applied in a second at the most; `None` for as many as there are.
    pub most_events_per_second: Option<NonZero<u32>>,
    /// How often the stream's identity is checked; [`IDENTITY_CHECK_INTERVAL`] is a good choice.
    pub identity_check_interval: Duration,
}

/// How often to check whether the stream is still the one that was counted: it bounds how long a
/// stream that was replaced behind an unbroken connection goes unnoticed.
pub const IDENTITY_CHECK_INTERVAL: Duration = Duration::from_secs(30);

impl Settings {
    pub(crate) fn dead_letter_stream(&self) -> String {
        dead_letter_stream(&self.stream)
    }

    /// The servers without the user and password that may stand in their addresses.
    pub(crate) fn shown_servers(&self) -> String {
        let shown =
            |server: &ServerAddr| format!("{}://{}:{}", server.scheme(), server.host(), server.port());
        self.servers.iter().map(shown).collect::<Vec<_>>().join(",")
    }
}
