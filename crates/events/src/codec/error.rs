//! What can be wrong with a body, told to the people who write the producer.

use std::fmt;

use super::{Field, message_pack};
use crate::{IdError, Kind, MAX_AT, Reason};

/// What is wrong with a body, for example:
/// ``message.posted: field `sender` is 300 bytes long, at most 256 are allowed``.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {fault}")]
pub struct DecodeError {
    pub(crate) kind: Kind,
    pub(crate) fault: Fault,
}

impl DecodeError {
    /// The kind of event that was expected.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Why the event is malformed.
    pub fn reason(&self) -> Reason {
        self.fault.reason()
    }

    /// The name of the field that is wrong, unless the whole body is.
    pub fn field(&self) -> Option<&'static str> {
        match self.fault {
            Fault::Field { field, .. } | Fault::Broken { field: Some(field), .. } => Some(field.name()),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the body is empty")]
    Empty,
    #[error(
        "the body begins with the byte 0x{0:02x}; expected `{{` for JSON, or 0x80 to 0x8f, 0xde or \
         0xdf for a MessagePack map"
    )]
    FirstByte(u8),
    #[error("the JSON is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    #[error("{}{broken}", InField(*field))]
    Broken { broken: Broken, field: Option<Field> },
    #[error("data follows the body at {place}; only JSON white space may")]
    TrailingData { place: String },
    #[error("field `{}{}` {problem}", field.name(), Index(*entry))]
    Field { field: Field, entry: Option<usize>, problem: Problem },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the JSON is broken: {0}")]
    Json(String),
    #[error("the MessagePack is broken: {0}")]
    MessagePack(message_pack::Error),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("is missing")]
    Missing,
    #[error("is null, but required")]
    Null,
    #[error("is there twice")]
    Repeated,
    #[error("is {found}; expected {expected}")]
    WrongType { found: &'static str, expected: &'static str },
    #[error("{0}")]
    Id(IdError),
    #[error("has more than {limit} entries")]
    TooMany { limit: usize },
    #[error("is {0}; expected milliseconds since the Unix epoch, from 0 to {MAX_AT}")]
    Time(i128),
    #[error("is {0}; expected \"none\" or \"all\"")]
    UnknownHistory(Excerpt),
}

impl Fault {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Empty | Self::FirstByte(_) | Self::NotUtf8(_) | Self::Broken { .. } => Reason::Undecodable,
            Self::TrailingData { .. } => Reason::TrailingData,
            Self::Field { problem, .. } => match problem {
                Problem::Missing | Problem::Null => Reason::MissingField,
                Problem::Repeated => Reason::RepeatedField,
                Problem::WrongType { .. } => Reason::WrongType,
                Problem::Id(IdError::TooLong { .. }) | Problem::TooMany { .. } | Problem::Time(_) => {
                    Reason::OverLimit
                }
                Problem::Id(_) => Reason::InvalidId,
                Problem::UnknownHistory(_) => Reason::UnknownHistory,
            },
        }
    }
}

/// The place in a list: `[2]`.
struct Index(Option<usize>);

impl fmt::Display for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(entry) => write!(formatter, "[{entry}]"),
            None => Ok(()),
        }
    }
}

/// Where the encoding is broken, if that is inside a known field.
struct InField(Option<Field>);

impl fmt::Display for InField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(field) => write!(formatter, "in field `{}` ", field.name()),
            None => Ok(()),
        }
    }
}

/// The beginning of a text that somebody else wrote, quoted and escaped: fit for a line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt(String);

impl Excerpt {
    const MAX_CHARACTERS: usize = 40;

    pub(crate) fn of(text: &str) -> Self {
        match text.char_indices().nth(Self::MAX_CHARACTERS) {
            Some((end, _)) => Self(format!("{:?}…", &text[..end])),
            None => Self(format!("{text:?}")),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
