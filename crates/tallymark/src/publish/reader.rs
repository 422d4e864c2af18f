//! Turns lines into messages, on a thread of its own: reading may block for as long as the other end
//! of a pipe likes.

use std::io::{self, Read};

use async_nats::Subject;
use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use super::lines::{Lines, MAX_LINE_BYTES};

/// A line as it goes to the server.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) subject: Subject,
    pub(super) body: Bytes,
}

/// What the reader found.
#[derive(Debug)]
pub(super) enum Item {
    /// A line with an event; `end` is the offset of its end in the input.
    Event { line: u64, end: u64, message: Message },
    /// A line that is no event.
    Invalid { line: u64, reason: String },
    /// Nothing follows.
    End { lines: u64, result: io::Result<()> },
}

/// How lines are read.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) prefix: events::Prefix,
    /// Lines before this one are passed over unread.
    pub(super) from: u64,
    /// Whether to read on after an invalid line.
    pub(super) skip_invalid: bool,
    /// The largest body that the server takes.
    pub(super) max_body_bytes: usize,
}

/// Items are handed over in batches of about this many, and earlier when the input makes us wait.
const BATCH_ITEMS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// Reads to the end of the input, to an invalid line that isn't to be skipped, or until nobody
/// receives any more.
pub(super) fn read(mut lines: Lines<impl Read>, options: &Options, sender: &Sender<Vec<Item>>) {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let result = loop {
        let (item, size) = match next(&mut lines, options) {
            Ok(Some(found)) => found,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        let is_last = matches!(item, Some(Item::Invalid { .. })) && !options.skip_invalid;
        batch.extend(item);
        bytes += size;
        if is_last {
            break Ok(());
        }
        if batch.len() >= BATCH_ITEMS || bytes >= BATCH_BYTES || lines.may_wait() {
            bytes = 0;
            if !batch.is_empty() && sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                return;
            }
        }
    };
    batch.push(Item::End { lines: lines.count(), result });
    // If nobody receives, nobody needs to know.
    _ = sender.blocking_send(batch);
}

/// The next line's item, if it gives one, and how many bytes it keeps in memory.
fn next(lines: &mut Lines<impl Read>, options: &Options) -> io::Result<Option<(Option<Item>, usize)>> {
    let Some(raw) = lines.next()? else { return Ok(None) };
    let (line, end) = (raw.number, raw.end);
    if line < options.from {
        return Ok(Some((None, 0)));
    }
    let message = match raw.text {
        None => Err(format!("the line is longer than {MAX_LINE_BYTES} bytes")),
        Some(text) if text.iter().all(u8::is_ascii_whitespace) => return Ok(Some((None, 0))),
        Some(text) => message(text, options),
    };
    Ok(Some(match message {
        Ok(message) => {
            let size = message.body.len();
            (Some(Item::Event { line, end, message }), size)
        }
        Err(reason) => (Some(Item::Invalid { line, reason }), 0),
    }))
}

fn message(text: &[u8], options: &Options) -> Result<Message, String> {
    let text =
        str::from_utf8(text).map_err(|error| format!("not UTF-8 after byte {}", error.valid_up_to()))?;
    let event = events::Line::parse(text).map_err(|error| error.to_string())?;
    let subject = options.prefix.event(event.tenant(), event.body.kind());
    let body = events::encode_message_pack(&event.body);
    if body.len() > options.max_body_bytes {
        return Err(format!(
            "the event takes {} bytes, and the server takes at most {} (max_payload)",
            body.len(),
            options.max_body_bytes
        ));
    }
    Ok(Message { subject: subject.into(), body: body.into() })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use tokio::sync::mpsc;

    use super::*;

    /// What the reader makes of an input: one item a line, lines that give none left out.
    fn check(input: &[u8], from: u64, skip_invalid: bool, expected: &str) {
        let prefix = events::Prefix::new("chat").unwrap();
        let options = Options { prefix, from, skip_invalid, max_body_bytes: 40 };
        let (sender, mut receiver) = mpsc::channel(1_000);
        read(Lines::new(BufReader::new(input)), &options, &sender);
        let mut found = Vec::new();
        while let Ok(batch) = receiver.try_recv() {
            found.extend(batch.into_iter().map(|item| match item {
                Item::Event { line, end, message } => format!("{line} to {end}: {}", message.subject),
                Item::Invalid { line, reason } => format!("{line}: {reason}"),
                Item::End { lines, result } => format!("{lines} lines, {}", result.is_ok()),
            }));
        }
        let expected: Vec<_> = expected.lines().map(str::trim).collect();
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(input));
    }

    const DELETED: &str = r#"{"tenant":"demo","event":"room.deleted","room":"r1"}"#;

    #[test]
    fn blank_lines_are_numbered_and_give_nothing() {
        let input = format!("\n{DELETED}\r\n \t\n{DELETED}");
        let expected = "2 to 55: chat.demo.room.deleted\n4 to 110: chat.demo.room.deleted\n4 lines, true";
        check(input.as_bytes(), 1, false, expected);
        check(b"", 1, false, "0 lines, true");
    }

    #[test]
    fn reading_ends_at_an_invalid_line_unless_it_is_to_be_skipped() {
        let input = format!("{DELETED}\n{{\"event\":\"room.deleted\"}}\n{DELETED}\n");
        let before = "1 to 53: chat.demo.room.deleted\n2: field `tenant` is missing";
        check(input.as_bytes(), 1, false, &format!("{before}\n2 lines, true"));
        let after = "3 to 131: chat.demo.room.deleted\n3 lines, true";
        check(input.as_bytes(), 1, true, &format!("{before}\n{after}"));
        check(input.as_bytes(), 3, false, after);
    }

    #[test]
    fn what_can_not_be_sent_is_invalid() {
        check(b"\xff\n", 1, true, "1: not UTF-8 after byte 0\n1 lines, true");
        let long = DELETED.replace("r1", &"r".repeat(40));
        let expected = "1: the event takes 48 bytes, and the server takes at most 40 (max_payload)";
        check(long.as_bytes(), 1, true, &format!("{expected}\n1 lines, true"));
        let longer = " ".repeat(MAX_LINE_BYTES + 1);
        let expected = "1: the line is longer than 16777216 bytes\n1 lines, true";
        check(longer.as_bytes(), 1, true, expected);
    }
}
