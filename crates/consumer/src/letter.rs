//! Dead letters: what is kept of a malformed event, and what its copy says.

use async_nats::{HeaderMap, HeaderValue};
use events::{DeadLetterHeader, MAX_DEAD_LETTER_BODY_BYTES, MAX_DEAD_LETTER_DETAIL_BYTES, Malformed, Prefix};
use store::{DeadLetter, StreamIdentity};

use crate::delivered::Delivered;

const REASON: &str = DeadLetterHeader::Reason.name();
const DETAIL: &str = DeadLetterHeader::Detail.name();
const SUBJECT: &str = DeadLetterHeader::Subject.name();
const LENGTH: &str = DeadLetterHeader::Length.name();
const SEQUENCE: &str = DeadLetterHeader::Sequence.name();
const STORED_AT: &str = DeadLetterHeader::StoredAt.name();
const STREAM: &str = DeadLetterHeader::Stream.name();
const STREAM_CREATED: &str = DeadLetterHeader::StreamCreated.name();

/// What is kept of a malformed event until its copy is stored.
pub(crate) fn letter(prefix: &Prefix, message: &Delivered, malformed: &Malformed<'_>) -> DeadLetter {
    let body = &message.body;
    DeadLetter {
        sequence: message.sequences.stream,
        subject: message.subject.to_string(),
        dead_subject: prefix.dead_letter(malformed.tenant_and_kind()),
        reason: malformed.reason().as_str().to_owned(),
        detail: printable(&malformed.to_string()),
        length: body.len() as u64,
        body: body[..body.len().min(MAX_DEAD_LETTER_BODY_BYTES)].to_vec(),
        stored_at_ns: message.stored_at_ns,
    }
}

/// Printable ASCII, so that any client can read it as a header.
fn printable(text: &str) -> String {
    let ascii = |character: char| if matches!(character, ' '..='~') { character } else { '?' };
    text.chars().map(ascii).take(MAX_DEAD_LETTER_DETAIL_BYTES).collect()
}

/// The copy's headers.
pub(crate) fn headers(letter: &DeadLetter, counted: &StreamIdentity) -> Vec<(&'static str, String)> {
    vec![
        (REASON, letter.reason.clone()),
        (DETAIL, letter.detail.clone()),
        (SUBJECT, letter.subject.clone()),
        (SEQUENCE, letter.sequence.to_string()),
        (STORED_AT, letter.stored_at_ns.to_string()),
        (LENGTH, letter.length.to_string()),
        (STREAM, counted.name.clone()),
        (STREAM_CREATED, counted.created_ns.to_string()),
    ]
}

/// How much of the body goes with these headers into one message of at most `max_payload` bytes,
/// which is a limit on both together. A server cuts the connection of whoever sends more.
pub(crate) fn body_bytes(letter: &DeadLetter, headers: &[(&str, String)], max_payload: usize) -> usize {
    let lines: usize = headers.iter().map(|(name, value)| name.len() + value.len() + ": \r\n".len()).sum();
    let headers = "NATS/1.0\r\n\r\n".len() + lines;
    letter.body.len().min(max_payload.saturating_sub(headers))
}

/// What a copy in the stream of the dead letters says of the malformed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterHead {
    /// Why it is malformed: one word.
    pub reason: String,
    /// What is wrong with it.
    pub detail: String,
    /// Its subject.
    pub subject: String,
    /// The stream that holds it.
    pub stream: String,
    /// Its place there.
    pub sequence: u64,
    /// When that stream stored it: milliseconds since the Unix epoch.
    pub stored_ms: u64,
    /// The length of its whole body, in bytes. The copy's body may be shorter.
    pub length: u64,
}

impl DeadLetterHead {
    /// `None` if the headers are not those of a copy.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let get = |name: &'static str| headers.get_last(name).map(HeaderValue::as_str);
        let stored_at_ns: u64 = get(STORED_AT)?.parse().ok()?;
        Some(Self {
            reason: get(REASON)?.to_owned(),
            detail: get(DETAIL)?.to_owned(),
            subject: get(SUBJECT)?.to_owned(),
            stream: get(STREAM)?.to_owned(),
            sequence: get(SEQUENCE)?.parse().ok()?,
            stored_ms: stored_at_ns / 1_000_000,
            length: get(LENGTH)?.parse().ok()?,
        })
    }
}

/// Which letter the last stored copy is of, as far as its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copied {
    stream: StreamIdentity,
    sequence: u64,
    stored_at_ns: i64,
}

impl Copied {
    /// `None` if the headers are not those of a copy.
    pub(crate) fn from_headers<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Option<Self> {
        let stream =
            StreamIdentity { name: get(STREAM)?.to_owned(), created_ns: get(STREAM_CREATED)?.parse().ok()? };
        let sequence = get(SEQUENCE)?.parse().ok()?;
        let stored_at_ns = get(STORED_AT)?.parse().ok()?;
        Some(Self { stream, sequence, stored_at_ns })
    }

