//! Events in files and pipes: one JSON object a line, the body with `tenant` and `event` added.

use std::borrow::Cow;

use crate::codec::{Excerpt, Fault, Field, Fields, OF_LINE};
use crate::{Body, DecodeError, Event, IdError, Kind, Reason, Tenant, decode};

/// One event as a line of NDJSON gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// A valid name; owned if the line escapes some of its characters.
    tenant: Cow<'a, str>,
    /// What happened.
    pub body: Body<'a>,
}

impl<'a> Line<'a> {
    /// Reads one line. Like a body, it has to begin with `{`; white space may follow.
    pub fn parse(line: &'a str) -> Result<Self, LineError> {
        if line.is_empty() {
            return Err(Wrong::Empty.into());
        }
        if !line.starts_with('{') {
            return Err(Wrong::NoObject(Excerpt::of(line)).into());
        }
        // The kind decides which fields are known, and may come last: hence a pass of its own.
        let mut fields = Fields::new(OF_LINE);
        fields.read(line.as_bytes()).map_err(Wrong::Itself)?;
        let seen = fields.seen();
        let tenant = seen.required(fields.tenant, Field::Tenant).map_err(Wrong::Itself)?;
        let event = seen.required(fields.event, Field::Event).map_err(Wrong::Itself)?;
        Tenant::new(&tenant).map_err(Wrong::Tenant)?;
        let kind = Kind::from_name(&event).ok_or_else(|| Wrong::Event(Excerpt::of(&event)))?;
        let body = decode(kind, line.as_bytes()).map_err(Wrong::Body)?;
        Ok(Self { tenant, body })
    }

    /// The chat application in which it happened.
    pub fn tenant(&self) -> Tenant<'_> {
        Tenant::new(&self.tenant).expect("the name was checked when the line was read")
    }

    /// The event. Ids that the line doesn't escape are borrowed.
    pub fn event(&self) -> Event<'_> {
        Event { tenant: self.tenant(), body: self.body.clone() }
    }
}

/// What is wrong with a line, for example ``field `tenant` is missing``.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct LineError(#[from] Wrong);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Wrong {
    #[error("the line is empty")]
    Empty,
    #[error("the line is no JSON object: it begins with {0}; expected `{{`")]
    NoObject(Excerpt),
    #[error("{0}")]
    Itself(Fault),
    #[error("field `tenant` {0}")]
    Tenant(IdError),
    #[error("field `event` is {0}, which is no kind of event; expected one such as \"message.posted\"")]
    Event(Excerpt),
    #[error(transparent)]
    Body(DecodeError),
}

impl LineError {
    /// Why the event is malformed.
    pub fn reason(&self) -> Reason {
        match &self.0 {
            Wrong::Empty | Wrong::NoObject(_) => Reason::Undecodable,
            Wrong::Itself(fault) => fault.reason(),
            Wrong::Tenant(_) => Reason::InvalidTenant,
            Wrong::Event(_) => Reason::UnknownKind,
            Wrong::Body(error) => error.reason(),
        }
    }
}
