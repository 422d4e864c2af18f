use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{MAX_ROOM_TAGS, RoomTags};

/// The tags joined by `,`, or `invalid`.
fn parsed(query: &str) -> String {
    match RoomTags::parse(query) {
        Ok((tags, _)) => tags.with_slice(|tags| tags.join(",")),
        Err(_) => "invalid".to_owned(),
    }
}

/// One line a case: `query string -> tags`.
fn check(line: &str) {
    let (query, expected) = line.split_once(" -> ").expect("a line has an arrow");
    assert_eq!(parsed(query.trim()), expected, "{line}");
}

#[test]
fn query_strings() {
    for line in [
        // Where it is split.
        " -> ",
        "& -> ",
        "roomTags=a -> a",
        "roomTags=a&roomTags=b -> a,b",
        "&&roomTags=a&&&roomTags=b& -> a,b",
        "roomTags=a=b -> a=b",
        "roomTags==a -> =a",
        "roomTags=a;roomTags=b -> a;roomTags=b",
        "roomTags=a,b -> a,b",
        "roomTags=a?b -> a?b",
        // Empty tags.
        "roomTags -> invalid",
        "roomTags= -> invalid",
        "roomTags=a&roomTags -> invalid",
        "=roomTags -> ",
        // Repeated tags.
        "roomTags=a&roomTags=a -> a",
        "roomTags=a&roomTags=%61&roomTags=b&roomTags=a -> a,b",
        "roomTags=a&roomTags=A -> a,A",
        // Decoding of values.
        "roomTags=a+b -> a b",
        "roomTags=a%20b -> a b",
        "roomTags=a%2Bb -> a+b",
        "roomTags=+ ->  ",
        "roomTags=%26%3D%25 -> &=%",
        "roomTags=%c3%A9 -> é",
        "roomTags=é -> é",
        "roomTags=%F0%9F%92%AC -> 💬",
        "roomTags=[ -> [",
        // Badly encoded values.
        "roomTags=% -> invalid",
        "roomTags=%4 -> invalid",
        "roomTags=%zz -> invalid",
        "roomTags=%+1 -> invalid",
        "roomTags=%4é -> invalid",
        "roomTags=%25%2 -> invalid",
        "roomTags=%C3 -> invalid",
        "roomTags=%FF -> invalid",
        "roomTags=%C0%80 -> invalid",
        "roomTags=%ED%A0%80 -> invalid",
        "roomTags=a&roomTags=% -> invalid",
        // Control characters, of ASCII and beyond.
        "roomTags=%00 -> invalid",
        "roomTags=a%0A -> invalid",
        "roomTags=\u{7f} -> invalid",
        "roomTags=%C2%85 -> invalid",
        "roomTags=%C2%A0 -> \u{a0}",
        // Names are decoded too, and compared exactly.
        "room%54ags=a -> a",
        "%72%6F%6F%6D%54%61%67%73=a -> a",
        "roomtags=a -> ",
        "RoomTags=a -> ",
        "roomTag=a -> ",
        "roomTags2=a -> ",
        "roomTags+=a -> ",
        "+roomTags=a -> ",
        "roomTags%=a -> ",
        "roomTags%20=a -> ",
        "room%2554ags=a -> ",
        // Lists as other services write them.
        "roomTags[=a -> invalid",
        "roomTags[]=a -> invalid",
        "roomTags[0]=a -> invalid",
        "roomTags[] -> invalid",
        "roomTags%5B%5D=a -> invalid",
        "roomTags%5b -> invalid",
        "room%54ags[x=a -> invalid",
        "roomTags[%zz=a -> invalid",
        "roomTags]=a -> ",
        "xroomTags[]=a -> ",
        "roomTags%255B=a -> ",
        // Other names are ignored, however they are written.
        "x=%zz&%=%&%FF=%FF&roomTags=a&limit=+ -> a",
    ] {
        check(line);
    }
}

