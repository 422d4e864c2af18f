//! The events themselves. A value of these types is well formed: its ids and tags are valid.
//! The limits on lists and times are kept by the decoder. Lists are as they were sent: a duplicate
//! in one counts once, but is there.

use crate::{Id, Kind, Tag, Tenant};

/// The most entries in `users`, as sent.
pub const MAX_USERS: usize = 10_000;
/// The most entries in `tags`, as sent.
pub const MAX_TAGS: usize = 64;
/// The most entries in `mentions`, as sent.
pub const MAX_MENTIONS: usize = 1_000;
/// The latest `at`: 2^53 − 1 milliseconds since the Unix epoch, exact in every JSON reader.
pub const MAX_AT: u64 = (1 << 53) - 1;

/// One event of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The chat application in which it happened.
    pub tenant: Tenant<'a>,
    /// What happened.
    pub body: Body<'a>,
}

/// What happened, without the tenant: what the body of a stream message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// A message exists.
    MessagePosted(MessagePosted<'a>),
    /// A user has read.
    MessageRead(MessageRead<'a>),
    /// A user marked messages as unread.
    MessageUnread(MessageUnread<'a>),
    /// A message was recalled or deleted for everyone.
    MessageRecalled(MessageRecalled<'a>),
    /// Users joined a room.
    RoomJoined(RoomJoined<'a>),
    /// Users left a room.
    RoomLeft(RoomLeft<'a>),
    /// A room has these tags.
    RoomTagged(RoomTagged<'a>),
    /// A member muted or unmuted a room.
    RoomMuted(RoomMuted<'a>),
    /// A room is gone.
    RoomDeleted(RoomDeleted<'a>),
    /// A user is gone.
    UserDeleted(UserDeleted<'a>),
}

impl Body<'_> {
    /// The kind of event this is the body of.
    pub fn kind(&self) -> Kind {
        match self {
            Self::MessagePosted(_) => Kind::MessagePosted,
            Self::MessageRead(_) => Kind::MessageRead,
            Self::MessageUnread(_) => Kind::MessageUnread,
            Self::MessageRecalled(_) => Kind::MessageRecalled,
            Self::RoomJoined(_) => Kind::RoomJoined,
            Self::RoomLeft(_) => Kind::RoomLeft,
            Self::RoomTagged(_) => Kind::RoomTagged,
            Self::RoomMuted(_) => Kind::RoomMuted,
            Self::RoomDeleted(_) => Kind::RoomDeleted,
            Self::UserDeleted(_) => Kind::UserDeleted,
        }
    }
}

/// `message.posted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePosted<'a> {
    /// Where.
    pub room: Id<'a>,
    /// The message's id, unique in its room as long as the room remembers it.
    pub message: Id<'a>,
    /// Who posted it; need not be a member.
    pub sender: Id<'a>,
    /// When, as the sender says: milliseconds since the Unix epoch, UTC, 0 to [`MAX_AT`].
    pub at: Option<u64>,
    /// A silent message takes no number and is never counted.
    pub silent: bool,
    /// Users named in the message.
    pub mentions: Vec<Id<'a>>,
    /// Whether the message mentions everybody.
    pub mention_all: bool,
}

/// `message.read`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRead<'a> {
    /// Where.
    pub room: Id<'a>,
    /// Who.
    pub user: Id<'a>,
    /// The last message read; without it, all posted before this event.
    pub upto: Option<Id<'a>>,
}

/// `message.unread`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageUnread<'a> {
    /// Where.
    pub room: Id<'a>,
    /// Who.
    pub user: Id<'a>,
    /// The first message that is to be unread again.
    pub from: Id<'a>,
}

/// `message.recalled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecalled<'a> {
    /// Where.
    pub room: Id<'a>,
    /// The message that is gone.
    pub message: Id<'a>,
}

/// Where the cursor of a new member starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum History {
    /// At the head: nothing posted before counts as unread.
    #[default]
    None,
    /// At zero: every message of the room counts as unread.
    All,
}

/// `room.joined`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomJoined<'a> {
    /// Where.
    pub room: Id<'a>,
    /// Who.
    pub users: Vec<Id<'a>>,
    /// Where their cursors start.
    pub history: History,
}

/// `room.left`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLeft<'a> {
    /// Where.
    pub room: Id<'a>,
    /// Who.
    pub users: Vec<Id<'a>>,
}

/// `room.tagged`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomTagged<'a> {
    /// Where.
    pub room: Id<'a>,
    /// The whole tag set, replacing the old one.
    pub tags: Vec<Tag<'a>>,
}

/// `room.muted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMuted<'a> {
    /// Where.
    pub room: Id<'a>,
    /// Who.
    pub user: Id<'a>,
    /// Whether the room is muted for this member from now on.
    pub muted: bool,
}

/// `room.deleted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomDeleted<'a> {
    /// The room that is gone.
    pub room: Id<'a>,
}

/// `user.deleted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDeleted<'a> {
    /// The user who is gone from every room.
    pub user: Id<'a>,
}
