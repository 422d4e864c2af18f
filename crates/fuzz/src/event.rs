//! Messages of the stream, and lines of NDJSON.

use events::{
    Body, Event, Kind, Line, Prefix, Received, Subject, decode, encode_json, encode_message_pack, receive,
    to_line,
};
use serde_json::Value;

use crate::tree::Tree;

/// Reads a line of NDJSON if the input begins with `{`, else a message: its subject, a line break
/// and its body.
///
/// What is taken keeps the limits, says the same after being written in either encoding or as a
/// line, and is judged alike in both encodings. What is refused is refused in words fit for a line
/// of a log, and never comes back as an event by way of the dead letters.
pub fn event(input: &[u8]) -> Vec<String> {
    let outcome = match input.first() {
        Some(b'{') => line(input),
        _ => message(input),
    };
    vec![outcome]
}

fn line(input: &[u8]) -> String {
    // A line is read from a file as text.
    let Ok(text) = str::from_utf8(input) else { return "not text".to_owned() };
    match Line::parse(text) {
        Ok(line) => {
            check_event(&line.event());
            format!("line: {}", line.body.kind())
        }
        Err(error) => {
            check_words(&error.to_string());
            format!("line: {}", error.reason())
        }
    }
}

fn message(input: &[u8]) -> String {
    let line_break = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let body = input.get(line_break + 1..).unwrap_or_default();
    // Subjects are text to whoever reads them from the server.
    let Ok(subject) = str::from_utf8(&input[..line_break]) else { return "not text".to_owned() };
    let prefix = Prefix::new("chat").expect("a valid prefix");
    match receive(&prefix, subject, body) {
        Received::Event(event) => {
            let kind = event.body.kind();
            assert_eq!(prefix.event(event.tenant, kind), subject, "an event has one subject");
            check_event(&event);
            check_encodings_agree(kind, body);
            format!("{} message: {kind}", encoding(body))
        }
        Received::Malformed(malformed) => {
            check_words(&malformed.to_string());
            let dead = prefix.dead_letter(malformed.tenant_and_kind());
            assert_eq!(prefix.parse(&dead), Subject::OutsidePrefix, "{dead} would be read again");
            if let Some((_, kind)) = malformed.tenant_and_kind() {
                check_encodings_agree(kind, body);
            }
            format!("{} message: {}", encoding(body), malformed.reason())
        }
        Received::OutsidePrefix => {
            assert!(!subject.starts_with("chat."), "{subject} was passed over");
            "outside the prefix".to_owned()
        }
    }
}

fn encoding(body: &[u8]) -> &'static str {
    match body.first() {
        Some(b'{') => "JSON",
        Some(0x80..=0x8f | 0xde | 0xdf) => "MessagePack",
        _ => "other",
    }
}

fn check_event(event: &Event<'_>) {
    let body = &event.body;
    for bytes in [encode_json(body), encode_message_pack(body)] {
        assert_eq!(decode(body.kind(), &bytes).as_ref(), Ok(body), "written and read again");
    }
    let line = to_line(event);
    let read = Line::parse(&line).expect("a line that was written can be read");
    assert_eq!(read.event(), *event, "written as a line and read again");
    check_limits(body);
}

/// The limits of the contract, looked up in the body as JSON, where neither types nor decoder vouch for them.
fn check_limits(body: &Body<'_>) {
    let json: Value = serde_json::from_slice(&encode_json(body)).expect("JSON");
    for (name, value) in json.as_object().expect("a map") {
        match value {
            Value::String(text) => check_text(text, 256),
            Value::Number(number) => {
                assert!(number.as_u64().expect("an integer from 0") < 1 << 53, "{name}: {number}");
            }
            Value::Array(entries) => {
                let (most, bytes) = match name.as_str() {
                    "users" => (10_000, 256),
                    "mentions" => (1_000, 256),
                    "tags" => (64, 128),
                    _ => panic!("{name} is no list"),
                };
                assert!(entries.len() <= most, "{name} has {} entries", entries.len());
                entries.iter().for_each(|entry| check_text(entry.as_str().expect("a text"), bytes));
            }
            Value::Bool(_) => {}
            Value::Null | Value::Object(_) => panic!("{name} is {value}"),
        }
    }
}

fn check_text(text: &str, most_bytes: usize) {
    assert!(!text.is_empty() && text.len() <= most_bytes, "{text:?} has {} bytes", text.len());
    assert!(!text.chars().any(char::is_control), "{text:?} has a control character");
}

fn check_words(refusal: &str) {
    assert!(!refusal.chars().any(char::is_control), "{refusal:?} has a control character");
}

/// A body that both encodings can write is taken, or refused for the same reason, in both.
fn check_encodings_agree(kind: Kind, body: &[u8]) {
    let tree = match encoding(body) {
        "JSON" => Tree::from_json(body),
        "MessagePack" => Tree::from_message_pack(body),
        _ => None,
    };
    if let Some(tree) = tree {
        let (json, message_pack) = (tree.to_json(), tree.to_message_pack());
        let found = decode(kind, body);
        assert_eq!(decode(kind, &json), found, "in JSON");
        assert_eq!(decode(kind, &message_pack), found, "in MessagePack");
    }
}
