//! The two policies on which the counts depend.

/// What posting does to the sender's own count (rule 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OwnMessages {
    /// Posting never moves the sender's cursor.
    #[default]
    Exclude,
    /// Posting a countable message moves the sender's cursor to its number.
    MarkRead,
}

/// The policies that, together with the events, decide every count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policies {
    /// What posting does to the sender's own count.
    pub own_messages: OwnMessages,
    /// How many of a room's newest messages are known by their ids (rule 4): 1 or more.
    pub message_window: u32,
}

impl Default for Policies {
    /// The defaults of the settings: `exclude` and 10,000.
    fn default() -> Self {
        Self { own_messages: OwnMessages::Exclude, message_window: 10_000 }
    }
}
