//! Why an event is malformed, in few words.

use std::fmt;

/// Why an event is malformed: a closed set, fit for metrics, dead letters and stored records.
/// The error it comes from says the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The body is no map with named fields in one of the two encodings, or is cut off.
    Undecodable,
    /// Something other than JSON white space follows the body.
    TrailingData,
    /// A required field is missing or null.
    MissingField,
    /// A field of this kind is there twice.
    RepeatedField,
    /// A field holds a value of another type than it should.
    WrongType,
    /// An id or tag is empty or has a control character.
    InvalidId,
    /// An id or tag is too long, a list has too many entries, or a time is out of range.
    OverLimit,
    /// `history` is neither `none` nor `all`.
    UnknownHistory,
    /// The tenant's name is not a valid one.
    InvalidTenant,
    /// There is no such kind of event.
    UnknownKind,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Undecodable,
        Self::TrailingData,
        Self::MissingField,
        Self::RepeatedField,
        Self::WrongType,
        Self::InvalidId,
        Self::OverLimit,
        Self::UnknownHistory,
        Self::InvalidTenant,
        Self::UnknownKind,
    ];

    /// The name in metrics and dead letters, for example `missing_field`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::TrailingData => "trailing_data",
            Self::MissingField => "missing_field",
            Self::RepeatedField => "repeated_field",
            Self::WrongType => "wrong_type",
            Self::InvalidId => "invalid_id",
            Self::OverLimit => "over_limit",
            Self::UnknownHistory => "unknown_history",
            Self::InvalidTenant => "invalid_tenant",
            Self::UnknownKind => "unknown_kind",
        }
    }

    /// The reason of that name, compared exactly.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
