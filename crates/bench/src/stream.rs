//! The stream that benchmarks consume, and its two consumers: a bare pull, and the service's.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, StorageType, Stream};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, HeaderMap};
use bench::counted::{COMMIT_INTERVAL, PENDING_BYTES, TENANT};
use bytes::Bytes;
use consumer::{Duty, IDENTITY_CHECK_INTERVAL, Requests, Settings, Status};
use events::{Body, Prefix, encode_message_pack};
use futures::StreamExt as _;
use store::{Metrics, Options, Store};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use xtask::NatsServer;

use crate::side_by_side::Sample;

const STREAM: &str = "CHAT";
pub(crate) const PREFIX: &str = "chat";
/// What the service's consumer asks for at once.
const PULL_MESSAGES: usize = 20_000;
const PULL_BYTES: usize = 32 << 20;
const SUBSCRIPTION_CAPACITY: usize = 65_536;
const LOOK: Duration = Duration::from_millis(1);

pub(crate) async fn connect(url: &str) -> Result<(Client, Context)> {
    let options = ConnectOptions::new().subscription_capacity(SUBSCRIPTION_CAPACITY);
    let client = options.connect(url).await?;
    Ok((client.clone(), jetstream::new(client)))
}

/// An empty stream. Nothing is sent twice here, and remembering millions of ids would slow the server.
pub(crate) async fn create(server: &NatsServer) -> Result<Publisher> {
    let (client, jetstream) = connect(&server.url()).await?;
    let config = Config {
        name: STREAM.to_owned(),
        subjects: vec![format!("{PREFIX}.>")],
        storage: StorageType::File,
        duplicate_window: Duration::from_secs(1),
        ..Config::default()
    };
    let stream = jetstream.create_stream(config).await?;
    Ok(Publisher { client, stream, last: 0 })
}

/// So many events are sent before the server is asked whether it has them.
const SENT_AT_ONCE: u64 = 20_000;

/// Sends events as fast as the server stores them.
#[derive(Debug)]
pub(crate) struct Publisher {
    client: Client,
    stream: Stream,
    /// The sequence of what was sent last, if nobody else publishes.
    pub(crate) last: u64,
}

impl Publisher {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let (client, jetstream) = connect(url).await?;
        let stream = jetstream.get_stream(STREAM).await?;
        let last = stream.cached_info().state.last_sequence;
        Ok(Self { client, stream, last })
    }

    pub(crate) async fn publish(&mut self, body: &Body<'_>) -> Result<()> {
        let subject = format!("{PREFIX}.{TENANT}.{}", body.kind());
        self.publish_message(subject, HeaderMap::new(), encode_message_pack(body).into()).await
    }

    pub(crate) async fn publish_message(
        &mut self,
        subject: String,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<()> {
        if headers.is_empty() {
            self.client.publish(subject, body).await?;
        } else {
            self.client.publish_with_headers(subject, headers, body).await?;
        }
        self.last += 1;
        if self.last.is_multiple_of(SENT_AT_ONCE) { self.stored().await } else { Ok(()) }
    }

    /// Waits until the server has everything that was sent.
    pub(crate) async fn stored(&mut self) -> Result<()> {
        self.client.flush().await?;
        while self.stream.info().await?.state.last_sequence < self.last {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

/// What the service's consumer asks of the server, and nothing done with what comes.
pub(crate) async fn bare_pull(server: &NatsServer, after: u64, events: usize) -> Result<Sample> {
    let (_client, jetstream) = connect(&server.url()).await?;
    let start = Instant::now();
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
        ack_policy: AckPolicy::None,
        max_deliver: 1,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let consumer = jetstream.create_consumer_on_stream(config, STREAM).await?;
    let pull = consumer.stream().max_messages_per_batch(PULL_MESSAGES).max_bytes_per_batch(PULL_BYTES);
    let pull = pull.expires(Duration::from_secs(30)).heartbeat(Duration::from_secs(5));
    let mut messages = pull.messages().await?;
    for _ in 0..events {
        messages.next().await.context("the stream ended early")??;
    }
    Ok(Sample { count: events, time: start.elapsed() })
}

/// What of a store is awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// Everything is on disk.
    Durable,
    /// Badges are given out.
    Ready,
}

/// The service's store and consumer, from opening the one until the other has come to the last
/// event; the time that took, and the sequence from which it went on.
pub(crate) async fn consume(
    server: &NatsServer,
    options: &Options,
    last: usize,
    until: Until,
) -> Result<(Sample, u64)> {
    let settings = Settings {
        servers: vec![server.url().parse()?],
        stream: STREAM.to_owned(),
        subject_prefix: Prefix::new(PREFIX)?,
        create_stream: false,
        allow_restored_stream: false,
        accepted_gaps: Vec::new(),
        commit_interval: COMMIT_INTERVAL,
        pending_bytes: PENDING_BYTES,
        // The service's default: longer than a benchmark takes.
        snapshot_interval: Some(Duration::from_secs(900)),
        most_events_per_second: None,
        identity_check_interval: IDENTITY_CHECK_INTERVAL,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        // Dropping the sender ends it just as well.
        let _ = stopped.await;
    };
    let (_nobody, snapshots) = unbounded_channel();
    let (_no_one, questions) = unbounded_channel();
    let status = Status::new(|_| {});
    let start = Instant::now();
    let (store, counters) = Store::open(options, &Metrics::default())?;
    let (durable, from) = (store.durable(), counters.applied());
    let running = tokio::spawn(consumer::run(
        settings,
        ConnectOptions::new(),
        store,
        counters,
        status.clone(),
        consumer::Metrics::default(),
        Requests { shutdown, snapshots, questions, duty: Duty::Live.for_ever(), until: None },
    ));
    let is_there = || match until {
        Until::Durable => durable.sequence() >= last as u64,
        Until::Ready => status.snapshot(std::time::SystemTime::now()).not_ready.is_none(),
    };
    while !is_there() && !running.is_finished() {
        tokio::time::sleep(LOOK).await;
    }
    let time = start.elapsed();
    drop(stop);
    let reached = running.await??.durable_sequence;
    ensure!(reached == last as u64, "{reached} of {last} events were counted");
    Ok((Sample { count: last, time }, from))
}
