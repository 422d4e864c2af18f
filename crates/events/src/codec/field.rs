//! Which fields there are, and which of them each kind knows: the contract's table.

use crate::{Kind, MAX_MENTIONS, MAX_TAGS, MAX_USERS};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Tenant,
    Event,
    Room,
    Message,
    Sender,
    User,
    Upto,
    From,
    At,
    Silent,
    MentionAll,
    Muted,
    History,
    Mentions,
    Users,
    Tags,
}

/// The fields that a line has besides those of its body.
pub(crate) const OF_LINE: &[Field] = &[Field::Tenant, Field::Event];

impl Field {
    /// The fields that a body of this kind knows; it ignores all others.
    pub(crate) fn of_body(kind: Kind) -> &'static [Self] {
        use Field::{
            At, From, History, MentionAll, Mentions, Message, Muted, Room, Sender, Silent, Tags, Upto, User,
            Users,
        };
        match kind {
            Kind::MessagePosted => &[Room, Message, Sender, At, Silent, Mentions, MentionAll],
            Kind::MessageRead => &[Room, User, Upto],
            Kind::MessageUnread => &[Room, User, From],
            Kind::MessageRecalled => &[Room, Message],
            Kind::RoomJoined => &[Room, Users, History],
            Kind::RoomLeft => &[Room, Users],
            Kind::RoomTagged => &[Room, Tags],
            Kind::RoomMuted => &[Room, User, Muted],
            Kind::RoomDeleted => &[Room],
            Kind::UserDeleted => &[User],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Event => "event",
            Self::Room => "room",
            Self::Message => "message",
            Self::Sender => "sender",
            Self::User => "user",
            Self::Upto => "upto",
            Self::From => "from",
            Self::At => "at",
            Self::Silent => "silent",
            Self::MentionAll => "mention_all",
            Self::Muted => "muted",
            Self::History => "history",
            Self::Mentions => "mentions",
            Self::Users => "users",
            Self::Tags => "tags",
        }
    }

    /// What the field has to hold, in the words of an error.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::At => "an integer",
            Self::Silent | Self::MentionAll | Self::Muted => "a boolean",
            Self::Mentions | Self::Users | Self::Tags => "a list of strings",
            _ => "a string",
        }
    }

    /// How many entries the list may have, if the field holds one.
    pub(crate) fn limit(self) -> Option<usize> {
        match self {
            Self::Mentions => Some(MAX_MENTIONS),
            Self::Users => Some(MAX_USERS),
            Self::Tags => Some(MAX_TAGS),
            _ => None,
        }
    }
}
