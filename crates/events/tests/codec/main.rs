//! Bodies and lines: what is well formed, what is malformed and how that is said.
#![cfg(feature = "codec")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod bodies;
mod described;
mod documentation;
mod json;
mod limits;
mod lines;
mod message_pack;
mod properties;
mod received;
mod schemas;
mod tree;

use events::{DecodeError, Kind, decode, encode_json};

/// What became of a body, as the tables write it: its canonical JSON, or the reason and the error.
fn outcome(kind: Kind, body: &[u8]) -> String {
    match decode(kind, body) {
        Ok(body) => String::from_utf8(encode_json(&body)).unwrap(),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &DecodeError) -> String {
    let text = error.to_string();
    let said = text.strip_prefix(error.kind().as_str()).and_then(|said| said.strip_prefix(": "));
    format!("{}: {}", error.reason(), said.expect("every error names the kind first"))
}

/// The rows of a table: a kind, a body, and after `=>` what becomes of it.
/// An empty line or one that begins with `#` is no row.
fn rows(table: &str) -> impl Iterator<Item = (Kind, &str, &str)> {
    let lines = table.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (kind, rest) = line.split_once(' ').expect(line);
        let (body, expected) = rest.split_once(" => ").expect(line);
        (Kind::from_name(kind).expect(line), body.trim(), expected.trim())
    })
}
