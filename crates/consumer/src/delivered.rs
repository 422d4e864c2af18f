//! One message of the stream, on its way from the puller to the applier.

use async_nats::{HeaderMap, Subject};
use bytes::Bytes;

use crate::fingerprint::fingerprint;
use crate::intake::Sequences;

#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) sequences: Sequences,
    /// When the server stored it: nanoseconds since the Unix epoch.
    pub(crate) stored_at_ns: i64,
    pub(crate) subject: Subject,
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) body: Bytes,
}

/// What a message takes in memory beside its subject, headers and body, roughly.
const OVERHEAD_BYTES: usize = 512;
/// What a header takes beside its name and its value, roughly.
const HEADER_BYTES: usize = 64;

impl Delivered {
    /// Takes what a consumer delivered; `None` if its reply subject is not of the form that the
    /// server gives to deliveries.
    pub(crate) fn from_message(message: async_nats::jetstream::Message) -> Option<Self> {
        let (sequences, published) = {
            let info = message.info().ok()?;
            let sequences = Sequences {
                stream: info.stream_sequence,
                consumer: info.consumer_sequence,
                pending: info.pending,
            };
            (sequences, info.published)
        };
        let stored_at_ns = i64::try_from(published.unix_timestamp_nanos()).ok()?;
        let async_nats::Message { subject, headers, payload, .. } = message.message;
        Some(Self { sequences, stored_at_ns, subject, headers, body: payload })
    }

    pub(crate) fn stored_at_ms(&self) -> u64 {
        u64::try_from(self.stored_at_ns / 1_000_000).unwrap_or(0)
    }

    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        fingerprint(&self.subject, self.stored_at_ns, self.headers(), &self.body)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let headers = self.headers().map(|(name, value)| HEADER_BYTES + name.len() + value.len());
        OVERHEAD_BYTES + self.subject.len() + self.body.len() + headers.sum::<usize>()
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter().flat_map(HeaderMap::iter);
        headers.flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values.iter().map(move |value| (name, value.as_str()))
        })
    }
}
