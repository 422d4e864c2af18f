//! The policies under which events are counted and counts are summed.

/// What posting does to the sender's own cursor (rules 2 and 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OwnMessages {
    /// Own messages are not counted; the sender's cursor stays where it is.
    #[default]
    Exclude,
    /// As [`Exclude`](Self::Exclude), and posting a countable message also moves the sender's
    /// cursor to its number.
    MarkRead,
}

/// Whether rooms that a member has muted are part of their badge (rule 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MutedRooms {
    /// Muted rooms count like all others.
    #[default]
    Count,
    /// Muted rooms are left out of the sum.
    Skip,
}

/// The policies that decide what is counted. A change of either asks for a recount from the log;
/// [`MutedRooms`] does not, since it acts only when a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policies {
    /// What posting does to the sender's own cursor.
    pub own_messages: OwnMessages,
    /// How many of a room's newest messages are known by their ids (rule 4): 1 or more.
    pub message_window: u32,
}

impl Default for Policies {
    fn default() -> Self {
        Self { own_messages: OwnMessages::Exclude, message_window: 10_000 }
    }
}

/// The rules as built into this version: kinds, limits, what is counted and what is remembered.
/// Counts made under other rules are not continued, but made again from the log.
pub const RULES_VERSION: u32 = 1;
