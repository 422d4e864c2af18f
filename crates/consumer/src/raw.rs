//! Reading single messages from the stream itself, whatever is in their headers.
//!
//! The client library has its own calls for this, but they fail at headers that are not UTF-8, and
//! of a header given twice they keep the last value where deliveries keep both: the fingerprint of
//! one message would come out in two ways.

use async_nats::jetstream::{self, Context};
use async_nats::{HeaderMap, HeaderName, HeaderValue, datetime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::delivered::Delivered;
use crate::intake::Sequences;

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RawError {
    /// There was no answer.
    #[error("no answer to a question for a message: {0}")]
    Request(#[from] jetstream::context::RequestError),
    /// The answer was a refusal.
    #[error("the server refused to give a message: {0}")]
    Refused(jetstream::Error),
    /// The answer could not be understood; names the part.
    #[error("the server's answer to a question for a message has no valid {0}")]
    Answer(&'static str),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Question<'a> {
    At { seq: u64 },
    AtOrAfter { seq: u64, next_by_subj: &'a str },
    Last { last_by_subj: &'a str },
}

/// Matches every subject.
const ALL: &str = ">";

#[derive(Deserialize)]
struct Answer {
    error: Option<jetstream::Error>,
    message: Option<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    subject: String,
    seq: u64,
    time: String,
    hdrs: Option<String>,
    data: Option<String>,
}

/// The message at a sequence; `None` if there is none.
pub(crate) async fn at(
    jetstream: &Context,
    stream: &str,
    sequence: u64,
) -> Result<Option<Delivered>, RawError> {
    ask(jetstream, stream, Question::At { seq: sequence }).await
}

/// The first message at a sequence or after it; `None` if there is none.
pub(crate) async fn at_or_after(
    jetstream: &Context,
    stream: &str,
    sequence: u64,
) -> Result<Option<Delivered>, RawError> {
    ask(jetstream, stream, Question::AtOrAfter { seq: sequence, next_by_subj: ALL }).await
}

/// The last message; `None` if there is none.
pub(crate) async fn last(jetstream: &Context, stream: &str) -> Result<Option<Delivered>, RawError> {
    ask(jetstream, stream, Question::Last { last_by_subj: ALL }).await
}

async fn ask(
    jetstream: &Context,
    stream: &str,
    question: Question<'_>,
) -> Result<Option<Delivered>, RawError> {
    let answer: Answer = jetstream.request(format!("STREAM.MSG.GET.{stream}"), &question).await?;
    match answer {
        Answer { error: Some(error), .. } if error.error_code() == jetstream::ErrorCode::NO_MESSAGE_FOUND => {
            Ok(None)
        }
        Answer { error: Some(error), .. } => Err(RawError::Refused(error)),
        Answer { message: Some(stored), .. } => stored.delivered().map(Some).map_err(RawError::Answer),
        Answer { .. } => Err(RawError::Answer("message")),
    }
}

impl Stored {
    /// As if it had been the first delivery of a consumer.
    fn delivered(self) -> Result<Delivered, &'static str> {
        let time = datetime::parse_rfc3339(&self.time).map_err(|_| "time")?;
        let stored_at_ns = i64::try_from(time.unix_timestamp_nanos()).map_err(|_| "time")?;
        let headers = self.hdrs.map(|text| STANDARD.decode(text)).transpose().map_err(|_| "hdrs")?;
        let body = STANDARD.decode(self.data.unwrap_or_default()).map_err(|_| "data")?;
        Ok(Delivered {
            sequences: Sequences { stream: self.seq, consumer: 1, pending: 0 },
            stored_at_ns,
            subject: self.subject.into(),
            headers: headers.map(|bytes| headers_in(&bytes)),
            body: body.into(),
        })
    }
}

/// The headers as the client library reads them in a delivery. It gives up the connection at what
/// it can't read; here that is left out.
fn headers_in(bytes: &[u8]) -> HeaderMap {
    let text = String::from_utf8_lossy(bytes);
    let mut headers = HeaderMap::new();
    let mut lines = text.lines().skip(1).peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let mut value = value.trim_start().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        value.truncate(value.trim_end().len());
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::headers_in;

    /// One line a case: the bytes, then the headers in the order of their names.
    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let headers = headers_in(bytes);
        let pair = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| {
            let values: Vec<_> = values.iter().map(|value| value.as_str().to_owned()).collect();
            format!("{name}={}", values.join("+"))
        };
        let mut found: Vec<_> = headers.iter().map(pair).collect();
        found.sort();
        assert_eq!(found.join(" "), expected, "{}", bytes.escape_ascii());
    }

    #[test]
    fn headers_are_read_as_in_a_delivery() {
        check(b"NATS/1.0\r\n\r\n", "");
        check(b"NATS/1.0\r\nA: 1\r\nB:2 \r\n\r\n", "A=1 B=2");
        check(b"NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n", "A=1+2");
        check(b"NATS/1.0\r\nA: 1\r\n  2\r\n\r\n", "A=1  2");
        check(b"NATS/1.0 503 gone\r\nA: 1\r\n\r\n", "A=1");
        check(b"", "");
    }

    #[test]
    fn what_no_client_can_read_is_left_out() {
        check(b"NATS/1.0\r\nA: \xff\r\nno colon\r\nB: 2\r\n\r\n", "A=\u{fffd} B=2");
    }
}
