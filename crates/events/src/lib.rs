#![doc = include_str!("../README.md")]

mod id;
mod kind;
mod event;

pub use event::{
    Body, Event, History, MAX_AT, MAX_MENTIONS, MAX_TAGS, MAX_USERS, MessagePosted,
    MessageRead, MessageRecalled, MessageUnread, RoomDeleted, RoomJoined, RoomLeft, RoomMuted,
    RoomTagged, UserDeleted,
};
pub use id::{Id, IdError, MAX_ID_BYTES, MAX_TAG_BYTES, MAX_TENANT_BYTES, MessageKey, Tag, Tenant};
pub use kind::Kind;