#[test]
fn limits() {
    let tags = |count: usize| (0..count).map(|tag| format!("roomTags={tag}")).collect::<Vec<_>>().join("&");
    assert_eq!(parsed(&tags(32)).split(',').count(), 32);
    assert_eq!(parsed(&tags(33)), "invalid");
    let twice = format!("{}&{}", tags(32), tags(32));
    assert_eq!(parsed(&twice).split(',').count(), 32);

    for (text, bytes) in [("a", 1), ("é", 2), ("%C3%A9", 2), ("+", 1)] {
        let of = |bytes_wanted: usize| format!("roomTags={}", text.repeat(bytes_wanted / bytes));
        assert_eq!(parsed(&of(128)).len(), 128, "{text}");
        assert_eq!(parsed(&of(128 + bytes)), "invalid", "{text}");
    }
}

#[test]
fn plain_tags_are_borrowed() {
    let query = "roomTags=plain".to_owned();
    let (tags, _) = RoomTags::parse(&query).expect("valid");
    tags.with_slice(|tags| assert_eq!(tags[0].as_ptr(), query[9..].as_ptr()));
}

/// The same rules, written to be plain.
fn slowly(query: &str) -> Option<BTreeSet<String>> {
    fn decoded(text: &str) -> (Vec<u8>, bool) {
        let bytes = text.as_bytes();
        let (mut decoded, mut good, mut at) = (Vec::new(), true, 0);
        while at < bytes.len() {
            let escape = bytes.get(at + 1..at + 3).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
            match (bytes[at], escape) {
                (b'%', Some(hex)) => {
                    let hex = str::from_utf8(hex).expect("ASCII");
                    decoded.push(u8::from_str_radix(hex, 16).expect("two hex digits"));
                    at += 2;
                }
                (b'%', None) => {
                    decoded.push(b'%');
                    good = false;
                }
                (b'+', _) => decoded.push(b' '),
                (byte, _) => decoded.push(byte),
            }
            at += 1;
        }
        (decoded, good)
    }
    let mut tags = BTreeSet::new();
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        let split = piece.find('=').unwrap_or(piece.len());
        let (name, _) = decoded(&piece[..split]);
        if name.starts_with(b"roomTags[") {
            return None;
        }
        if name != b"roomTags" {
            continue;
        }
        let (value, good) = decoded(piece.get(split + 1..).unwrap_or(""));
        let tag = String::from_utf8(value).ok()?;
        if !good || tag.is_empty() || tag.len() > 128 || tag.chars().any(char::is_control) {
            return None;
        }
        tags.insert(tag);
    }
    (tags.len() <= MAX_ROOM_TAGS).then_some(tags)
}

/// Query strings made of the pieces that matter, most of them close to being valid.
fn queries() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        8 => Just("roomTags"),
        1 => Just("room%54ags"),
        1 => prop::sample::select(vec!["roomTags%", "roomTags[", "roomTags%5b", "roomTags+", "x", "", "%"]),
    ];
    let value = prop_oneof![
        4 => "[a-c]{1,2}",
        4 => "[0-9]{2}",
        1 => prop::sample::select(vec![
            "%", "%4", "%41", "%zz", "+", "%C3%A9", "é", "%FF", "%00", "", "a=b", "%C2%85",
        ]).prop_map(str::to_owned),
    ];
    let piece = prop_oneof![
        20 => (name, value).prop_map(|(name, value)| format!("{name}={value}")),
        1 => Just(String::new()),
        1 => Just("roomTags".to_owned()),
    ];
    let pieces = prop_oneof![
        prop::collection::vec(piece.clone(), 0..5),
        prop::collection::vec((0..40).prop_map(|tag| format!("roomTags={tag}")), 30..80),
    ];
    pieces.prop_map(|pieces| pieces.join("&"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn agrees_with_the_plain_parser(query in prop_oneof![queries(), "[roTags=&%+\\[0-9A-Fé]{0,40}", any::<String>()]) {
        let fast = RoomTags::parse(&query).ok().map(|(tags, _)| {
            tags.with_slice(|tags| {
                let set: BTreeSet<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
                assert_eq!(set.len(), tags.len(), "a tag is there twice");
                set
            })
        });
        prop_assert_eq!(fast, slowly(&query));
    }
}
