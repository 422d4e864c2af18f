//! What kinds and fields mean, and what they look like.

use serde_json::{Value, json};

use crate::Kind;
use crate::codec::Field;

pub(super) fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::MessagePosted => {
            "A message exists. A message id that the room still remembers changes nothing when it is posted again."
        }
        Kind::MessageRead => {
            "The user has read up to and including a message, or all that was posted before this event."
        }
        Kind::MessageUnread => "\"Mark as unread\", from a message on.",
        Kind::MessageRecalled => "The message was recalled, or deleted for everyone.",
        Kind::RoomJoined => {
            "These users may read the room from now on. Changes nothing for users who are members already."
        }
        Kind::RoomLeft => "These users left, were removed or were banned.",
        Kind::RoomTagged => "The room's whole tag set, replacing the old one.",
        Kind::RoomMuted => "One member's preference, on or off.",
        Kind::RoomDeleted => "The room is gone. A later event with its id starts a new room.",
        Kind::UserDeleted => "The user is gone from every room. What they posted stays counted for others.",
    }
}

pub(super) fn of_field(field: Field) -> &'static str {
    match field {
        Field::Tenant => "The chat application.",
        Field::Event => "The kind of event.",
        Field::Room => "Where.",
        Field::Message => "The message's id.",
        Field::Sender => "Who posted it; need not be a member.",
        Field::User | Field::Users => "Who.",
        Field::Upto => "The last message read. Absent: all that was posted before this event.",
        Field::From => "The first message that is to be unread again.",
        Field::At => {
            "When, as the sender says: milliseconds since the Unix epoch, UTC, written without a fraction."
        }
        Field::Silent => "Whether it is never counted.",
        Field::MentionAll => "Whether it mentions everybody.",
        Field::Muted => "Whether the room is muted for this member from now on.",
        Field::History => {
            "Whether nothing that was posted before counts as unread (`none`), or every message of the room (`all`)."
        }
        Field::Mentions => "Users named in the message. Duplicates count once, but count for the limit.",
        Field::Tags => "The room's tags. Duplicates count once, but count for the limit.",
    }
}

/// What a field stands for that is left out, if that is a value.
pub(super) fn default(field: Field) -> Option<Value> {
    match field {
        Field::Silent | Field::MentionAll => Some(json!(false)),
        Field::History => Some(json!("none")),
        Field::Mentions => Some(json!([])),
        _ => None,
    }
}

pub(super) fn example(kind: Kind, field: Field) -> Value {
    match field {
        Field::Tenant => json!("demo"),
        Field::Event => json!(kind.as_str()),
        Field::Room => json!("r1"),
        Field::Message | Field::Upto | Field::From => json!("m1"),
        Field::Sender => json!("ann"),
        Field::User => json!("bob"),
        Field::At => json!(1_700_000_000_000_u64),
        Field::Silent | Field::MentionAll => json!(false),
        Field::Muted => json!(true),
        Field::History => json!("all"),
        Field::Mentions => json!(["bob"]),
        Field::Users => json!(["ann", "bob"]),
        Field::Tags => json!(["support", "eu"]),
    }
}
