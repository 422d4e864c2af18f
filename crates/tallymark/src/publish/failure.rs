//! Why publishing could not go on, and what to do about it.

/// A stored line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) sequence: u64,
}

/// Why publishing could not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// Two lines are in the stream in the wrong order: the earlier one failed when the later one was on
    /// its way already, or an old run is repeated whose first lines the stream has forgotten.
    #[error(
        "line {} is stored at sequence {}, after line {} at {}: the order on the stream is broken",
        .earlier.line, .earlier.sequence, .later.line, .later.sequence
    )]
    OutOfOrder { earlier: Place, later: Place },

    /// A line was refused when a later one was on its way already, and that one was stored.
    #[error(
        "line {line} is not stored ({reason}), but line {} is, at sequence {}: the order on the \
         stream is broken",
        .later.line, .later.sequence
    )]
    Overtaken { line: u64, reason: String, later: Place },

    /// A line was not stored in many tries.
    #[error("line {line} could not be stored in {tries} tries: {reason}{}", overtaken(.later))]
    GaveUp { line: u64, tries: u32, reason: String, later: Option<Place> },

    /// The server will never store the line.
    #[error("line {line} was refused: {reason}")]
    Refused { line: u64, reason: String },

    /// No stream takes the subject of the very first line.
    #[error("line {line}: no stream takes its subject")]
    NoStream { line: u64 },

    /// Another stream took the line.
    #[error("line {line} was stored in the stream {stream:?}")]
    StoredElsewhere { line: u64, stream: String },
}

fn overtaken(later: &Option<Place>) -> String {
    match later {
        Some(Place { line, sequence }) => format!(
            "\nA later line, {line}, is stored already, at sequence {sequence}: the order on the \
             stream may be broken"
        ),
        None => String::new(),
    }
}
