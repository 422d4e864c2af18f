//! Lines of NDJSON.

use events::{Line, to_line};

/// What became of a line: the same line in its canonical form, or the reason and the error.
fn outcome(line: &str) -> String {
    match Line::parse(line) {
        Ok(line) => to_line(&line.event()),
        Err(error) => format!("{}: {error}", error.reason()),
    }
}

fn check(table: &str) {
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (line, expected) = row.split_once(" => ").expect(row);
        assert_eq!(outcome(line), expected, "{line}");
    }
}

#[test]
fn a_line_is_a_body_with_tenant_and_event() {
    check(
        r#"
{"tenant":"demo","event":"message.posted","room":"r1","message":"m1","sender":"ann","at":1700000000000} => {"tenant":"demo","event":"message.posted","room":"r1","message":"m1","sender":"ann","at":1700000000000}
{"room":"r1","event":"room.deleted","tenant":"demo"} => {"tenant":"demo","event":"room.deleted","room":"r1"}
{"user":"ann","x":{"tenant":1},"tenant":"A_b-9","event":"user.deleted"} => {"tenant":"A_b-9","event":"user.deleted","user":"ann"}
{"\u0074enant":"d\u0065mo","event":"user\u002edeleted","user":"\u0061nn"} => {"tenant":"demo","event":"user.deleted","user":"ann"}
{"tenant":"demo","event":"room.joined","room":"r","users":["ann"],"history":"none"} => {"tenant":"demo","event":"room.joined","room":"r","users":["ann"]}
"#,
    );
    let line = r#"{"tenant":"demo","event":"room.deleted","room":"r"}"#;
    assert_eq!(outcome(&format!("{line} \t\r\n")), line);
}

#[test]
fn errors_name_the_field() {
    check(
        r#"
{"event":"room.deleted","room":"r"} => missing_field: field `tenant` is missing
{"tenant":null,"event":"room.deleted","room":"r"} => missing_field: field `tenant` is null, but required
{"tenant":"demo","room":"r"} => missing_field: field `event` is missing
{"tenant":"demo","tenant":"demo","event":"room.deleted","room":"r"} => repeated_field: field `tenant` is there twice
{"tenant":"demo","event":"room.deleted","room":"r","event":"room.deleted"} => repeated_field: field `event` is there twice
{"tenant":7,"event":"room.deleted","room":"r"} => wrong_type: field `tenant` is an integer; expected a string
{"tenant":"demo","event":["room.deleted"],"room":"r"} => wrong_type: field `event` is a list; expected a string
{"tenant":"","event":"room.deleted","room":"r"} => invalid_tenant: field `tenant` is empty
{"tenant":"a.b","event":"room.deleted","room":"r"} => invalid_tenant: field `tenant` has a character outside [A-Za-z0-9_-] at byte 1
{"tenant":"demo","event":"message.edited","room":"r"} => unknown_kind: field `event` is "message.edited", which is no kind of event; expected one such as "message.posted"
{"tenant":"demo","event":"Room.deleted","room":"r"} => unknown_kind: field `event` is "Room.deleted", which is no kind of event; expected one such as "message.posted"
{"tenant":"demo","event":"room.deleted ","room":"r"} => unknown_kind: field `event` is "room.deleted ", which is no kind of event; expected one such as "message.posted"
{"tenant":"demo ","event":"room.deleted","room":"r"} => invalid_tenant: field `tenant` has a character outside [A-Za-z0-9_-] at byte 4
{"tenant":"demo","event":"room.deleted"} => missing_field: room.deleted: field `room` is missing
{"tenant":"demo","event":"room.deleted","room":"r","room":"r"} => repeated_field: room.deleted: field `room` is there twice
{"tenant":"demo","event":"room.left","room":"r","users":["ann",""]} => invalid_id: room.left: field `users[1]` is empty
{"tenant":"demo","event":"room.deleted","room":"r"} {} => trailing_data: data follows the body at line 1 column 53; only JSON white space may
{"tenant":"demo" => undecodable: the JSON is broken: EOF while parsing an object at line 1 column 16
[1,2] => undecodable: the line is no JSON object: it begins with "[1,2]"; expected `{`
room.deleted r1 => undecodable: the line is no JSON object: it begins with "room.deleted r1"; expected `{`
"#,
    );
    assert_eq!(
        outcome(" {}"),
        "undecodable: the line is no JSON object: it begins with \" {}\"; expected `{`"
    );
    assert_eq!(outcome(""), "undecodable: the line is empty");
}
