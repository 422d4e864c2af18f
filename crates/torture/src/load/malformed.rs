//! Messages that are no events, in every way the decoder knows.

use events::{Kind, MAX_ID_BYTES, MAX_MENTIONS, MAX_TAG_BYTES, MAX_TAGS, MAX_USERS, Reason};
use fastrand::Rng;
use serde_json::{Value, json};

use super::{Meaning, Message, TENANTS};

/// Kind, body and what is wrong with it. Rows that are JSON values are sent in both encodings.
const BODIES: [(Kind, &str, Reason); 44] = [
    (Kind::MessagePosted, r#"{"room":"r1","message":"m"}"#, Reason::MissingField),
    (Kind::MessagePosted, r#"{"room":null,"message":"m","sender":"u1"}"#, Reason::MissingField),
    (Kind::MessageRead, r#"{"room":"r1"}"#, Reason::MissingField),
    (Kind::MessageUnread, r#"{"room":"r1","user":"u1"}"#, Reason::MissingField),
    (Kind::MessageRecalled, r#"{"room":"r1"}"#, Reason::MissingField),
    (Kind::RoomJoined, r#"{"users":["u1"]}"#, Reason::MissingField),
    (Kind::RoomLeft, r#"{"room":"r1","users":null}"#, Reason::MissingField),
    (Kind::RoomTagged, r#"{"room":"r1"}"#, Reason::MissingField),
    (Kind::RoomMuted, r#"{"room":"r1","user":"u1"}"#, Reason::MissingField),
    (Kind::RoomDeleted, "{}", Reason::MissingField),
    (Kind::UserDeleted, r#"{"room":"r1"}"#, Reason::MissingField),
    (Kind::MessagePosted, r#"{"room":1,"message":"m","sender":"u1"}"#, Reason::WrongType),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":{}}"#, Reason::WrongType),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","at":"5"}"#, Reason::WrongType),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","at":1.5}"#, Reason::WrongType),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","silent":1}"#, Reason::WrongType),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","mentions":[1]}"#, Reason::WrongType),
    (Kind::MessageRead, r#"{"room":"r1","user":"u1","upto":0}"#, Reason::WrongType),
    (Kind::MessageUnread, r#"{"room":"r1","user":"u1","from":[[]]}"#, Reason::WrongType),
    (Kind::RoomJoined, r#"{"room":"r1","users":"u1"}"#, Reason::WrongType),
    (Kind::RoomJoined, r#"{"room":"r1","users":[],"history":true}"#, Reason::WrongType),
    (Kind::RoomTagged, r#"{"room":"r1","tags":["a",null]}"#, Reason::WrongType),
    (Kind::RoomMuted, r#"{"room":"r1","user":"u1","muted":"yes"}"#, Reason::WrongType),
    (Kind::MessagePosted, r#"{"room":"r1","message":"","sender":"u1"}"#, Reason::InvalidId),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u\u0085"}"#, Reason::InvalidId),
    (
        Kind::MessagePosted,
        r#"{"room":"r1","message":"m","sender":"u1","mentions":["\n"]}"#,
        Reason::InvalidId,
    ),
    (Kind::MessageRead, r#"{"room":"\u0000","user":"u1"}"#, Reason::InvalidId),
    (Kind::RoomLeft, r#"{"room":"r1","users":["u1","\u007f"]}"#, Reason::InvalidId),
    (Kind::RoomTagged, r#"{"room":"r1","tags":[""]}"#, Reason::InvalidId),
    (Kind::UserDeleted, r#"{"user":"\t"}"#, Reason::InvalidId),
    (
        Kind::MessagePosted,
        r#"{"room":"r1","message":"m","sender":"u1","at":9007199254740992}"#,
        Reason::OverLimit,
    ),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","at":-1}"#, Reason::OverLimit),
    (Kind::RoomJoined, r#"{"room":"r1","users":[],"history":"some"}"#, Reason::UnknownHistory),
    (Kind::RoomJoined, r#"{"room":"r1","users":["u1"],"history":""}"#, Reason::UnknownHistory),
    (Kind::RoomDeleted, r#"{"room":"r1","room":"r1"}"#, Reason::RepeatedField),
    (Kind::MessageRead, r#"{"room":"r1","user":"u1","upto":null,"upto":"m"}"#, Reason::RepeatedField),
    (Kind::RoomJoined, r#"{"users":["u1"],"room":"r1","users":["u2"]}"#, Reason::RepeatedField),
    (Kind::RoomDeleted, r#"{"room":"r1"}{}"#, Reason::TrailingData),
    (Kind::RoomDeleted, "{\"room\":\"r1\"} \u{b}", Reason::TrailingData),
    (Kind::UserDeleted, "\u{1}", Reason::Undecodable),
    (Kind::UserDeleted, " {\"user\":\"u1\"}", Reason::Undecodable),
    (Kind::UserDeleted, "[\"u1\"]", Reason::Undecodable),
    (Kind::UserDeleted, "{\"user\":\"u1\",}", Reason::Undecodable),
    (Kind::UserDeleted, "", Reason::Undecodable),
];

/// What only MessagePack can get wrong.
const MESSAGE_PACK: [(Kind, &[u8], Reason); 8] = [
    (Kind::RoomDeleted, b"\x81\xa4room\xa1r\x00", Reason::TrailingData),
    (Kind::RoomDeleted, b"\x82\xa4room\xa1r\xa4room\xa1r", Reason::RepeatedField),
    (Kind::RoomDeleted, b"\x81\xa4room\xc4\x01r", Reason::WrongType),
    (Kind::RoomDeleted, b"\x81\xa4room\xa1\xff", Reason::Undecodable),
    (Kind::RoomDeleted, b"\x81\xa4room\xc1", Reason::Undecodable),
    (Kind::RoomDeleted, b"\xdf\xff\xff\xff\xff\xa4room\xa1r", Reason::Undecodable),
    (Kind::RoomDeleted, b"\x91\xa1r", Reason::Undecodable),
    (Kind::RoomDeleted, b"\x82\x00\xa1r\xa4room\xa1r", Reason::Undecodable),
];

/// Subjects within the prefix that are of no event, whatever the body.
const SUBJECTS: [(&str, Reason); 8] = [
    ("chat.north.message.gone", Reason::UnknownKind),
    ("chat.north.message", Reason::UnknownKind),
    ("chat.north.Message.posted", Reason::UnknownKind),
    ("chat.north.message.posted.twice", Reason::UnknownKind),
    ("chat.north", Reason::UnknownKind),
    ("chat.no!rth.message.posted", Reason::InvalidTenant),
    ("chat.n\u{f6}rth.message.posted", Reason::InvalidTenant),
    (
        "chat.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.message.posted",
        Reason::InvalidTenant,
    ),
];

/// Any of them.
pub(super) fn message(random: &mut Rng) -> Message {
    let tenant = TENANTS[random.usize(..TENANTS.len())];
    let (kind, body, reason) = match random.u32(..10) {
        0..5 => of_the_table(random),
        5 => {
            let (kind, body, reason) = MESSAGE_PACK[random.usize(..MESSAGE_PACK.len())];
            (kind, body.to_vec(), reason)
        }
        6 => cut_off(random),
        7 => too_long(random),
        _ => {
            let (subject, reason) = SUBJECTS[random.usize(..SUBJECTS.len())];
            return Message {
                subject: subject.to_owned(),
                body: br#"{"room":"r1","message":"m","sender":"u1"}"#.to_vec(),
                meaning: Meaning::Malformed { reason, copied_to: "chat-dead._._".to_owned() },
            };
        }
    };
    Message {
        subject: format!("chat.{tenant}.{kind}"),
        body,
        meaning: Meaning::Malformed { reason, copied_to: format!("chat-dead.{tenant}.{kind}") },
    }
}

fn of_the_table(random: &mut Rng) -> (Kind, Vec<u8>, Reason) {
    let (kind, body, reason) = BODIES[random.usize(..BODIES.len())];
    let in_both = !matches!(reason, Reason::RepeatedField | Reason::TrailingData | Reason::Undecodable);
    let body = if in_both && random.bool() { message_pack(body) } else { body.as_bytes().to_vec() };
    (kind, body, reason)
}

fn message_pack(body: &str) -> Vec<u8> {
    let value: Value = serde_json::from_str(body).expect("this row is JSON");
    rmp_serde::to_vec_named(&value).expect("what is JSON is MessagePack too")
}

/// A body that ends too early, in either encoding.
fn cut_off(random: &mut Rng) -> (Kind, Vec<u8>, Reason) {
    let whole = r#"{"room":"r1","message":"m1","sender":"u1","mentions":["u2"],"mention_all":true}"#;
    let mut body = if random.bool() { message_pack(whole) } else { whole.as_bytes().to_vec() };
    body.truncate(random.usize(..body.len()));
    (Kind::MessagePosted, body, Reason::Undecodable)
}

/// A list or a text that is one too long.
fn too_long(random: &mut Rng) -> (Kind, Vec<u8>, Reason) {
    let users = |count: usize| vec!["u"; count];
    let (kind, body) = match random.u32(..40) {
        0 => (Kind::RoomJoined, json!({ "room": "r1", "users": users(MAX_USERS + 1) })),
        1..10 => {
            let mentions = users(MAX_MENTIONS + 1);
            let posted = json!({ "room": "r1", "message": "m", "sender": "u1", "mentions": mentions });
            (Kind::MessagePosted, posted)
        }
        10..20 => (Kind::RoomTagged, json!({ "room": "r1", "tags": users(MAX_TAGS + 1) })),
        20..30 => (Kind::RoomTagged, json!({ "room": "r1", "tags": ["t".repeat(MAX_TAG_BYTES + 1)] })),
        _ => (Kind::RoomDeleted, json!({ "room": "r".repeat(MAX_ID_BYTES + 1) })),
    };
    let text = body.to_string();
    let body = if random.bool() { message_pack(&text) } else { text.into_bytes() };
    (kind, body, Reason::OverLimit)
}
