//! What applying one event did, in closed enums that name the reason.

use std::fmt;

use events::MessageKey;

use crate::RoomIndex;

/// What a room remembers of one message id: what `apply` is given for the id that an event names,
/// and what it hands out for each new message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Remembered {
    /// The message's place in the order of posting, from 1, silent messages included.
    pub order: u64,
    /// The message's number or, for a silent one, the number last given before it.
    pub number: u32,
    /// Whether the message took no number of its own.
    pub silent: bool,
    /// T of `number` (rule 18): milliseconds since the Unix epoch; 0 before the first number.
    pub time: u64,
}

/// A message id that is known from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remember {
    /// The room whose id it is.
    pub room: RoomIndex,
    /// The id.
    pub key: MessageKey,
    /// What to remember of it.
    pub remembered: Remembered,
}

/// What one event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Whether anything changed, or why not.
    pub outcome: Outcome,
    /// The message id that this event made known.
    pub remember: Option<Remember>,
    /// The room that this event deleted; its remembered ids go with it.
    pub deleted: Option<RoomIndex>,
    /// How many kept reads and recalls fell out to make place (rule 6); each is to be counted as
    /// [`Reason::UnknownMessage`].
    pub fallen_out: u32,
}

/// Whether an event changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It changed a count, or what later events do to one.
    Changed,
    /// It names a message not known yet, and waits for it (rule 6).
    Kept,
    /// It changed nothing.
    Unchanged(Reason),
}

/// Why a well-formed event changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// `room.joined`: all of `users` are members already (rule 8).
    AlreadyAMember,
    /// A read or recall that waits for the same message already (rule 6).
    AlreadyKept,
    /// `message.read`: the cursor is there, or further (rule 5).
    AlreadyRead,
    /// `message.recalled`: recalled before.
    AlreadyRecalled,
    /// `message.unread`: the cursor is exactly there.
    AlreadyUnread,
    /// `users` is empty.
    EmptyList,
    /// `message.posted`: the id is known; a retry or an edit (rule 4).
    KnownMessage,
    /// The user, or none of the users, is a member of the room (rules 9 and 10).
    NotAMember,
    /// `room.muted`: the preference is that already.
    SamePreference,
    /// `room.tagged`: the room has exactly these tags.
    SameTags,
    /// `message.recalled`: a silent message is in no count.
    SilentMessage,
    /// The message is not known in its room, and the event does not wait for it (rules 6 and 7).
    UnknownMessage,
    /// `room.deleted`: no such room.
    UnknownRoom,
    /// `user.deleted`: the user is a member of no room.
    UnknownUser,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::AlreadyAMember,
        Self::AlreadyKept,
        Self::AlreadyRead,
        Self::AlreadyRecalled,
        Self::AlreadyUnread,
        Self::EmptyList,
        Self::KnownMessage,
        Self::NotAMember,
        Self::SamePreference,
        Self::SameTags,
        Self::SilentMessage,
        Self::UnknownMessage,
        Self::UnknownRoom,
        Self::UnknownUser,
    ];

    /// The reason's name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyAMember => "already_a_member",
            Self::AlreadyKept => "already_kept",
            Self::AlreadyRead => "already_read",
            Self::AlreadyRecalled => "already_recalled",
            Self::AlreadyUnread => "already_unread",
            Self::EmptyList => "empty_list",
            Self::KnownMessage => "known_message",
            Self::NotAMember => "not_a_member",
            Self::SamePreference => "same_preference",
            Self::SameTags => "same_tags",
            Self::SilentMessage => "silent_message",
            Self::UnknownMessage => "unknown_message",
            Self::UnknownRoom => "unknown_room",
            Self::UnknownUser => "unknown_user",
        }
    }
}

/// A bound of the in-memory form was reached: the event can't be counted, and counting on without
/// it would be wrong. The state is as it was before the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// One room holds 4,294,967,295 countable messages.
    RoomHead,
    /// 4,294,967,295 rooms have been seen since the counts were last rebuilt.
    Rooms,
    /// There are 4,294,967,295 users.
    Users,
}

impl fmt::Display for Full {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RoomHead => "the room holds 4,294,967,295 countable messages, and no more can be numbered",
            Self::Rooms => "4,294,967,295 rooms were seen since the counts were last rebuilt from the log",
            Self::Users => "there are 4,294,967,295 users, and no more can be held by one node",
        })
    }
}

impl std::error::Error for Full {}
