//! What only JSON can do, or get wrong.

use events::Kind;

use super::{outcome, rows};

/// What serde_json has to say goes in place of the `…`.
#[test]
fn json_is_read_to_the_letter() {
    let table = r#"
room.deleted {"room":"a"}  => {"room":"a"}
room.deleted { "room" : "r" , "x" : [ 1 , { } ] } => {"room":"r"}
room.deleted {"ro\u006fm":"\u0072"} => {"room":"r"}
room.deleted {"room":"\ud83e\udd80"} => {"room":"🦀"}
room.deleted {"room":"r","ro\u006fm":"r"} => repeated_field: field `room` is there twice
room.deleted {"x":"\ud800","x":1e999,"room":"r"} => {"room":"r"}
message.posted {"at":1e3} => wrong_type: field `at` is a number with a fraction, with an exponent or of more than 64 bits; expected an integer
message.posted {"at":18446744073709551616} => wrong_type: field `at` is a number with a fraction, with an exponent or of more than 64 bits; expected an integer
room.deleted {"room":"\ud800"} => undecodable: in field `room` the JSON is broken: …
room.deleted {"room":"r"}} => trailing_data: data follows the body at line 1 column 13; only JSON white space may
room.deleted {"room":"r"} {} => trailing_data: data follows the body at line 1 column 14; only JSON white space may
room.deleted {"room":"r"},{} => trailing_data: data follows the body at line 1 column 13; only JSON white space may
room.deleted {"room":"r"} null => trailing_data: data follows the body at line 1 column 14; only JSON white space may
room.deleted {"room":"r" => undecodable: the JSON is broken: …
room.deleted {"room":"r => undecodable: in field `room` the JSON is broken: …
room.deleted {"room":"r",} => undecodable: the JSON is broken: …
room.deleted {"room":"r" "x":1} => undecodable: the JSON is broken: …
room.deleted {room:"r"} => undecodable: the JSON is broken: …
room.deleted {'room':'r'} => undecodable: the JSON is broken: …
room.deleted {1:"r"} => undecodable: the JSON is broken: …
room.deleted {"room":r} => undecodable: in field `room` the JSON is broken: …
room.deleted {"room":"r","x":NaN} => undecodable: the JSON is broken: …
room.deleted {"room":"r","x":01} => undecodable: the JSON is broken: …
room.deleted {"room":"r","x":[1,]} => undecodable: the JSON is broken: …
room.deleted {"room":"r"/**/} => undecodable: the JSON is broken: …
room.deleted {"room":"\x"} => undecodable: in field `room` the JSON is broken: …
room.deleted [{"room":"r"}] => undecodable: the body begins with the byte 0x5b; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted null => undecodable: the body begins with the byte 0x6e; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
"#;
    for (kind, body, expected) in rows(table) {
        let outcome = outcome(kind, body.as_bytes());
        match expected.strip_suffix('…') {
            Some(start) => assert!(outcome.starts_with(start), "{body} {outcome}"),
            None => assert_eq!(outcome, expected, "{body}"),
        }
    }
}

#[test]
fn white_space_may_follow_but_not_lead() {
    let begins = |byte: &str| {
        format!(
            "undecodable: the body begins with the byte 0x{byte}; expected `{{` for JSON, or 0x80 \
             to 0x8f, 0xde or 0xdf for a MessagePack map"
        )
    };
    let trailing =
        |place: &str| format!("trailing_data: data follows the body at {place}; only JSON white space may");
    let room = r#"{"room":"r"}"#.to_owned();
    for (body, expected) in [
        ("{\"room\":\"r\"} \t\r\n ", room.clone()),
        ("{\n\t\"room\":\r \"r\"\n}", room),
        (" {\"room\":\"r\"}", begins("20")),
        ("\n{\"room\":\"r\"}", begins("0a")),
        ("\u{feff}{\"room\":\"r\"}", begins("ef")),
        ("", "undecodable: the body is empty".to_owned()),
        (" ", begins("20")),
        ("{\"room\":\"r\"}\0", trailing("line 1 column 13")),
        ("{\"room\":\"r\"}\n\u{b}", trailing("line 2 column 1")),
        ("{\"room\":\"r\"}\u{c}", trailing("line 1 column 13")),
        ("{\"room\":\"r\"}\u{a0}", trailing("line 1 column 13")),
    ] {
        assert_eq!(outcome(Kind::RoomDeleted, body.as_bytes()), expected, "{body:?}");
    }
}

#[test]
fn all_of_it_is_utf_8() {
    for (body, position) in [
        (&b"{\"room\":\"\xff\"}"[..], 9),
        (b"{\"room\":\"r\",\"x\":\"\xc3\"}", 17),
        (b"{\"room\":\"r\",\"\x80\":1}", 13),
        (b"{\"room\":\"r\",\"x\":{\"y\":\"\xed\xa0\x80\"}}", 22),
        (b"{\"room\":\"r\"}\xff", 12),
        (b"{\"room\":\"\xc0\xaf\"}", 9),
    ] {
        let expected = format!("undecodable: the JSON is not UTF-8 at byte {position}");
        assert_eq!(outcome(Kind::RoomDeleted, body), expected, "{body:?}");
    }
}

#[test]
fn strings_hold_control_characters_only_as_escapes() {
    for body in ["{\"room\":\"a\nb\"}", "{\"x\":\"a\u{1}b\",\"room\":\"r\"}", "{\"\t\":1}"] {
        let outcome = outcome(Kind::RoomDeleted, body.as_bytes());
        assert!(outcome.contains("control character (\\u0000-\\u001F) found"), "{body:?} {outcome}");
    }
}