    /// Copies are stored in the order of their sequences: all up to this one are there. But a
    /// stream that lost its end gives the same sequences to later messages.
    pub(crate) fn covers(&self, letter: &DeadLetter, counted: &StreamIdentity) -> bool {
        self.stream == *counted
            && letter.sequence <= self.sequence
            && letter.stored_at_ns <= self.stored_at_ns
    }
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;
    use events::{Prefix, Received, receive};
    use store::{DeadLetter, StreamIdentity};

    use super::{Copied, DeadLetterHead, body_bytes, headers, letter, printable};
    use crate::delivered::Delivered;
    use crate::intake::Sequences;

    fn of(subject: &str, body: &[u8]) -> DeadLetter {
        let prefix = Prefix::new("chat").unwrap();
        let Received::Malformed(malformed) = receive(&prefix, subject, body) else { panic!("{subject}") };
        let message = Delivered {
            sequences: Sequences { stream: 7, consumer: 1, pending: 0 },
            stored_at_ns: 1_000,
            subject: subject.into(),
            headers: None,
            body: body.to_vec().into(),
        };
        letter(&prefix, &message, &malformed)
    }

    fn identity(created_ns: i64) -> StreamIdentity {
        StreamIdentity { name: "CHAT".to_owned(), created_ns }
    }

    #[test]
    fn the_copy_goes_where_tenant_and_kind_say() {
        assert_eq!(of("chat.demo.message.posted", b"?").dead_subject, "chat-dead.demo.message.posted");
        assert_eq!(of("chat.demo.message.lost", b"{}").dead_subject, "chat-dead._._");
        assert_eq!(of("chat.d emo.message.posted", b"{}").dead_subject, "chat-dead._._");
    }

    #[test]
    fn a_detail_is_short_printable_ascii() {
        assert_eq!(printable("a\r\nb\u{7f}é~ "), "a??b??~ ");
        assert_eq!(printable(&"é".repeat(1000)).len(), 256);
    }

    #[test]
    fn a_body_keeps_its_length_and_its_front() {
        let body = vec![0xc1; 70_000];
        let letter = of("chat.demo.message.posted", &body);
        assert_eq!((letter.length, letter.body.len()), (70_000, 65_536));
    }

    #[test]
    fn headers_and_body_together_fit() {
        let letter = of("chat.demo.message.posted", &vec![0xc1; 70_000]);
        let headers = headers(&letter, &identity(5));
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let wire = format!("NATS/1.0\r\n{lines}\r\n").len();
        assert_eq!(body_bytes(&letter, &headers, 2000), 2000 - wire);
        assert_eq!(body_bytes(&letter, &headers, wire), 0);
        assert_eq!(body_bytes(&letter, &headers, 10), 0);
        assert_eq!(body_bytes(&letter, &headers, 1 << 20), 65_536);
    }

    #[test]
    fn the_headers_are_those_that_are_described() {
        let headers = headers(&of("chat.demo.message.posted", b"?"), &identity(5));
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, events::DeadLetterHeader::ALL.map(events::DeadLetterHeader::name));
    }

    #[test]
    fn what_the_headers_say_is_read_again() {
        let letter = of("chat.demo.message.posted", b"?");
        let mut map = HeaderMap::new();
        assert_eq!(DeadLetterHead::from_headers(&map), None);
        for (name, value) in headers(&letter, &identity(5)) {
            map.append(name, value.as_str());
        }
        let head = DeadLetterHead::from_headers(&map).unwrap();
        let expected = DeadLetterHead {
            reason: letter.reason,
            detail: letter.detail,
            subject: letter.subject,
            stream: "CHAT".to_owned(),
            sequence: 7,
            stored_ms: 0,
            length: 1,
        };
        assert_eq!(head, expected);
    }

    #[test]
    fn a_copy_covers_all_before_it_of_the_same_stream() {
        let letter = of("chat.demo.message.posted", b"?");
        let copy = |created_ns: i64, sequence: u64, stored_at_ns: i64| {
            let copied = DeadLetter { sequence, stored_at_ns, ..letter.clone() };
            let headers = headers(&copied, &identity(created_ns));
            let get =
                |name| headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str());
            Copied::from_headers(get).unwrap()
        };
        assert!(copy(5, 7, 1_000).covers(&letter, &identity(5)));
        assert!(copy(5, 8, 1_001).covers(&letter, &identity(5)));
        assert!(!copy(5, 6, 999).covers(&letter, &identity(5)));
        assert!(!copy(4, 8, 1_001).covers(&letter, &identity(5)));
        assert!(!copy(5, 8, 999).covers(&letter, &identity(5)), "its sequence was given once more");
        assert_eq!(Copied::from_headers(|_| None), None);
        assert_eq!(Copied::from_headers(|_| Some("x")), None);
    }
}
