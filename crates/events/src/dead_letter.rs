//! What the copy of a malformed event says of it, for whoever reads dead letters.

/// The most of a malformed event's body that is copied.
pub const MAX_DEAD_LETTER_BODY_BYTES: usize = 64 * 1024;
/// The most of a sentence about it that is copied; all of it printable ASCII.
pub const MAX_DEAD_LETTER_DETAIL_BYTES: usize = 256;

/// A header of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterHeader {
    /// Why it is malformed: a [`Reason`](crate::Reason).
    Reason,
    /// What is wrong with it, as a sentence.
    Detail,
    /// Its subject.
    Subject,
    /// Its place in its stream.
    Sequence,
    /// When its stream stored it, in nanoseconds since the Unix epoch.
    StoredAt,
    /// The length of its whole body, in bytes.
    Length,
    /// The name of its stream.
    Stream,
    /// When its stream was created, in nanoseconds since the Unix epoch.
    StreamCreated,
}

impl DeadLetterHeader {
    /// Every header, in the order in which they are sent.
    pub const ALL: [Self; 8] = [
        Self::Reason,
        Self::Detail,
        Self::Subject,
        Self::Sequence,
        Self::StoredAt,
        Self::Length,
        Self::Stream,
        Self::StreamCreated,
    ];

    /// As it is sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reason => "Tallymark-Reason",
            Self::Detail => "Tallymark-Detail",
            Self::Subject => "Tallymark-Subject",
            Self::Sequence => "Tallymark-Sequence",
            Self::StoredAt => "Tallymark-Stored-At",
            Self::Length => "Tallymark-Length",
            Self::Stream => "Tallymark-Stream",
            Self::StreamCreated => "Tallymark-Stream-Created",
        }
    }
}
