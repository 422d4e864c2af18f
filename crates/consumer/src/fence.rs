//! Why counting must not go on, and what an operator can do about it.

use counters::Full;

use crate::gaps::Gap;

/// The stream is not the one that was counted, or can't be counted any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fence {
    /// There is no such stream, and nothing was counted yet.
    #[error(
        "there is no stream {stream:?}: create it, or correct nats.stream; for development, nats.create_stream = true \
         creates it"
    )]
    Missing {
        /// The stream's name.
        stream: String,
    },
    /// The stream that was counted is gone.
    #[error(
        "there is no stream {stream:?}, which was counted up to sequence {applied}: restore it, or correct \
         nats.stream; nothing is created over what was counted. To count a new stream, move the data directory away"
    )]
    Deleted {
        /// The stream's name.
        stream: String,
        /// Up to where it was counted.
        applied: u64,
    },
    /// The stream ends before the event that was applied last.
    #[error(
        "the stream's last sequence is {last_sequence}, but it was counted up to {applied}: it was truncated or \
         recreated. Restore it, or move the data directory away to recount what the stream holds now"
    )]
    Truncated {
        /// The stream's last sequence.
        last_sequence: u64,
        /// Up to where it was counted.
        applied: u64,
    },
    /// The stream begins after the event that would be next.
    #[error(
        "the stream begins at sequence {first_sequence}, but it was counted up to {applied}: events {lost} are lost. \
         Restore them, or accept their loss with nats.accepted_gaps = [\"{lost}\"]",
        lost = Gap { first: applied + 1, last: first_sequence - 1 }
    )]
    EventsLost {
        /// The stream's first sequence.
        first_sequence: u64,
        /// Up to where it was counted.
        applied: u64,
    },
    /// The store is lost, and the stream does not hold everything that was counted in it.
    #[error(
        "{why}, and {found}, so nothing can be recounted. Put a snapshot of this service into data_dir/snapshots, or a \
         backup of the data directory in its place, and start again; or restore the stream; or accept the loss of what \
         the stream does not hold: nats.accepted_gaps for a stream that begins later, an empty data directory for one \
         that is gone",
        found = match first_sequence {
            Some(first) => format!("stream {stream:?} begins at sequence {first}"),
            None => format!("there is no stream {stream:?}"),
        }
    )]
    NothingToRecount {
        /// What became of the store.
        why: String,
        /// The stream's name.
        stream: String,
        /// The stream's first sequence, if there is one.
        first_sequence: Option<u64>,
    },
    /// The message applied last is not in the stream.
    #[error(
        "the stream has no message {applied}, which was the last one counted: this is another history. Restore the \
         stream, or move the data directory away to recount what the stream holds now"
    )]
    AppliedMissing {
        /// Up to where it was counted.
        applied: u64,
    },
    /// Another message stands where the last one was applied.
    #[error(
        "message {applied} of the stream is not the one that was counted: this is another history. Restore the \
         stream, or move the data directory away to recount what the stream holds now"
    )]
    AppliedDiffers {
        /// Up to where it was counted.
        applied: u64,
    },
    /// The stream has another creation time, or another name.
    #[error(
        "stream {found:?}, created at {found_created_ns} ns, is not stream {counted:?}, created at \
         {counted_created_ns} ns, which was counted up to {applied}. If it is a restored copy or a promoted mirror \
         of that stream, set nats.allow_restored_stream = true; if not, move the data directory away"
    )]
    Recreated {
        /// The name of the stream that was counted.
        counted: String,
        /// When that was created: nanoseconds since the Unix epoch.
        counted_created_ns: i64,
        /// The name of the stream that is there.
        found: String,
        /// When that was created: nanoseconds since the Unix epoch.
        found_created_ns: i64,
        /// Up to where it was counted.
        applied: u64,
    },
    /// Messages within the stream are missing.
    #[error(
        "messages {0} are missing from the stream: deleted, or lost by the server. Restore them, or accept their \
         loss with nats.accepted_gaps = [\"{0}\"]"
    )]
    Gap(Gap),
    /// A bound of the counts in memory is reached.
    #[error("event {sequence} can't be counted: {full}. Start again with an empty data directory to recount")]
    Full {
        /// The event's stream sequence.
        sequence: u64,
        /// The bound.
        full: Full,
    },
}

impl Fence {
    /// The name of each kind, as metrics have it.
    pub(crate) const NAMES: [&str; 10] = [
        "missing",
        "deleted",
        "truncated",
        "events_lost",
        "nothing_to_recount",
        "applied_missing",
        "applied_differs",
        "recreated",
        "gap",
        "full",
    ];

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Deleted { .. } => "deleted",
            Self::Truncated { .. } => "truncated",
            Self::EventsLost { .. } => "events_lost",
            Self::NothingToRecount { .. } => "nothing_to_recount",
            Self::AppliedMissing { .. } => "applied_missing",
            Self::AppliedDiffers { .. } => "applied_differs",
            Self::Recreated { .. } => "recreated",
            Self::Gap(_) => "gap",
            Self::Full { .. } => "full",
        }
    }
}
