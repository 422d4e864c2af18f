//! What sessions need of a server. NATS is one; the simulation's is another, which does whatever a
//! server may do.

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use futures::Stream;
use futures::StreamExt as _;
use futures::stream::Map;
use std::time::Duration;
use store::{Position, StreamIdentity};

use crate::delivered::Delivered;
use crate::error::ConsumerError;
use crate::identity::{Found, StreamFacts};
use crate::link::{Connection, Link};
use crate::raw::{self, RawError};
use crate::session::Failure;
use crate::settings::Settings;
use crate::stream::{StreamError, create_streams, describe};

/// Messages asked for at once. The client may hold one and a half times as many.
const PULL_MESSAGES: usize = 20_000;
/// Bytes asked for at once, if that is enough for two messages of the largest size that the server takes: it would not
/// deliver one that is larger. The client may hold one and a half times as many.
const PULL_BYTES: usize = 32 << 20;
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// Silence for twice as long means that the consumer is gone.
const PULL_HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the server keeps a consumer that nobody asks.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(5 * 60);

/// A stream, as the server describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Description {
    /// Nanoseconds since the Unix epoch.
    pub(crate) created_ns: i64,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
}

/// A server, over a connection that makes itself again.
pub(crate) trait Server {
    /// Tells one connection from another.
    type Connection: Copy;
    /// An ephemeral consumer. It goes with its stream.
    type Consumer;
    /// What a consumer delivers.
    type Messages: Stream<Item = Result<Delivered, Failure>> + Unpin;

    /// Waits for a connection to a server that can be used.
    async fn up(&self) -> Result<Self::Connection, ConsumerError>;

    /// Waits until there is a newer connection than this one.
    async fn replaced(&self, old: Self::Connection);

    /// Creates the streams of events and of dead letters, each if it is missing.
    async fn create_streams(&self, settings: &Settings) -> Result<(), StreamError>;

    /// `None` if there is no such stream.
    async fn describe(&self, stream: &str) -> Result<Option<Description>, StreamError>;

    /// The message at a sequence; `None` if there is none.
    async fn at(&self, stream: &str, sequence: u64) -> Result<Option<Delivered>, RawError>;

    /// The first message at a sequence or after it; `None` if there is none.
    async fn at_or_after(&self, stream: &str, sequence: u64) -> Result<Option<Delivered>, RawError>;

    /// A new consumer of all messages from a sequence on.
    async fn consumer(&self, stream: &str, start_sequence: u64) -> Result<Self::Consumer, Failure>;

    /// Begins to ask for messages.
    async fn messages(
        &self,
        consumer: &Self::Consumer,
        most_at_once: usize,
    ) -> Result<Self::Messages, Failure>;
}

/// What is to be known to say whether this is the stream that was counted up to that position.
pub(crate) async fn facts(
    server: &impl Server,
    stream: &str,
    position: &Position,
) -> Result<StreamFacts, StreamError> {
    let Some(described) = server.describe(stream).await? else { return Ok(StreamFacts::Missing) };
    let Description { created_ns, first_sequence, last_sequence } = described;
    let applied = position.applied;
    let at_applied = if (first_sequence..=last_sequence).contains(&applied) && position.fingerprint.is_some()
    {
        server.at(stream, applied).await?
    } else {
        None
    };
    let next = if last_sequence > applied { server.at_or_after(stream, applied + 1).await? } else { None };
    Ok(StreamFacts::Found(Found {
        identity: StreamIdentity { name: stream.to_owned(), created_ns },
        first_sequence,
        last_sequence,
        at_applied: at_applied.as_ref().map(Delivered::fingerprint),
        next: next.map(|message| message.sequences.stream),
    }))
}

type Pulled = Result<async_nats::jetstream::Message, pull::MessagesError>;
/// What a consumer of NATS delivers.
pub(crate) type PulledMessages = Map<pull::Stream, fn(Pulled) -> Result<Delivered, Failure>>;

fn delivered(pulled: Pulled) -> Result<Delivered, Failure> {
    Delivered::from_message(pulled?).ok_or(Failure::Reply)
}

impl Server for Link {
    type Connection = Connection;
    type Consumer = PullConsumer;
    type Messages = PulledMessages;

    async fn up(&self) -> Result<Connection, ConsumerError> {
        Self::up(self).await
    }

    async fn replaced(&self, old: Connection) {
        Self::replaced(self, old).await;
    }

    async fn create_streams(&self, settings: &Settings) -> Result<(), StreamError> {
        create_streams(&self.jetstream, &settings.stream, &settings.subject_prefix).await
    }

    async fn describe(&self, stream: &str) -> Result<Option<Description>, StreamError> {
        let Some(info) = describe(&self.jetstream, stream).await? else { return Ok(None) };
        let created_ns = i64::try_from(info.created.unix_timestamp_nanos())
            .map_err(|_| StreamError::Created { stream: stream.to_owned() })?;
        let (first_sequence, last_sequence) = (info.state.first_sequence, info.state.last_sequence);
        Ok(Some(Description { created_ns, first_sequence, last_sequence }))
    }

    async fn at(&self, stream: &str, sequence: u64) -> Result<Option<Delivered>, RawError> {
        raw::at(&self.jetstream, stream, sequence).await
    }

    async fn at_or_after(&self, stream: &str, sequence: u64) -> Result<Option<Delivered>, RawError> {
        raw::at_or_after(&self.jetstream, stream, sequence).await
    }

    async fn consumer(&self, stream: &str, start_sequence: u64) -> Result<PullConsumer, Failure> {
        pull_consumer(&self.jetstream, stream, start_sequence).await
    }

    async fn messages(
        &self,
        consumer: &PullConsumer,
        most_at_once: usize,
    ) -> Result<PulledMessages, Failure> {
        pull(&self.client, consumer, most_at_once).await
    }
}

/// A new ephemeral consumer of all messages from a sequence on.
pub(crate) async fn pull_consumer(
    jetstream: &Context,
    stream: &str,
    start_sequence: u64,
) -> Result<PullConsumer, Failure> {
    let config = pull::Config {
        description: Some("tallymark".to_owned()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
        ack_policy: AckPolicy::None,
        max_deliver: 1,
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: INACTIVE_THRESHOLD,
        ..pull::Config::default()
    };
    jetstream.create_consumer_on_stream(config, stream).await.map_err(Failure::Create)
}

/// Begins to ask a consumer for messages, so many at once at the most.
pub(crate) async fn pull(
    client: &Client,
    consumer: &PullConsumer,
    most_at_once: usize,
) -> Result<PulledMessages, Failure> {
    let bytes = PULL_BYTES.max(client.max_payload().saturating_mul(2));
    let most = most_at_once.min(PULL_MESSAGES);
    let builder = consumer.stream().max_messages_per_batch(most).max_bytes_per_batch(bytes);
    let messages = builder.expires(PULL_EXPIRES).heartbeat(PULL_HEARTBEAT).messages().await?;
    Ok(messages.map(delivered as fn(Pulled) -> Result<Delivered, Failure>))
}
