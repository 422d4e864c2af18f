#![doc = include_str!("../README.md")]

// What an event is.
mod event;
mod id;
mod kind;

// Where it comes from, and why it may be refused.
mod dead_letter;
mod reason;
mod subject;

// How it is written and read.
#[cfg(feature = "codec")]
mod codec;
#[cfg(feature = "codec")]
mod line;
#[cfg(feature = "codec")]
mod receive;

// What tools are told of it.
#[cfg(feature = "codec")]
pub mod describe;

pub use dead_letter::{DeadLetterHeader, MAX_DEAD_LETTER_BODY_BYTES, MAX_DEAD_LETTER_DETAIL_BYTES};
pub use event::{
    Body, Event, History, MAX_AT, MAX_MENTIONS, MAX_TAGS, MAX_USERS, MessagePosted, MessageRead,
    MessageRecalled, MessageUnread, RoomDeleted, RoomJoined, RoomLeft, RoomMuted, RoomTagged, UserDeleted,
};
pub use id::{Id, IdError, MAX_ID_BYTES, MAX_TAG_BYTES, MAX_TENANT_BYTES, MessageKey, Tag, Tenant};
pub use kind::Kind;
pub use reason::Reason;
pub use subject::{Prefix, PrefixError, Subject};

#[cfg(feature = "codec")]
pub use codec::{DecodeError, decode, encode_json, encode_message_pack, to_line};
#[cfg(feature = "codec")]
pub use line::{Line, LineError};
#[cfg(feature = "codec")]
pub use receive::{Malformed, Received, receive};
