//! What only MessagePack can do, or get wrong.

use events::{Reason, decode};

use super::{outcome, rows};

/// Bytes from their notation: two hexadecimal digits each, and texts in single quotes.
fn bytes(notation: &str) -> Vec<u8> {
    let parse = |word: &str| match word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')) {
        Some(text) => text.as_bytes().to_vec(),
        None => vec![u8::from_str_radix(word, 16).expect(notation)],
    };
    notation.split_whitespace().flat_map(parse).collect()
}

fn check(table: &str) {
    for (kind, notation, expected) in rows(table) {
        assert_eq!(outcome(kind, &bytes(notation)), expected, "{notation}");
    }
}

/// Every row is well formed, and nothing that it begins with is.
fn check_whole(table: &str) {
    check(table);
    for (kind, notation, _) in rows(table) {
        let body = bytes(notation);
        for end in 0..body.len() {
            let error = decode(kind, &body[..end]).expect_err(notation);
            assert_eq!(error.reason(), Reason::Undecodable, "{notation} cut at {end}");
        }
    }
}

#[test]
fn lengths_and_numbers_may_be_wider_than_they_need() {
    check_whole(
        r#"
room.deleted 81 a4 'room' a1 'r' => {"room":"r"}
room.deleted de 00 01 a4 'room' a1 'r' => {"room":"r"}
room.deleted df 00 00 00 01 a4 'room' a1 'r' => {"room":"r"}
room.deleted 81 d9 04 'room' d9 01 'r' => {"room":"r"}
room.deleted 81 da 00 04 'room' da 00 01 'r' => {"room":"r"}
room.deleted 81 db 00 00 00 04 'room' db 00 00 00 01 'r' => {"room":"r"}
room.left 82 a4 'room' a1 'r' a5 'users' 91 a1 'a' => {"room":"r","users":["a"]}
room.left 82 a4 'room' a1 'r' a5 'users' dc 00 01 a1 'a' => {"room":"r","users":["a"]}
room.left 82 a4 'room' a1 'r' a5 'users' dd 00 00 00 01 a1 'a' => {"room":"r","users":["a"]}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' cc 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' cd 00 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' ce 00 00 00 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' cf 00 00 00 00 00 00 00 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' d0 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' d1 00 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' d2 00 00 00 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' d3 00 00 00 00 00 00 00 07 => {"room":"r","message":"m","sender":"a","at":7}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' 7f => {"room":"r","message":"m","sender":"a","at":127}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' cc ff => {"room":"r","message":"m","sender":"a","at":255}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' cd ff ff => {"room":"r","message":"m","sender":"a","at":65535}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' ce ff ff ff ff => {"room":"r","message":"m","sender":"a","at":4294967295}
"#,
    );
}

#[test]
fn unknown_fields_may_hold_anything() {
    check_whole(
        r#"
room.deleted 82 a1 'x' c0 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c2 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c3 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' 7f a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' ff a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' e0 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' cc ff a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' cd ff ff a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' ce ff ff ff ff a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' cf ff ff ff ff ff ff ff ff a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d0 80 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d1 80 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d2 80 00 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d3 80 00 00 00 00 00 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' ca 7f c0 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' cb 7f f8 00 00 00 00 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' a0 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' a1 'x' a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d9 02 'xx' a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' da 00 02 'xx' a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' db 00 00 00 02 'xx' a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c4 02 00 ff a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c5 00 02 00 ff a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c6 00 00 00 02 00 ff a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d4 01 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d5 01 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d6 ff 00 00 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d7 01 00 00 00 00 00 00 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' d8 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c7 00 01 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c7 02 ff 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c8 00 02 01 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' c9 00 00 00 02 01 00 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' 90 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' 92 01 c0 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' dc 00 02 01 c0 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' dd 00 00 00 02 01 c0 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' 80 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' 82 01 02 c0 91 c0 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' de 00 01 a1 'x' 80 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' df 00 00 00 01 93 01 02 03 c4 00 a4 'room' a1 'r' => {"room":"r"}
room.deleted 82 a1 'x' 82 a4 'room' 01 a4 'room' 02 a4 'room' a1 'r' => {"room":"r"}
# A text that nobody reads may have any bytes.
room.deleted 82 a1 'x' a2 ff fe a4 'room' a1 'r' => {"room":"r"}
"#,
    );
}

