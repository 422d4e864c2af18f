//! The stream as a log, for whoever wants to read it beside the service that counts it: in order, each message once.

mod reading;

use std::num::NonZero;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, HeaderMap, Subject};
use bytes::Bytes;
use futures::Stream;

use self::reading::Reading;
use crate::delivered::Delivered;
use crate::raw::{self, RawError};
use crate::stream::{StreamError, describe};

/// A stream that can be read from any sequence on.
#[derive(Debug, Clone)]
pub struct Log {
    client: Client,
    jetstream: Context,
    stream: String,
    most_per_second: Option<NonZero<u32>>,
}

/// What a stream holds: its sequences from the first to the last. An empty stream's first is one above its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The sequence of its first message.
    pub first: u64,
    /// The sequence given last.
    pub last: u64,
}

/// A message as the stream holds it.
#[derive(Debug, Clone)]
pub struct LogMessage {
    /// Its place in the stream.
    pub sequence: u64,
    /// When the server stored it: milliseconds since the Unix epoch.
    pub stored_ms: u64,
    /// Its subject.
    pub subject: Subject,
    /// Its headers, without those that no client can read.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl From<Delivered> for LogMessage {
    fn from(delivered: Delivered) -> Self {
        Self {
            sequence: delivered.sequences.stream,
            stored_ms: delivered.stored_at_ms(),
            subject: delivered.subject,
            headers: delivered.headers.unwrap_or_default(),
            body: delivered.body,
        }
    }
}

/// Why the stream can't be read, or not any further.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// There is no such stream.
    #[error("there is no stream {stream:?}")]
    Missing {
        /// The stream.
        stream: String,
    },
    /// It was deleted and made again while it was read.
    #[error("stream {stream:?} was replaced by another one before sequence {sequence} was read")]
    Replaced {
        /// The stream.
        stream: String,
        /// The sequence to be read next.
        sequence: u64,
    },
    /// It lost its end while it was read.
    #[error("stream {stream:?} ends at {last} now, and ended at {expected} or later when reading began")]
    Truncated {
        /// The stream.
        stream: String,
        /// Its last sequence.
        last: u64,
        /// The sequence that was to be read last.
        expected: u64,
    },
    /// Nothing could be read for too long, whatever was tried.
    #[error("stream {stream:?} can't be read from sequence {sequence} on, tried for {seconds} s: {why}")]
    Stuck {
        /// The stream.
        stream: String,
        /// The sequence to be read next.
        sequence: u64,
        /// How long it was tried.
        seconds: u64,
        /// What failed last.
        why: String,
    },
    /// The server did not describe the stream.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The server did not give a message.
    #[error(transparent)]
    Raw(#[from] RawError),
}

impl Log {
    /// The log that this stream is. The client has to connect again by itself, as it does by default, and its
    /// subscriptions have to hold 65,536 messages, as they do by default.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(client: Client, stream: &str) -> Self {
        let jetstream = jetstream::new(client.clone());
        Self { jetstream, client, stream: stream.to_owned(), most_per_second: None }
    }

    /// The same log, read so slowly that others find the server free: so many messages in a second at the most, few at once.
    pub fn at_most(self, messages_per_second: NonZero<u32>) -> Self {
        Self { most_per_second: Some(messages_per_second), ..self }
    }

    /// What the stream holds now.
    pub async fn bounds(&self) -> Result<Bounds, LogError> {
        Ok(self.found().await?.bounds)
    }

    /// The message at a sequence; `None` if there is none.
    pub async fn at(&self, sequence: u64) -> Result<Option<LogMessage>, LogError> {
        Ok(raw::at(&self.jetstream, &self.stream, sequence).await?.map(LogMessage::from))
    }

    /// The sequence up to which everything was stored at that time (milliseconds since the Unix epoch) or before, and
    /// after which everything was stored later. Needs the server's clock to have gone forward only; where it did not,
    /// the answer is one of the places where the time was passed.
    pub async fn sequence_at(&self, time_ms: u64) -> Result<u64, LogError> {
        let Bounds { first, last } = self.bounds().await?;
        // All up to `low` is early enough, all after `high` is not.
        let (mut low, mut high) = (first.saturating_sub(1), last);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match raw::at_or_after(&self.jetstream, &self.stream, middle).await? {
                Some(found) if found.stored_at_ms() <= time_ms => low = found.sequences.stream.min(high),
                _ => high = middle - 1,
            }
        }
        Ok(low)
    }

    /// All messages from one sequence to another, both included, or to what is the stream's last one when reading
    /// begins. They come in order, each once, over as many connections and consumers as it takes, whether the server
    /// can deliver them or not. Sequences that are missing in the stream are passed over: a jump from one message to
    /// the next is never one of the delivery. After an error nothing follows.
    pub fn read(
        &self,
        from: u64,
        to: u64,
    ) -> impl Stream<Item = Result<LogMessage, LogError>> + Send + use<> {
        futures::stream::try_unfold(Reading::new(self.clone(), from, to), Reading::next)
    }

    async fn found(&self) -> Result<Found, LogError> {
        let info = describe(&self.jetstream, &self.stream).await?;
        let info = info.ok_or_else(|| LogError::Missing { stream: self.stream.clone() })?;
        // Of a stream that never had a message the server says that the first is 0.
        let bounds = Bounds { first: info.state.first_sequence.max(1), last: info.state.last_sequence };
        Ok(Found { created_ns: info.created.unix_timestamp_nanos(), bounds })
    }
}

/// The stream as the server describes it.
#[derive(Debug, Clone, Copy)]
struct Found {
    created_ns: i128,
    bounds: Bounds,
}
