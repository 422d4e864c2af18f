//! The ten kinds of events.

use std::fmt;

/// What happened, as the last two tokens of an event's subject say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `message.posted`: a message exists.
    MessagePosted,
    /// `message.read`: a user has read up to a message, or all of a room.
    MessageRead,
    /// `message.unread`: "mark as unread" from a message on.
    MessageUnread,
    /// `message.recalled`: recalled or deleted for everyone.
    MessageRecalled,
    /// `room.joined`: users may read the room from now on.
    RoomJoined,
    /// `room.left`: users left, were removed or banned.
    RoomLeft,
    /// `room.tagged`: the room's whole tag set.
    RoomTagged,
    /// `room.muted`: one member's preference.
    RoomMuted,
    /// `room.deleted`: the room is gone.
    RoomDeleted,
    /// `user.deleted`: the user is gone from every room.
    UserDeleted,
}

impl Kind {
    /// Every kind, in the order of the contract.
    pub const ALL: [Self; 10] = [
        Self::MessagePosted,
        Self::MessageRead,
        Self::MessageUnread,
        Self::MessageRecalled,
        Self::RoomJoined,
        Self::RoomLeft,
        Self::RoomTagged,
        Self::RoomMuted,
        Self::RoomDeleted,
        Self::UserDeleted,
    ];

    /// The name in subjects, lines and metrics, for example `message.posted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessagePosted => "message.posted",
            Self::MessageRead => "message.read",
            Self::MessageUnread => "message.unread",
            Self::MessageRecalled => "message.recalled",
            Self::RoomJoined => "room.joined",
            Self::RoomLeft => "room.left",
            Self::RoomTagged => "room.tagged",
            Self::RoomMuted => "room.muted",
            Self::RoomDeleted => "room.deleted",
            Self::UserDeleted => "user.deleted",
        }
    }

    /// The kind of that name, compared exactly.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
