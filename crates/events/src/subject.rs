//! Subjects: `<prefix>.<tenant>.<kind>` for events, `<prefix>-dead.<tenant>.<kind>` for dead letters,
//! `<prefix>-ask.<tenant>.<name>` for questions, `<prefix>-badge.<tenant>` for badges that are watched.

use std::fmt;

use crate::{IdError, Kind, Tenant};

/// Why a text can't be the prefix of subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// The text, or what stands before, between or after its dots, is empty.
    #[error("has an empty token; expected names joined by single dots, for example `chat` or `chat.prod`")]
    EmptyToken,
    /// The server keeps such subjects to itself.
    #[error("begins with `$`, which the NATS server keeps to itself")]
    Reserved,
    /// A wildcard, white space or a control character.
    #[error(
        "has the character {character:?} at byte {position}; wildcards, white space and control characters are not allowed"
    )]
    Forbidden {
        /// The character.
        character: char,
        /// Where it begins, in bytes from the start of the text.
        position: usize,
    },
}

/// What the subjects of all events begin with; a setting. It may have several tokens: `chat.prod`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(String);

impl Prefix {
    /// Takes the text if it can begin a NATS subject that is published to.
    pub fn new(text: impl Into<String>) -> Result<Self, PrefixError> {
        let text = text.into();
        let forbidden = |character: char| {
            matches!(character, '*' | '>') || character.is_whitespace() || character.is_control()
        };
        if let Some((position, character)) = text.char_indices().find(|&(_, character)| forbidden(character))
        {
            return Err(PrefixError::Forbidden { character, position });
        }
        if text.split('.').any(str::is_empty) {
            return Err(PrefixError::EmptyToken);
        }
        if text.starts_with('$') {
            return Err(PrefixError::Reserved);
        }
        Ok(Self(text))
    }

    /// The prefix itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a subject says about an event.
    pub fn parse<'a>(&self, subject: &'a str) -> Subject<'a> {
        let within = subject.strip_prefix(self.as_str()).and_then(|rest| rest.strip_prefix('.'));
        let Some(rest) = within else {
            return Subject::OutsidePrefix;
        };
        let (name, kind) = rest.split_once('.').unwrap_or((rest, ""));
        match (Tenant::new(name), Kind::from_name(kind)) {
            (Err(error), _) => Subject::InvalidTenant { name, error },
            (Ok(tenant), None) => Subject::UnknownKind { tenant, name: kind },
            (Ok(tenant), Some(kind)) => Subject::Event { tenant, kind },
        }
    }

    /// The subject to publish an event to.
    pub fn event(&self, tenant: Tenant<'_>, kind: Kind) -> String {
        format!("{self}.{tenant}.{kind}")
    }

    /// The subject to publish a dead letter to: `<prefix>-dead._._` where the original subject
    /// gave no valid tenant and kind.
    pub fn dead_letter(&self, original: Option<(Tenant<'_>, Kind)>) -> String {
        match original {
            Some((tenant, kind)) => format!("{self}-dead.{tenant}.{kind}"),
            None => format!("{self}-dead._._"),
        }
    }

    /// The wildcard for every subject within the prefix: what the stream of events holds.
    pub fn all_events(&self) -> String {
        format!("{self}.>")
    }

    /// The wildcard for every dead letter: what the stream of dead letters holds.
    pub fn all_dead_letters(&self) -> String {
        format!("{self}-dead.>")
    }

    /// What stands before the name of a question of any tenant: `<prefix>-ask.*`.
    pub fn all_questions(&self) -> String {
        format!("{self}-ask.*")
    }

    /// The token of a question's subject that names the tenant. It may be no tenant's name.
    pub fn asking<'a>(&self, subject: &'a str) -> Option<&'a str> {
        let rest = subject.strip_prefix(self.as_str())?.strip_prefix("-ask.")?;
        rest.split_once('.').map(|(tenant, _)| tenant)
    }

    /// The subject to publish the badges to that are watched.
    pub fn badges(&self, tenant: Tenant<'_>) -> String {
        format!("{self}-badge.{tenant}")
    }

    /// Whether a subject is one of those that this program gives a meaning to: within the prefix, or within the prefix
    /// with a word added, as for dead letters and questions.
    pub fn is_taken(&self, subject: &str) -> bool {
        let rest = subject.strip_prefix(self.as_str());
        rest.is_some_and(|rest| rest.starts_with(['.', '-']))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a subject says about an event. A subject is within the prefix if it begins with the
/// prefix and a dot; everything else is somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// An event of this tenant and kind.
    Event {
        /// The chat application.
        tenant: Tenant<'a>,
        /// What happened.
        kind: Kind,
    },
    /// Within the prefix, but the token after it is no tenant's name, whatever follows.
    InvalidTenant {
        /// The token.
        name: &'a str,
        /// What is wrong with it.
        error: IdError,
    },
    /// Within the prefix and with a valid tenant, but what follows is no kind.
    UnknownKind {
        /// The chat application.
        tenant: Tenant<'a>,
        /// All that follows the tenant; empty if nothing does.
        name: &'a str,
    },
    /// Not within the prefix.
    OutsidePrefix,
}
