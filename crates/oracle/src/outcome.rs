//! What an event did.

/// Whether an event left the state as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Some room, membership, remembered or kept message differs from before.
    Changed,
    /// Everything is as before.
    Unchanged,
}

/// What an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Whether the event left the state as it was.
    pub effect: Effect,
    /// How many messages this event made count as `unknown_message`: a kept read or recall that
    /// fell out (rule 6), or the unknown `from` of an `unread` by a member (rule 7).
    pub unknown_messages: u32,
}

impl Outcome {
    pub(crate) const CHANGED: Self = Self { effect: Effect::Changed, unknown_messages: 0 };
    pub(crate) const UNCHANGED: Self = Self { effect: Effect::Unchanged, unknown_messages: 0 };
    pub(crate) const UNKNOWN_MESSAGE: Self = Self { effect: Effect::Unchanged, unknown_messages: 1 };

    pub(crate) fn changed_if(changed: bool) -> Self {
        if changed { Self::CHANGED } else { Self::UNCHANGED }
    }
}
