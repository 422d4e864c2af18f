//! A message of the stream, taken for what it is: an event, malformed, or somebody else's.

use std::fmt;

use crate::{DecodeError, Event, IdError, Kind, Prefix, Reason, Subject, Tenant, decode};

/// What a message of the stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<'a> {
    /// A well-formed event.
    Event(Event<'a>),
    /// Within the prefix, but no event: goes to the dead letters.
    Malformed(Malformed<'a>),
    /// Somebody else's message: is passed over.
    OutsidePrefix,
}

/// Takes a message of the stream for what it is. The subject alone decides tenant and kind.
pub fn receive<'a>(prefix: &Prefix, subject: &'a str, body: &'a [u8]) -> Received<'a> {
    let malformed = match prefix.parse(subject) {
        Subject::Event { tenant, kind } => match decode(kind, body) {
            Ok(body) => return Received::Event(Event { tenant, body }),
            Err(error) => Malformed::Body { tenant, error },
        },
        Subject::InvalidTenant { name, error } => Malformed::Tenant { name, error },
        Subject::UnknownKind { tenant, name } => Malformed::Kind { tenant, name },
        Subject::OutsidePrefix => return Received::OutsidePrefix,
    };
    Received::Malformed(malformed)
}

/// Why a message within the prefix is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed<'a> {
    /// The subject has no valid tenant.
    Tenant {
        /// What stands in its place.
        name: &'a str,
        /// What is wrong with it.
        error: IdError,
    },
    /// The subject has no kind that there is.
    Kind {
        /// The chat application.
        tenant: Tenant<'a>,
        /// What stands in the kind's place.
        name: &'a str,
    },
    /// The body is not one of its kind.
    Body {
        /// The chat application.
        tenant: Tenant<'a>,
        /// What is wrong with the body.
        error: DecodeError,
    },
}

impl<'a> Malformed<'a> {
    /// Why, in few words.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Tenant { .. } => Reason::InvalidTenant,
            Self::Kind { .. } => Reason::UnknownKind,
            Self::Body { error, .. } => error.reason(),
        }
    }

    /// Tenant and kind, if the subject gives both: what the dead letter's subject is made of.
    pub fn tenant_and_kind(&self) -> Option<(Tenant<'a>, Kind)> {
        match self {
            Self::Tenant { .. } | Self::Kind { .. } => None,
            Self::Body { tenant, error } => Some((*tenant, error.kind())),
        }
    }
}

impl fmt::Display for Malformed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant { name, error } => {
                write!(formatter, "the tenant {name:?} in the subject {error}")
            }
            Self::Kind { name: "", .. } => formatter.write_str("the subject ends before the kind"),
            Self::Kind { name, .. } => {
                write!(formatter, "the kind {name:?} in the subject is no kind of event")
            }
            Self::Body { error, .. } => error.fmt(formatter),
        }
    }
}
