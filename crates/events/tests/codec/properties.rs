//! What holds for all events, all values and all bytes.

use events::{
    Body, Event, History, Id, Kind, Line, MAX_AT, MessagePosted, MessageRead, MessageRecalled, MessageUnread,
    RoomDeleted, RoomJoined, RoomLeft, RoomMuted, RoomTagged, Tag, Tenant, UserDeleted, decode, encode_json,
    encode_message_pack, to_line,
};
use proptest::prelude::*;
use proptest::{collection, option, sample};
use serde::de::IgnoredAny;

use super::outcome;
use super::tree::Tree;

/// Texts of 1 to `limit` bytes without control characters, many of them as long as they can be.
fn text(limit: usize) -> impl Strategy<Value = String> {
    let character = any::<char>().prop_filter("no control character", |c| !c.is_control());
    let start = collection::vec(character, 1..24);
    (start, any::<bool>()).prop_map(move |(characters, full)| {
        let mut text: String = characters.into_iter().collect();
        if full {
            text = text.repeat(limit / text.len());
            text.extend(std::iter::repeat_n('x', limit - text.len()));
        }
        text
    })
}

fn id() -> impl Strategy<Value = Id<'static>> {
    text(256).prop_map(|text| Id::new(text).unwrap())
}

fn ids() -> impl Strategy<Value = Vec<Id<'static>>> {
    collection::vec(id(), 0..20)
}

fn tags() -> impl Strategy<Value = Vec<Tag<'static>>> {
    collection::vec(text(128).prop_map(|text| Tag::new(text).unwrap()), 0..=64)
}

fn body() -> impl Strategy<Value = Body<'static>> {
    let posted = (id(), id(), id(), option::of(0..=MAX_AT), any::<bool>(), ids(), any::<bool>());
    prop_oneof![
        posted.prop_map(|(room, message, sender, at, silent, mentions, mention_all)| {
            Body::MessagePosted(MessagePosted { room, message, sender, at, silent, mentions, mention_all })
        }),
        (id(), id(), option::of(id())).prop_map(|(room, user, upto)| Body::MessageRead(MessageRead {
            room,
            user,
            upto
        })),
        (id(), id(), id()).prop_map(|(room, user, from)| Body::MessageUnread(MessageUnread {
            room,
            user,
            from
        })),
        (id(), id()).prop_map(|(room, message)| Body::MessageRecalled(MessageRecalled { room, message })),
        (id(), ids(), sample::select(vec![History::None, History::All]))
            .prop_map(|(room, users, history)| Body::RoomJoined(RoomJoined { room, users, history })),
        (id(), ids()).prop_map(|(room, users)| Body::RoomLeft(RoomLeft { room, users })),
        (id(), tags()).prop_map(|(room, tags)| Body::RoomTagged(RoomTagged { room, tags })),
        (id(), id(), any::<bool>()).prop_map(|(room, user, muted)| Body::RoomMuted(RoomMuted {
            room,
            user,
            muted
        })),
        id().prop_map(|room| Body::RoomDeleted(RoomDeleted { room })),
        id().prop_map(|user| Body::UserDeleted(UserDeleted { user })),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    sample::select(Kind::ALL.to_vec())
}

/// Values of all types, often the ones that some field wants.
fn value() -> impl Strategy<Value = Tree> {
    let number = prop_oneof![0..3_u64, Just(MAX_AT), Just(MAX_AT + 1), any::<u64>()];
    let word = sample::select(vec!["", "all", "none", "ann", "a\u{85}", "room"]);
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Boolean),
        number.prop_map(Tree::Unsigned),
        (i64::MIN..0).prop_map(Tree::Signed),
        any::<f64>().prop_filter("JSON has no others", |f| f.is_finite()).prop_map(Tree::Float),
        word.prop_map(|word| Tree::Text(word.to_owned())),
        text(257).prop_map(Tree::Text),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Tree::List),
            collection::vec((name(), inner), 0..4).prop_map(Tree::Map),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let known = vec![
        "room",
        "message",
        "sender",
        "user",
        "upto",
        "from",
        "at",
        "silent",
        "mention_all",
        "mentions",
        "users",
        "tags",
        "muted",
        "history",
        "tenant",
        "event",
        "x",
        "",
    ];
    sample::select(known).prop_map(str::to_owned)
}

