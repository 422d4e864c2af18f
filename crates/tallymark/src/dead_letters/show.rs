//! `tallymark dead-letters show`.

use std::fmt::Write as _;

use clap::Args;
use serde_json::Value;

use super::letter::{Letter, harmless};
use super::{DeadLetters, print};
use crate::rfc3339;

pub(super) const HELP: &str = "\
A body that is no UTF-8 text is shown as hexadecimal digits.

Examples:
  tallymark dead-letters show 7 --config tallymark.toml
  tallymark dead-letters show 7 --json | jq -r .body
  tallymark dead-letters show 7 --body > body.json";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The dead letter's sequence, as listed
    #[arg(value_name = "SEQUENCE", value_parser = clap::value_parser!(u64).range(1..))]
    sequence: u64,
    /// Print one JSON object, with the body as `body`, or as `body_hex` where it is no UTF-8 text
    #[arg(long, conflicts_with = "body")]
    json: bool,
    /// Print nothing but the body, byte by byte as it is
    #[arg(long)]
    body: bool,
}

pub(super) async fn run(dead: &DeadLetters, arguments: &Arguments) -> anyhow::Result<()> {
    let letter = dead.letter(arguments.sequence).await?;
    if arguments.body {
        print(&letter.body)
    } else if arguments.json {
        print(format!("{}\n", json(&letter)).as_bytes())
    } else {
        print(text(&letter, &dead.stream)?.as_bytes())
    }
}

fn json(letter: &Letter) -> Value {
    let mut json = letter.to_json();
    match std::str::from_utf8(&letter.body) {
        Ok(text) => json["body"] = text.into(),
        Err(_) => json["body_hex"] = hex(&letter.body).into(),
    }
    json
}

fn text(letter: &Letter, stream: &str) -> Result<String, std::fmt::Error> {
    let head = &letter.head;
    let mut text = String::new();
    let out = &mut text;
    writeln!(
        out,
        "dead letter  {} of {stream}, copied {}",
        letter.sequence,
        rfc3339::format(letter.copied_ms)
    )?;
    writeln!(
        out,
        "original     {} of {}, stored {}",
        head.sequence,
        head.stream,
        rfc3339::format(head.stored_ms)
    )?;
    writeln!(out, "subject      {}", harmless(&head.subject, false))?;
    writeln!(out, "reason       {}", head.reason)?;
    writeln!(out, "detail       {}", head.detail)?;
    let cut =
        if letter.is_cut() { format!(", of which {} were copied", letter.body.len()) } else { String::new() };
    writeln!(out, "length       {} bytes{cut}", head.length)?;
    match std::str::from_utf8(&letter.body) {
        Ok(body) => writeln!(out, "body\n{}", harmless(body, true))?,
        Err(_) => writeln!(out, "body (hexadecimal)\n{}", hex(&letter.body))?,
    }
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use consumer::DeadLetterHead;

    use super::{Letter, json, text};

    fn letter(body: &[u8], length: u64) -> Letter {
        Letter {
            sequence: 7,
            copied_ms: 1_769_846_401_000,
            head: DeadLetterHead {
                reason: "undecodable".to_owned(),
                detail: "what is wrong".to_owned(),
                subject: "chat.demo.room.left".to_owned(),
                stream: "CHAT".to_owned(),
                sequence: 900,
                stored_ms: 1_769_846_400_000,
                length,
            },
            body: body.to_vec(),
        }
    }

    #[test]
    fn a_letter_is_shown_with_its_body() {
        let expected = "\
dead letter  7 of CHAT_DEAD, copied 2026-01-31T08:00:01Z
original     900 of CHAT, stored 2026-01-31T08:00:00Z
subject      chat.demo.room.left
reason       undecodable
detail       what is wrong
length       70000 bytes, of which 3 were copied
body
{\"a
";
        assert_eq!(text(&letter(b"{\"a", 70_000), "CHAT_DEAD").unwrap(), expected);
        let whole = text(&letter(b"\xff\x0a", 2), "CHAT_DEAD").unwrap();
        assert!(whole.ends_with("length       2 bytes\nbody (hexadecimal)\nff0a\n"), "{whole}");
        assert_eq!(json(&letter(b"\xff\x0a", 2))["body_hex"], "ff0a");
        assert_eq!(json(&letter(b"{\"a", 3))["body"], "{\"a");
    }
}