#[test]
fn no_other_first_byte_begins_a_body() {
    check(
        r#"
room.deleted 91 81 a4 'room' a1 'r' => undecodable: the body begins with the byte 0x91; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted 91 a1 'r' => undecodable: the body begins with the byte 0x91; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted dc 00 01 a1 'r' => undecodable: the body begins with the byte 0xdc; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted a1 'r' => undecodable: the body begins with the byte 0xa1; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted c0 => undecodable: the body begins with the byte 0xc0; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted c1 => undecodable: the body begins with the byte 0xc1; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted 7f => undecodable: the body begins with the byte 0x7f; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted 90 => undecodable: the body begins with the byte 0x90; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted 20 81 a4 'room' a1 'r' => undecodable: the body begins with the byte 0x20; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
room.deleted c7 01 00 00 => undecodable: the body begins with the byte 0xc7; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map
"#,
    );
}

#[test]
fn only_json_white_space_may_follow() {
    check(
        r#"
room.deleted 81 a4 'room' a1 'r' 20 => {"room":"r"}
room.deleted 81 a4 'room' a1 'r' 09 0a 0d 20 0a => {"room":"r"}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' 0a => {"room":"r","message":"m","sender":"a","at":10}
message.posted 84 a4 'room' a1 'r' a7 'message' a1 'm' a6 'sender' a1 'a' a2 'at' 0a 0a => {"room":"r","message":"m","sender":"a","at":10}
room.deleted 81 a4 'room' a1 'r' 00 => trailing_data: data follows the body at byte 8; only JSON white space may
room.deleted 81 a4 'room' a1 'r' 0b => trailing_data: data follows the body at byte 8; only JSON white space may
room.deleted 81 a4 'room' a1 'r' 0c => trailing_data: data follows the body at byte 8; only JSON white space may
room.deleted 81 a4 'room' a1 'r' 20 cc 20 => trailing_data: data follows the body at byte 9; only JSON white space may
room.deleted 81 a4 'room' a1 'r' c0 => trailing_data: data follows the body at byte 8; only JSON white space may
room.deleted 81 a4 'room' a1 'r' 81 a4 'room' a1 'r' => trailing_data: data follows the body at byte 8; only JSON white space may
room.deleted 81 a4 'room' a1 'r' '{}' => trailing_data: data follows the body at byte 8; only JSON white space may
room.deleted 81 a4 'room' a1 'r' c1 => trailing_data: data follows the body at byte 8; only JSON white space may
"#,
    );
}

#[test]
fn binary_data_and_extensions_are_no_text_and_no_list() {
    check(
        r#"
room.deleted 81 a4 'room' c4 01 'r' => wrong_type: field `room` is binary data or an extension; expected a string
room.deleted 81 a4 'room' c5 00 01 'r' => wrong_type: field `room` is binary data or an extension; expected a string
room.deleted 81 a4 'room' d4 00 'r' => wrong_type: field `room` is binary data or an extension; expected a string
room.deleted 81 a4 'room' c7 01 00 'r' => wrong_type: field `room` is binary data or an extension; expected a string
room.left 82 a4 'room' a1 'r' a5 'users' c4 01 'a' => wrong_type: field `users` is binary data or an extension; expected a list of strings
room.left 82 a4 'room' a1 'r' a5 'users' 91 c4 01 'a' => wrong_type: field `users[0]` is binary data or an extension; expected a string
message.posted 81 a2 'at' d6 ff 00 00 00 07 => wrong_type: field `at` is binary data or an extension; expected an integer
message.posted 81 a2 'at' c4 01 07 => wrong_type: field `at` is binary data or an extension; expected an integer
message.posted 81 a6 'silent' c4 00 => wrong_type: field `silent` is binary data or an extension; expected a boolean
message.posted 81 a2 'at' ca 40 e0 00 00 => wrong_type: field `at` is a number with a fraction, with an exponent or of more than 64 bits; expected an integer
message.posted 81 a2 'at' cb 40 1c 00 00 00 00 00 00 => wrong_type: field `at` is a number with a fraction, with an exponent or of more than 64 bits; expected an integer
message.posted 81 a2 'at' d0 ff => over_limit: field `at` is -1; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted 81 a2 'at' ff => over_limit: field `at` is -1; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted 81 a2 'at' e0 => over_limit: field `at` is -32; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted 81 a2 'at' d1 ff ff => over_limit: field `at` is -1; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted 81 a2 'at' d2 ff ff ff ff => over_limit: field `at` is -1; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted 81 a2 'at' d3 ff ff ff ff ff ff ff ff => over_limit: field `at` is -1; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted 81 a2 'at' cf ff ff ff ff ff ff ff ff => over_limit: field `at` is 18446744073709551615; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted 81 a2 'at' cf 00 20 00 00 00 00 00 00 => over_limit: field `at` is 9007199254740992; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted 81 a6 'silent' 01 => wrong_type: field `silent` is an integer; expected a boolean
"#,
    );
}

