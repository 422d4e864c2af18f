//! A whole log from its first event until all of it is counted and on disk, against a bare pull of
//! the same log.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, HeaderMap};
use consumer::{IDENTITY_CHECK_INTERVAL, Requests, Settings, Status};
use events::{Line, Prefix, encode_message_pack};
use flate2::read::GzDecoder;
use futures::StreamExt as _;
use store::{Metrics, Store};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use xtask::NatsServer;

use crate::Scale;
use crate::counted::{COMMIT_INTERVAL, ID_CACHE_BYTES, PENDING_BYTES, options};
use crate::scratch;
use crate::side_by_side::{Bar, Comparison, Sample, Table};

const ARCHIVE: &str = "../shared/data/lean-chat-2018-2020.ndjson.gz";
const TENANTS: usize = 10;
const STREAM: &str = "CHAT";
const PREFIX: &str = "chat";
const TITLE: &str = "Replay";
/// What the service's consumer asks for at once.
const PULL_MESSAGES: usize = 20_000;
const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// So many events are sent before the server is asked whether it has them.
const PUBLISH_CHUNK: usize = 20_000;
const DURABLE_LOOK: Duration = Duration::from_millis(1);

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let Some(lines) = archive()? else {
        let skipped = format!("Skipped: the real chat is not there, expected at {ARCHIVE}.");
        return Ok(Table { title: TITLE, comparisons: Vec::new(), notes: vec![skipped] });
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let server = NatsServer::start(&xtask::Options::default())?;
    let events = runtime.block_on(publish(&server, &lines, scale))?;
    let comparison = Comparison::run(
        "the real chat under ten tenant names until durable, against a bare pull",
        Bar::RateAtLeast(0.4),
        scale.rounds,
        || runtime.block_on(bare_pull(&server, events)),
        || runtime.block_on(replay(&server, events)),
    )?;
    let notes = vec![format!("{events} events, MessagePack, each with a Nats-Msg-Id.")];
    Ok(Table { title: TITLE, comparisons: vec![comparison], notes })
}

fn archive() -> Result<Option<String>> {
    let Ok(file) = File::open(xtask::root().join(ARCHIVE)) else { return Ok(None) };
    let mut lines = String::new();
    GzDecoder::new(file).read_to_string(&mut lines)?;
    Ok(Some(lines))
}

async fn connect(server: &NatsServer) -> Result<(Client, Context)> {
    let options = ConnectOptions::new().subscription_capacity(SUBSCRIPTION_CAPACITY);
    let client = options.connect(server.url()).await?;
    Ok((client.clone(), jetstream::new(client)))
}

/// The chat as it happens to ten tenants at once: each event under each name before the next one.
async fn publish(server: &NatsServer, lines: &str, scale: Scale) -> Result<usize> {
    let (client, jetstream) = connect(server).await?;
    let config = Config {
        name: STREAM.to_owned(),
        subjects: vec![format!("{PREFIX}.>")],
        storage: StorageType::File,
        // Nothing is sent twice here, and remembering millions of ids would slow the server.
        duplicate_window: Duration::from_secs(1),
        ..Config::default()
    };
    let mut stream = jetstream.create_stream(config).await?;
    let mut sent = 0;
    let lines: Vec<&str> = lines.lines().collect();
    for line in &lines[..scale.of(lines.len()).min(lines.len())] {
        let line = Line::parse(line)?;
        let body: bytes::Bytes = encode_message_pack(&line.body).into();
        for tenant in 0..TENANTS {
            sent += 1;
            let mut headers = HeaderMap::new();
            headers.insert(NATS_MESSAGE_ID, format!("bench:{sent}"));
            let subject = format!("{PREFIX}.tenant-{tenant}.{}", line.body.kind());
            client.publish_with_headers(subject, headers, body.clone()).await?;
            if sent % PUBLISH_CHUNK == 0 {
                stored(&client, &mut stream, sent).await?;
            }
        }
    }
    stored(&client, &mut stream, sent).await?;
    Ok(sent)
}

async fn stored(client: &Client, stream: &mut jetstream::stream::Stream, sent: usize) -> Result<()> {
    client.flush().await?;
    while stream.info().await?.state.last_sequence < sent as u64 {
        tokio::time::sleep(DURABLE_LOOK).await;
    }
    Ok(())
}

/// What the service's consumer asks of the server, and nothing done with what comes.
async fn bare_pull(server: &NatsServer, events: usize) -> Result<Sample> {
    let (_client, jetstream) = connect(server).await?;
    let start = Instant::now();
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 1 },
        ack_policy: AckPolicy::None,
        max_deliver: 1,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let consumer = jetstream.create_consumer_on_stream(config, STREAM).await?;
    let pull = consumer.stream().max_messages_per_batch(PULL_MESSAGES);
    let pull = pull.expires(Duration::from_secs(30)).heartbeat(Duration::from_secs(5));
    let mut messages = pull.messages().await?;
    for _ in 0..events {
        messages.next().await.context("the stream ended early")??;
    }
    Ok(Sample { count: events, time: start.elapsed() })
}

/// The service's consumer, from nothing.
async fn replay(server: &NatsServer, events: usize) -> Result<Sample> {
    let directory = scratch::directory()?;
    let options = options(directory.path(), 10_000, ID_CACHE_BYTES);
    let (store, counters) = Store::open(&options, &Metrics::default())?;
    let durable = store.durable();
    let settings = Settings {
        servers: vec![server.url().parse()?],
        stream: STREAM.to_owned(),
        subject_prefix: Prefix::new(PREFIX)?,
        create_stream: false,
        allow_restored_stream: false,
        accepted_gaps: Vec::new(),
        commit_interval: COMMIT_INTERVAL,
        pending_bytes: PENDING_BYTES,
        // The service's default: longer than a replay takes here.
        snapshot_interval: Some(Duration::from_secs(900)),
        identity_check_interval: IDENTITY_CHECK_INTERVAL,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        // Dropping the sender ends it just as well.
        let _ = stopped.await;
    };
    let (_nobody, snapshots) = unbounded_channel();
    let start = Instant::now();
    let running = tokio::spawn(consumer::run(
        settings,
        ConnectOptions::new(),
        store,
        counters,
        Status::new(|_| {}),
        consumer::Metrics::default(),
        Requests { shutdown, snapshots },
    ));
    while durable.sequence() < events as u64 && !running.is_finished() {
        tokio::time::sleep(DURABLE_LOOK).await;
    }
    let time = start.elapsed();
    drop(stop);
    let reached = running.await??.durable_sequence;
    ensure!(reached == events as u64, "{reached} of {events} events were counted");
    Ok(Sample { count: events, time })
}
