//! Bodies and lines as bytes: fields in the contract's order, defaults and absent values left out.

use std::ops::Deref;

use serde::{Serialize, Serializer};

use crate::{Body, Event, History};

/// The body as JSON.
///
/// Ids and tags are valid by their types; a list or time over its limit is written as it is, and
/// no decoder will take it.
pub fn encode_json(body: &Body<'_>) -> Vec<u8> {
    serde_json::to_vec(&Record::from(body)).expect("texts, numbers and lists of texts are JSON")
}

/// The body as MessagePack; otherwise like [`encode_json`].
pub fn encode_message_pack(body: &Body<'_>) -> Vec<u8> {
    rmp_serde::to_vec_named(&Record::from(body)).expect("texts, numbers and lists of texts are MessagePack")
}

/// The event as one line of NDJSON, without the line break.
pub fn to_line(event: &Event<'_>) -> String {
    let record = Record {
        tenant: Some(event.tenant.as_str()),
        event: Some(event.body.kind().as_str()),
        ..Record::from(&event.body)
    };
    serde_json::to_string(&record).expect("texts, numbers and lists of texts are JSON")
}

/// Every field that any kind has, as it is written.
#[derive(Default, Serialize)]
struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upto: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Texts<'a, crate::Id<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Texts<'a, crate::Tag<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    muted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mentions: Option<Texts<'a, crate::Id<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mention_all: Option<bool>,
}

/// A list of ids or tags.
struct Texts<'a, T>(&'a [T]);

impl<T: Deref<Target = str>> Serialize for Texts<'_, T> {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.collect_seq(self.0.iter().map(|text| &**text))
    }
}

impl<'a> From<&'a Body<'a>> for Record<'a> {
    fn from(body: &'a Body<'a>) -> Self {
        let record = Self::default();
        match body {
            Body::MessagePosted(posted) => Self {
                room: Some(&posted.room),
                message: Some(&posted.message),
                sender: Some(&posted.sender),
                at: posted.at,
                silent: posted.silent.then_some(true),
                mentions: (!posted.mentions.is_empty()).then_some(Texts(&posted.mentions)),
                mention_all: posted.mention_all.then_some(true),
                ..record
            },
            Body::MessageRead(read) => {
                Self { room: Some(&read.room), user: Some(&read.user), upto: read.upto.as_deref(), ..record }
            }
            Body::MessageUnread(unread) => Self {
                room: Some(&unread.room),
                user: Some(&unread.user),
                from: Some(&unread.from),
                ..record
            },
            Body::MessageRecalled(recalled) => {
                Self { room: Some(&recalled.room), message: Some(&recalled.message), ..record }
            }
            Body::RoomJoined(joined) => Self {
                room: Some(&joined.room),
                users: Some(Texts(&joined.users)),
                history: match joined.history {
                    History::None => None,
                    History::All => Some("all"),
                },
                ..record
            },
            Body::RoomLeft(left) => {
                Self { room: Some(&left.room), users: Some(Texts(&left.users)), ..record }
            }
            Body::RoomTagged(tagged) => {
                Self { room: Some(&tagged.room), tags: Some(Texts(&tagged.tags)), ..record }
            }
            Body::RoomMuted(muted) => {
                Self { room: Some(&muted.room), user: Some(&muted.user), muted: Some(muted.muted), ..record }
            }
            Body::RoomDeleted(deleted) => Self { room: Some(&deleted.room), ..record },
            Body::UserDeleted(deleted) => Self { user: Some(&deleted.user), ..record },
        }
    }
}