#[test]
fn names_of_fields_are_text() {
    check(
        r#"
room.deleted 82 00 a1 'r' a4 'room' a1 'r' => undecodable: the MessagePack is broken: invalid type: integer `0`, expected a string as the name of a field
room.deleted 82 a4 'room' a1 'r' 01 c0 => undecodable: the MessagePack is broken: invalid type: integer `1`, expected a string as the name of a field
room.deleted 81 ff a1 'r' => undecodable: the MessagePack is broken: invalid type: integer `-1`, expected a string as the name of a field
room.deleted 81 c4 04 'room' a1 'r' => undecodable: the MessagePack is broken: invalid type: byte array, expected a string as the name of a field
room.deleted 81 d6 00 'room' a1 'r' => undecodable: the MessagePack is broken: invalid type: byte array, expected a string as the name of a field
room.deleted 81 c0 a1 'r' => undecodable: the MessagePack is broken: invalid type: unit value, expected a string as the name of a field
room.deleted 81 c3 a1 'r' => undecodable: the MessagePack is broken: invalid type: boolean `true`, expected a string as the name of a field
room.deleted 81 91 a4 'room' a1 'r' => undecodable: the MessagePack is broken: invalid type: sequence, expected a string as the name of a field
room.deleted 81 80 a1 'r' => undecodable: the MessagePack is broken: invalid type: map, expected a string as the name of a field
room.deleted 82 a4 'room' a1 'r' a2 ff fe c0 => undecodable: the MessagePack is broken: the string before byte 11 is not UTF-8
"#,
    );
}

#[test]
fn broken_encodings_say_where() {
    check(
        r#"
room.deleted 80 => missing_field: field `room` is missing
room.deleted 81 => undecodable: the MessagePack is broken: it ends at byte 1, inside a value
room.deleted de 00 => undecodable: the MessagePack is broken: it ends at byte 2, inside a value
room.deleted 82 a4 'room' a1 'r' => undecodable: the MessagePack is broken: it ends at byte 8, inside a value
room.deleted 81 a4 'room' => undecodable: in field `room` the MessagePack is broken: it ends at byte 6, inside a value
room.deleted 81 a4 'room' a2 'r' => undecodable: in field `room` the MessagePack is broken: it ends at byte 8, inside a value
room.deleted 81 a4 'room' c1 => undecodable: in field `room` the MessagePack is broken: byte 6 is 0xc1, which stands for nothing
room.deleted 82 a4 'room' a1 'r' a1 'x' c1 => undecodable: the MessagePack is broken: byte 10 is 0xc1, which stands for nothing
room.deleted 82 a4 'room' a1 'r' a1 'x' 92 01 c1 => undecodable: the MessagePack is broken: byte 12 is 0xc1, which stands for nothing
room.deleted 81 a4 'room' a1 ff => undecodable: in field `room` the MessagePack is broken: the string before byte 8 is not UTF-8
room.deleted 81 a4 'room' a3 ed a0 80 => undecodable: in field `room` the MessagePack is broken: the string before byte 10 is not UTF-8
room.left 82 a4 'room' a1 'r' a5 'users' 92 a1 'a' a1 ff => undecodable: in field `users` the MessagePack is broken: the string before byte 19 is not UTF-8
"#,
    );
}

#[test]
fn lengths_are_not_believed() {
    check(
        r#"
room.deleted df ff ff ff ff a4 'room' a1 'r' => undecodable: the MessagePack is broken: it ends at byte 12, inside a value
room.deleted 81 a4 'room' db ff ff ff ff 'r' => undecodable: in field `room` the MessagePack is broken: it ends at byte 12, inside a value
room.left 81 a5 'users' dd ff ff ff ff a1 'a' => undecodable: in field `users` the MessagePack is broken: it ends at byte 14, inside a value
room.deleted 82 a4 'room' a1 'r' a1 'x' dd ff ff ff ff 01 => undecodable: the MessagePack is broken: it ends at byte 16, inside a value
room.deleted 82 a4 'room' a1 'r' a1 'x' df ff ff ff ff 01 => undecodable: the MessagePack is broken: it ends at byte 16, inside a value
room.deleted 82 a4 'room' a1 'r' a1 'x' c6 ff ff ff ff 01 => undecodable: the MessagePack is broken: it ends at byte 16, inside a value
room.deleted 82 a4 'room' a1 'r' a1 'x' c9 ff ff ff ff 01 => undecodable: the MessagePack is broken: it ends at byte 16, inside a value
"#,
    );
}
