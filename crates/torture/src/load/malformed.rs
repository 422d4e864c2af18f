//! Messages that are no events, in every way the decoder knows.

use events::{Kind, MAX_ID_BYTES, MAX_MENTIONS, MAX_TAG_BYTES, MAX_TAGS, MAX_USERS, Reason};
use fastrand::Rng;
use serde_json::{Value, json};

use super::{Meaning, Message, TENANTS};

/// Kind, body and what is wrong with it. Where that is a value, the row is sent in both encodings.
const BODIES: [(Kind, &str, Reason); 55] = [
    (Kind::MessagePosted, r#"{"room":"r1","message":"m"}"#, Reason::MissingField),
    (Kind::MessagePosted, r#"{"room":null,"message":"m","sender":"u1"}"#, Reason::MissingField),
    (Kind::MessageRead, r#"{"room":"r1"}"#, Reason::MissingField),
    (Kind::MessageUnread, r#"{"room":"r1","user":"u1"}"#, Reason::MissingField),
    (Kind::MessageUnread, r#"{"room":"r1","user":"u1","from":null}"#, Reason::MissingField),
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
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","at":5e3}"#, Reason::WrongType),
    (
        Kind::MessagePosted,
        r#"{"room":"r1","message":"m","sender":"u1","at":18446744073709551616}"#,
        Reason::WrongType,
    ),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","mention_all":[]}"#, Reason::WrongType),
    (
        Kind::MessagePosted,
        r#"{"room":"r1","message":"m","sender":"u1","mentions":[["u1"]]}"#,
        Reason::WrongType,
    ),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","mentions":{}}"#, Reason::WrongType),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","silent":1}"#, Reason::WrongType),
    (Kind::MessagePosted, r#"{"room":"r1","message":"m","sender":"u1","mentions":[1]}"#, Reason::WrongType),
    (Kind::MessageRead, r#"{"room":"r1","user":"u1","upto":0}"#, Reason::WrongType),
    (Kind::MessageUnread, r#"{"room":"r1","user":"u1","from":[[]]}"#, Reason::WrongType),
    (Kind::RoomJoined, r#"{"room":"r1","users":"u1"}"#, Reason::WrongType),
    (Kind::RoomJoined, r#"{"room":"r1","users":[],"history":true}"#, Reason::WrongType),
    (Kind::RoomLeft, r#"{"room":"r1","users":[true]}"#, Reason::WrongType),
    (Kind::RoomTagged, r#"{"room":"r1","tags":["a",null]}"#, Reason::WrongType),
    (Kind::RoomTagged, r#"{"room":"r1","tags":[{}]}"#, Reason::WrongType),
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
    (Kind::RoomTagged, r#"{"room":"r1","tags":["a","\u009f"]}"#, Reason::InvalidId),
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
    (Kind::UserDeleted, r#"{"user":"\ud800"}"#, Reason::Undecodable),
    (Kind::UserDeleted, "{\"user\":\"u\n1\"}", Reason::Undecodable),
    (Kind::UserDeleted, "", Reason::Undecodable),
];

/// What is sent as it is: JSON that is no text, and what only MessagePack can get wrong.
const RAW: [(Kind, &[u8], Reason); 15] = [
    (Kind::RoomDeleted, b"{\"room\":\"r\xff\"}", Reason::Undecodable),
    (Kind::RoomDeleted, b"{\"room\":\"r1\"}\xc3", Reason::Undecodable),
    (Kind::RoomDeleted, b"\x81\xa4room\xa1r\x00", Reason::TrailingData),
    (Kind::RoomDeleted, b"\x82\xa4room\xa1r\xa4room\xa1r", Reason::RepeatedField),
    (Kind::RoomDeleted, b"\x81\xa4room\xc4\x01r", Reason::WrongType),
    (Kind::RoomDeleted, b"\x81\xa4room\xd4\x01r", Reason::WrongType),
    (Kind::MessagePosted, b"\x81\xa2at\xca\x00\x00\x00\x00", Reason::WrongType),
    (Kind::MessagePosted, b"\x81\xa2at\xcf\xff\xff\xff\xff\xff\xff\xff\xff", Reason::OverLimit),
    (Kind::MessagePosted, b"\x81\xa2at\xd3\x80\x00\x00\x00\x00\x00\x00\x00", Reason::OverLimit),
    (Kind::RoomDeleted, b"\x81\xa4room\xa1\xff", Reason::Undecodable),
    (Kind::RoomDeleted, b"\x82\xa1\xff\xa1r\xa4room\xa1r", Reason::Undecodable),
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

/// Cut off at a place drawn anew each time, in both encodings.
const CUT_OFF: &str = r#"{"room":"r1","message":"m1","sender":"u1","mentions":["u2"],"mention_all":true}"#;

/// One way not to be an event.
#[derive(Debug)]
struct Sort {
    place: Place,
    body: Vec<u8>,
    is_cut: bool,
    reason: Reason,
}

/// To which subject it goes.
#[derive(Debug)]
enum Place {
    Of(Kind),
    Subject(&'static str),
}

/// All sorts, each in its turn.
#[derive(Debug)]
pub(super) struct Malformed {
    sorts: Vec<Sort>,
    sent: usize,
}

impl Malformed {
    /// The turns are drawn once.
    pub(super) fn new(random: &mut Rng) -> Self {
        let of = |kind, body, reason| Sort { place: Place::Of(kind), body, is_cut: false, reason };
        let mut sorts = Vec::new();
        for (kind, body, reason) in BODIES {
            sorts.push(of(kind, body.as_bytes().to_vec(), reason));
            if !matches!(reason, Reason::RepeatedField | Reason::TrailingData | Reason::Undecodable) {
                sorts.push(of(kind, message_pack(body), reason));
            }
        }
        for (kind, body) in too_long() {
            sorts.push(of(kind, message_pack(&body), Reason::OverLimit));
            sorts.push(of(kind, body.into_bytes(), Reason::OverLimit));
        }
        sorts.extend(RAW.map(|(kind, body, reason)| of(kind, body.to_vec(), reason)));
        for body in [CUT_OFF.as_bytes().to_vec(), message_pack(CUT_OFF)] {
            let whole = of(Kind::MessagePosted, body, Reason::Undecodable);
            sorts.push(Sort { is_cut: true, ..whole });
        }
        sorts.extend(SUBJECTS.map(|(subject, reason)| Sort {
            place: Place::Subject(subject),
            body: br#"{"room":"r1","message":"m","sender":"u1"}"#.to_vec(),
            is_cut: false,
            reason,
        }));
        random.shuffle(&mut sorts);
        Self { sorts, sent: 0 }
    }

    /// How many sorts there are.
    pub(super) fn sorts(&self) -> usize {
        self.sorts.len()
    }

    /// The next of them.
    pub(super) fn message(&mut self, random: &mut Rng) -> Message {
        let Sort { place, body, is_cut, reason } = &self.sorts[self.sent % self.sorts.len()];
        self.sent += 1;
        let tenant = TENANTS[random.usize(..TENANTS.len())];
        let length = if *is_cut { random.usize(..body.len()) } else { body.len() };
        let (subject, copied_to) = match place {
            Place::Of(kind) => (format!("chat.{tenant}.{kind}"), format!("chat-dead.{tenant}.{kind}")),
            Place::Subject(subject) => ((*subject).to_owned(), "chat-dead._._".to_owned()),
        };
        let meaning = Meaning::Malformed { reason: *reason, copied_to };
        Message { subject, body: body[..length].to_vec(), meaning }
    }
}

fn message_pack(body: &str) -> Vec<u8> {
    let value: Value = serde_json::from_str(body).expect("this row is JSON");
    rmp_serde::to_vec_named(&value).expect("what is JSON is MessagePack too")
}

/// A list or a text that is one too long.
fn too_long() -> [(Kind, String); 6] {
    let users = |count: usize| vec!["u"; count];
    let mentions = users(MAX_MENTIONS + 1);
    [
        (Kind::RoomJoined, json!({ "room": "r1", "users": users(MAX_USERS + 1) })),
        (Kind::RoomLeft, json!({ "room": "r1", "users": users(MAX_USERS + 1) })),
        (Kind::MessagePosted, json!({ "room": "r1", "message": "m", "sender": "u1", "mentions": mentions })),
        (Kind::RoomTagged, json!({ "room": "r1", "tags": users(MAX_TAGS + 1) })),
        (Kind::RoomTagged, json!({ "room": "r1", "tags": ["t".repeat(MAX_TAG_BYTES + 1)] })),
        (Kind::RoomDeleted, json!({ "room": "r".repeat(MAX_ID_BYTES + 1) })),
    ]
    .map(|(kind, body)| (kind, body.to_string()))
}