/// A body with some fields that are right, so that the others matter.
fn fields() -> impl Strategy<Value = Tree> {
    let right = sample::subsequence(vec!["room", "message", "sender", "user", "from"], 0..=5);
    let right = right.prop_map(|names| {
        let field = |name: &str| (name.to_owned(), Tree::Text("a".to_owned()));
        names.into_iter().map(field).collect::<Vec<_>>()
    });
    let others = collection::vec((name(), value()), 0..4);
    (right, others).prop_map(|(right, others)| [right, others].concat()).prop_shuffle().prop_map(Tree::Map)
}

/// Some bytes of a well-formed body cut away, changed or copied elsewhere.
fn damaged() -> impl Strategy<Value = (Kind, Vec<u8>)> {
    let damage = (any::<sample::Index>(), any::<sample::Index>(), any::<sample::Index>(), any::<u8>());
    let damages = collection::vec((0..4, damage), 1..4);
    (body(), any::<bool>(), damages).prop_map(|(body, json, damages)| {
        let mut bytes = if json { encode_json(&body) } else { encode_message_pack(&body) };
        for (way, (at, from, to, byte)) in damages {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let piece = bytes[from.min(to)..from.max(to)].to_vec();
            match way {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes[at] = byte,
                _ => drop(bytes.splice(at..at, piece)),
            }
        }
        (body.kind(), bytes)
    })
}

fn check_round_trip(body: &Body<'_>) -> Result<(), TestCaseError> {
    for bytes in [encode_json(body), encode_message_pack(body)] {
        let decoded = decode(body.kind(), &bytes);
        prop_assert_eq!(decoded.as_ref(), Ok(body));
    }
    Ok(())
}

/// What decodes must survive being written and read again, and be MessagePack to others too.
fn check_bytes(kind: Kind, bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(body) = decode(kind, bytes) else {
        return Ok(());
    };
    check_round_trip(&body)?;
    if bytes[0] >= 0x80 {
        prop_assert!(rmp_serde::from_slice::<IgnoredAny>(bytes).is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_written_is_read(body in body()) {
        check_round_trip(&body)?;
    }

    #[test]
    fn lines_too(body in body(), tenant in "[A-Za-z0-9_-]{1,64}") {
        let event = Event { tenant: Tenant::new(&tenant).unwrap(), body };
        let line = to_line(&event);
        prop_assert!(!line.contains('\n'));
        let parsed = Line::parse(&line);
        prop_assert_eq!(parsed.map(|line| line.event() == event), Ok(true));
    }

    #[test]
    fn nothing_that_a_body_begins_with_is_a_body(body in body()) {
        for bytes in [encode_json(&body), encode_message_pack(&body)] {
            for end in 0..bytes.len() {
                prop_assert!(decode(body.kind(), &bytes[..end]).is_err(), "cut at {}", end);
            }
        }
    }

    #[test]
    fn the_encodings_agree(kind in kind(), fields in fields()) {
        let json = outcome(kind, fields.to_json().as_bytes());
        let message_pack = outcome(kind, &fields.to_message_pack());
        prop_assert_eq!(json, message_pack);
    }

    #[test]
    fn damage_does_no_harm((kind, bytes) in damaged(), other in kind()) {
        check_bytes(kind, &bytes)?;
        check_bytes(other, &bytes)?;
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        kind in kind(),
        first in sample::select(vec![b'{', 0x80, 0x81, 0x8f, 0xde, 0xdf]),
        rest in collection::vec(any::<u8>(), 0..64),
    ) {
        check_bytes(kind, &rest)?;
        check_bytes(kind, &[&[first], &rest[..]].concat())?;
    }

    #[test]
    fn arbitrary_lines_do_no_harm(text in ".*", mut line in body().prop_map(|body| {
        to_line(&Event { tenant: Tenant::new("demo").unwrap(), body })
    }), at in any::<sample::Index>()) {
        prop_assert!(Line::parse(&text).is_err());
        line.truncate(line.floor_char_boundary(at.index(line.len())));
        prop_assert!(Line::parse(&line).is_err());
    }
}
