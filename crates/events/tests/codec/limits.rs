//! Bodies at and over the limits, in both encodings.

use events::{Body, Kind, decode};

use super::outcome;
use super::tree::Tree;

/// Checks a body of room `r` and one more field.
fn check(kind: Kind, field: &str, value: Tree, expected: Result<(), &str>) {
    let text = |text: &str| Tree::Text(text.to_owned());
    let mut fields = vec![("room".to_owned(), text("r")), (field.to_owned(), value)];
    if kind == Kind::MessagePosted {
        fields.extend([("message".to_owned(), text("m")), ("sender".to_owned(), text("ann"))]);
    }
    let body = Tree::Map(fields);
    for bytes in [body.to_json().into_bytes(), body.to_message_pack()] {
        match expected {
            Ok(()) => assert_eq!(decode(kind, &bytes).err(), None, "{field}"),
            Err(expected) => assert_eq!(outcome(kind, &bytes), expected, "{field}"),
        }
    }
}

fn check_user(user: &str, expected: Result<(), &str>) {
    let user = Tree::Text(user.to_owned());
    check(Kind::MessageRead, "upto", Tree::Null, Err("missing_field: field `user` is missing"));
    let body = Tree::Map(vec![("user".to_owned(), user)]);
    for bytes in [body.to_json().into_bytes(), body.to_message_pack()] {
        match expected {
            Ok(()) => assert_eq!(decode(Kind::UserDeleted, &bytes).err(), None),
            Err(expected) => assert_eq!(outcome(Kind::UserDeleted, &bytes), expected),
        }
    }
}

fn list(entries: usize, entry: impl Fn(usize) -> String) -> Tree {
    Tree::List((0..entries).map(|index| Tree::Text(entry(index))).collect())
}

#[test]
fn ids_have_at_most_256_bytes() {
    let over =
        |length: usize| format!("over_limit: field `user` is {length} bytes long, at most 256 are allowed");
    check_user(&"a".repeat(256), Ok(()));
    check_user(&"a".repeat(257), Err(&over(257)));
    check_user(&"é".repeat(128), Ok(()));
    check_user(&format!("{}é", "a".repeat(255)), Err(&over(257)));
    check_user(&"語".repeat(85), Ok(()));
    check_user(&"語".repeat(86), Err(&over(258)));
    check_user(&"🦀".repeat(64), Ok(()));
    check_user(&format!("{}🦀", "a".repeat(253)), Err(&over(257)));
    check_user(&"a".repeat(70_000), Err(&over(70_000)));
}

#[test]
fn tags_have_at_most_128_bytes() {
    let tags = |tag: String| Tree::List(vec![Tree::Text("red".to_owned()), Tree::Text(tag)]);
    let over = Err("over_limit: field `tags[1]` is 129 bytes long, at most 128 are allowed");
    check(Kind::RoomTagged, "tags", tags("a".repeat(128)), Ok(()));
    check(Kind::RoomTagged, "tags", tags("a".repeat(129)), over);
    check(Kind::RoomTagged, "tags", tags("é".repeat(64)), Ok(()));
    check(Kind::RoomTagged, "tags", tags(format!("{}é", "a".repeat(127))), over);
}

#[test]
fn entries_of_lists_are_ids_too() {
    let one = |length: usize| list(1, |_| "a".repeat(length));
    let over =
        |field: &str| format!("over_limit: field `{field}[0]` is 257 bytes long, at most 256 are allowed");
    check(Kind::RoomJoined, "users", one(256), Ok(()));
    check(Kind::RoomJoined, "users", one(257), Err(&over("users")));
    check(Kind::MessagePosted, "mentions", one(256), Ok(()));
    check(Kind::MessagePosted, "mentions", one(257), Err(&over("mentions")));
}

#[test]
fn lists_have_limits_that_count_duplicates() {
    for (kind, field, limit) in [
        (Kind::RoomJoined, "users", 10_000),
        (Kind::RoomLeft, "users", 10_000),
        (Kind::RoomTagged, "tags", 64),
        (Kind::MessagePosted, "mentions", 1_000),
    ] {
        let over = format!("over_limit: field `{field}` has more than {limit} entries");
        check(kind, field, list(limit, |index| format!("x{index}")), Ok(()));
        check(kind, field, list(limit, |_| "x".to_owned()), Ok(()));
        check(kind, field, list(limit + 1, |index| format!("x{index}")), Err(&over));
        check(kind, field, list(limit + 1, |_| "x".to_owned()), Err(&over));
    }
}

/// The rest of a list over its limit isn't read: that it is cut off doesn't come to light.
#[test]
fn reading_stops_at_the_limit() {
    let over = "over_limit: field `tags` has more than 64 entries";
    let json = format!(r#"{{"room":"r","tags":["x"{}"#, r#","x""#.repeat(64));
    assert_eq!(outcome(Kind::RoomTagged, json.as_bytes()), over);

    let mut message_pack = b"\x81\xa4tags\xdd\xff\xff\xff\xff".to_vec();
    message_pack.extend(b"\xa1x".repeat(65));
    assert_eq!(outcome(Kind::RoomTagged, &message_pack), over);
}

/// Neither encoding recurses into what it ignores, so no body can exhaust the stack.
#[test]
fn ignored_values_may_be_nested_to_any_depth() {
    const DEPTH: usize = 200_000;
    let json = format!(r#"{{"x":{}{},"room":"r"}}"#, "[".repeat(DEPTH), "]".repeat(DEPTH));
    assert_eq!(outcome(Kind::RoomDeleted, json.as_bytes()), r#"{"room":"r"}"#);

    let mut message_pack = b"\x82\xa1x".to_vec();
    message_pack.extend(b"\x91".repeat(DEPTH));
    message_pack.extend(b"\xc0\xa4room\xa1r");
    assert_eq!(outcome(Kind::RoomDeleted, &message_pack), r#"{"room":"r"}"#);
}

#[test]
fn what_needs_no_copy_is_borrowed() {
    let borrowed = |bytes: &[u8]| {
        let Ok(Body::UserDeleted(deleted)) = decode(Kind::UserDeleted, bytes) else {
            panic!("{bytes:?} is well formed");
        };
        bytes.as_ptr_range().contains(&deleted.user.as_ptr())
    };
    assert!(borrowed(br#"{"user":"ann"}"#));
    assert!(borrowed(b"\x81\xa4user\xa3ann"));
    assert!(!borrowed(br#"{"user":"\u0061nn"}"#));
}
