//! A tiny language for tables of tests: what happens, then what is to be counted.
//!
//! ```
//! use oracle::{Oracle, Policies, script::Script};
//!
//! let script = Script::parse("joined r1 ann,bob; posted r1 m1 by ann | ann 0, bob 1")?;
//! let mut oracle = Oracle::new(Policies::default());
//! for step in &script.steps {
//!     oracle.apply(&step.event, step.stored_ms);
//! }
//! for expected in &script.expectations {
//!     assert_eq!(oracle.answer(&expected.question), expected.answer, "{expected}");
//! }
//! # Ok::<(), oracle::script::ScriptError>(())
//! ```
//!
//! **Steps** stand before the `|`, separated by `;`:
//!
//! | step | event |
//! |---|---|
//! | `posted r1 m1 by ann [silent] [at 5] [mentions bob,cid] [mention_all]` | `message.posted` |
//! | `read r1 ann [upto m1]` | `message.read` |
//! | `unread r1 ann from m1` | `message.unread` |
//! | `recalled r1 m1` | `message.recalled` |
//! | `joined r1 ann,bob [history all]` | `room.joined` |
//! | `left r1 ann,bob` | `room.left` |
//! | `tagged r1 a,b` | `room.tagged` |
//! | `muted r1 ann`, `unmuted r1 ann` | `room.muted` |
//! | `room_deleted r1` | `room.deleted` |
//! | `user_deleted ann` | `user.deleted` |
//!
//! A list is joined by commas without spaces; `-` is the empty list. The options of `posted` come
//! in any order. The first step is stored at 1000 ms, the next at 2000 ms, and so on.
//!
//! **Expectations** stand after the `|`, separated by a comma and a space:
//!
//! | expectation | asks for |
//! |---|---|
//! | `ann 3` | the badge of all rooms |
//! | `ann#a,b 1` | the badge of the rooms with all of these tags |
//! | `ann skip_muted 2`, `ann#a skip_muted 0` | the same without muted rooms |
//! | `ann@r1 2`, `ann@r1 none` | the unread messages of one room; `none` for a non-member |
//! | `ann!r1 2`, `ann!r1 none` | the unread mentions of one room |
//! | `time r1 m1 5`, `time r1 m1 none` | T of the message; `none` for an unknown message |
//!
//! Everything is in the tenant `t`, unless the step or the expectation begins with another one:
//! `in other: left r1 ann | in other: ann@r1 none`.

use std::fmt;

use events::{Event, IdError};

use crate::oracle::Oracle;

mod expectation;
mod step;
mod words;

/// The tenant of every step and expectation that names no other.
pub const TENANT: &str = "t";

/// What happens, then what is to be counted. Everything borrows from the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script<'a> {
    /// The events, in stream order.
    pub steps: Vec<Step<'a>>,
    /// What holds after the last step.
    pub expectations: Vec<Expectation<'a>>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// The step as written.
    pub text: &'a str,
    /// The event that it means.
    pub event: Event<'a>,
    /// When the stream stores it, in milliseconds since the Unix epoch.
    pub stored_ms: u64,
}

/// A question and the right answer. Displayed as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation<'a> {
    /// The expectation as written.
    pub text: &'a str,
    /// What is asked.
    pub question: Question<'a>,
    /// What is to be answered; `None` for `none`.
    pub answer: Option<u64>,
}

impl fmt::Display for Expectation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}

/// What is asked, of which tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    /// The tenant that all names belong to.
    pub tenant: &'a str,
    /// What is asked.
    pub subject: Subject<'a>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The sum over a user's rooms.
    Badge {
        /// Whose.
        user: &'a str,
        /// Only rooms with all of these.
        tags: Vec<&'a str>,
        /// Whether rooms that the user muted are left out.
        skip_muted: bool,
    },
    /// The unread messages of one room; no answer for a non-member.
    Unread {
        /// Whose.
        user: &'a str,
        /// Where.
        room: &'a str,
    },
    /// The unread mentions of one room; no answer for a non-member.
    Mentions {
        /// Whose.
        user: &'a str,
        /// Where.
        room: &'a str,
    },
    /// The time of a message; no answer for an unknown one.
    Time {
        /// Where.
        room: &'a str,
        /// Which.
        message: &'a str,
    },
}

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in `{part}`: {problem}")]
pub struct ScriptError {
    /// The step or expectation in which it went wrong.
    pub part: String,
    /// What went wrong there.
    pub problem: Problem,
}

/// What is wrong with a step or an expectation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The step begins with none of the words that a step can begin with.
    #[error("`{0}` is no step; see the table in the documentation of `oracle::script`")]
    UnknownStep(String),
    /// Something else was to come here.
    #[error("expected {expected}, found `{found}`")]
    Unexpected {
        /// What was to come.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// The step or expectation stops too early.
    #[error("expected {expected}, found the end")]
    Missing {
        /// What was to come.
        expected: &'static str,
    },
    /// A name is outside the limits.
    #[error("`{name}` {error}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        error: IdError,
    },
}

impl<'a> Script<'a> {
    /// Reads a script. Steps alone, without `|`, are a script too.
    pub fn parse(text: &'a str) -> Result<Self, ScriptError> {
        let (steps, expectations) = text.split_once('|').unwrap_or((text, ""));
        let mut script = Self { steps: Vec::new(), expectations: Vec::new() };
        let steps = steps.split(';').map(str::trim);
        for (part, stored_ms) in steps.filter(|part| !part.is_empty()).zip((1000..).step_by(1000)) {
            let event = step::parse(part).map_err(|problem| problem.within(part))?;
            script.steps.push(Step { text: part, event, stored_ms });
        }
        let expectations = expectations.split(", ").map(str::trim);
        for part in expectations.filter(|part| !part.is_empty()) {
            let expectation = expectation::parse(part).map_err(|problem| problem.within(part))?;
            script.expectations.push(expectation);
        }
        Ok(script)
    }
}

impl Problem {
    fn within(self, part: &str) -> ScriptError {
        ScriptError { part: part.to_owned(), problem: self }
    }
}

impl Oracle {
    /// The answer to a question of a script.
    pub fn answer(&self, question: &Question<'_>) -> Option<u64> {
        let tenant = question.tenant;
        match &question.subject {
            Subject::Badge { user, tags, skip_muted } => Some(self.badge(tenant, user, tags, *skip_muted)),
            Subject::Unread { user, room } => self.unread(tenant, user, room),
            Subject::Mentions { user, room } => self.mentions(tenant, user, room),
            Subject::Time { room, message } => {
                let known = self.known_messages(tenant, room);
                known.iter().find(|known| known.message == *message).map(|known| known.time)
            }
        }
    }
}
