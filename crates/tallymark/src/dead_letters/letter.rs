//! One dead letter.

use consumer::{DeadLetterHead, LogMessage};
use serde_json::{Value, json};

use crate::rfc3339;

#[derive(Debug)]
pub(super) struct Letter {
    /// Its place in the stream of the dead letters.
    pub(super) sequence: u64,
    /// When it was stored there.
    pub(super) copied_ms: u64,
    pub(super) head: DeadLetterHead,
    /// The original's body, or the front of it.
    pub(super) body: Vec<u8>,
}

impl Letter {
    /// `None` if the message is no dead letter.
    pub(super) fn new(message: LogMessage) -> Option<Self> {
        let head = DeadLetterHead::from_headers(&message.headers)?;
        let LogMessage { sequence, stored_ms: copied_ms, body, .. } = message;
        Some(Self { sequence, copied_ms, head, body: body.into() })
    }

    /// Whether a part of the original's body is missing.
    pub(super) fn is_cut(&self) -> bool {
        (self.body.len() as u64) < self.head.length
    }

    /// All but the body.
    pub(super) fn to_json(&self) -> Value {
        let DeadLetterHead { reason, detail, subject, stream, sequence, stored_ms, length } = &self.head;
        json!({
            "sequence": self.sequence,
            "copied": rfc3339::format(self.copied_ms),
            "subject": subject,
            "reason": reason,
            "detail": detail,
            "length": length,
            "cut": self.is_cut(),
            "original": { "stream": stream, "sequence": sequence, "stored": rfc3339::format(*stored_ms) },
        })
    }
}

/// The text without anything that a terminal would obey. Line breaks and tabs are left if `lines`.
pub(super) fn harmless(text: &str, lines: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && !(lines && matches!(character, '\n' | '\t')) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_terminal_obeys_nothing_that_is_shown() {
        assert_eq!(harmless("a\u{1b}[2Jé\n", false), "a\\u{1b}[2Jé\\n");
        assert_eq!(harmless("a\r\n\tb\u{9b}", true), "a\\r\n\tb\\u{9b}");
    }
}
