//! A whole log from its first event until all of it is counted and on disk, against a bare pull of
//! the same log.

use std::fs::File;
use std::io::Read;

use anyhow::Result;
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bench::counted::{ID_CACHE_BYTES, options};
use bench::scratch;
use events::{Line, encode_message_pack};
use flate2::read::GzDecoder;
use xtask::NatsServer;

use crate::Scale;
use crate::side_by_side::{Bar, Comparison, Sample, Table};
use crate::stream::{PREFIX, Until, bare_pull, consume, create};

const ARCHIVE: &str = "../shared/data/lean-chat-2018-2020.ndjson.gz";
const TENANTS: usize = 10;
const TITLE: &str = "Replay";

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let Some(lines) = archive()? else {
        let skipped = format!("Skipped: the real chat is not there, expected at {ARCHIVE}.");
        return Ok(Table { notes: vec![skipped], ..Table::new(TITLE) });
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let server = NatsServer::start(&xtask::Options::default())?;
    let events = runtime.block_on(publish(&server, &lines, scale))?;
    let comparison = Comparison::run(
        "the real chat under ten tenant names until durable, against a bare pull",
        Bar::RateAtLeast(0.65),
        scale.rounds,
        || runtime.block_on(bare_pull(&server, 0, events)),
        || runtime.block_on(replay(&server, events)),
    )?;
    let notes = vec![format!("{events} events, MessagePack, each with a Nats-Msg-Id.")];
    Ok(Table { comparisons: vec![comparison], notes, ..Table::new(TITLE) })
}

fn archive() -> Result<Option<String>> {
    let Ok(file) = File::open(xtask::root().join(ARCHIVE)) else { return Ok(None) };
    let mut lines = String::new();
    GzDecoder::new(file).read_to_string(&mut lines)?;
    Ok(Some(lines))
}

/// The chat as it happens to ten tenants at once: each event under each name before the next one.
async fn publish(server: &NatsServer, lines: &str, scale: Scale) -> Result<usize> {
    let mut publisher = create(server).await?;
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
            publisher.publish_message(subject, headers, body.clone()).await?;
        }
    }
    publisher.stored().await?;
    Ok(sent)
}

/// The service's consumer, from nothing.
async fn replay(server: &NatsServer, events: usize) -> Result<Sample> {
    let directory = scratch::directory()?;
    let options = options(directory.path(), 10_000, ID_CACHE_BYTES);
    Ok(consume(server, &options, events, Until::Durable).await?.0)
}
