//! A lost store, until the service is ready again: from a snapshot and the events after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bench::counted::{ID_CACHE_BYTES, options};
use bench::scratch;
use events::{Body, Id, MessagePosted, RoomJoined};
use xtask::NatsServer;

use crate::Scale;
use crate::side_by_side::{Bar, Comparison, Sample, Table};
use crate::stream::{Publisher, Until, bare_pull, consume, create};

const ROOMS: usize = 5_000;
const MEMBERS_A_ROOM: usize = 200;
const USERS: usize = 20_000;
/// Before the snapshot.
const POSTS: usize = 100_000;
/// After it.
const TAIL: usize = 100_000;

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let server = NatsServer::start(&xtask::Options::default())?;
    let (rooms, tail) = (scale.of(ROOMS), scale.of(TAIL));
    let counted = rooms + scale.of(POSTS);
    let directory = scratch::directory()?;
    let snapshot = runtime.block_on(prepare(&server, directory.path(), rooms, counted))?;
    runtime.block_on(publish_posts(&server, rooms, counted + 1..=counted + tail))?;
    let bytes = fs::metadata(&snapshot)?.len();
    let comparison = Comparison::run(
        "until ready, against a bare read of the snapshot and a bare pull of the tail",
        Bar::CostAtMost(3.0),
        scale.rounds,
        || {
            let start = Instant::now();
            let read = fs::read(&snapshot)?.len();
            ensure!(read as u64 == bytes, "the snapshot was read in part");
            let read = start.elapsed();
            let pulled = runtime.block_on(bare_pull(&server, counted as u64, tail))?;
            Ok(Sample { count: 1, time: read + pulled.time })
        },
        || runtime.block_on(recover(&server, &snapshot, counted, counted + tail)),
    )?;
    let notes = vec![format!(
        "{} memberships of {USERS} users, a snapshot of {:.1} MB, {tail} posts after it. The store in memory and the new one \
         on disk are both made from the snapshot.",
        rooms * MEMBERS_A_ROOM,
        bytes as f64 / 1e6,
    )];
    Ok(Table { comparisons: vec![comparison], notes, ..Table::new("Recovery") })
}

/// Counts everything up to the snapshot, and ends in order, which leaves it.
async fn prepare(server: &NatsServer, data_dir: &Path, rooms: usize, counted: usize) -> Result<PathBuf> {
    let mut publisher = create(server).await?;
    for room in 0..rooms {
        let member = |place| Id::new(format!("user-{}", (room * MEMBERS_A_ROOM + place) % USERS));
        let users = (0..MEMBERS_A_ROOM).map(member).collect::<Result<_, _>>()?;
        let joined = RoomJoined { room: id("room", room)?, users, history: events::History::None };
        publisher.publish(&Body::RoomJoined(joined)).await?;
    }
    publisher.stored().await?;
    publish_posts(server, rooms, rooms + 1..=counted).await?;
    consume(server, &options(data_dir, 10_000, ID_CACHE_BYTES), counted, Until::Durable).await?;
    let mut entries = fs::read_dir(data_dir.join("snapshots"))?;
    Ok(entries.next().context("no snapshot was written")??.path())
}

fn id(kind: &str, number: usize) -> Result<Id<'static>> {
    Ok(Id::new(format!("{kind}-{number}"))?)
}

/// A post for each of these sequences.
async fn publish_posts(
    server: &NatsServer,
    rooms: usize,
    sequences: std::ops::RangeInclusive<usize>,
) -> Result<()> {
    let mut publisher = Publisher::connect(&server.url()).await?;
    for sequence in sequences {
        let posted = MessagePosted {
            room: id("room", sequence * 7_919 % rooms)?,
            message: id("message", sequence)?,
            sender: id("user", sequence % USERS)?,
            at: None,
            silent: false,
            mentions: Vec::new(),
            mention_all: false,
        };
        publisher.publish(&Body::MessagePosted(posted)).await?;
    }
    publisher.stored().await
}

async fn recover(server: &NatsServer, snapshot: &Path, counted: usize, last: usize) -> Result<Sample> {
    let directory = scratch::directory()?;
    let shelf = directory.path().join("snapshots");
    fs::create_dir(&shelf)?;
    fs::copy(snapshot, shelf.join(snapshot.file_name().context("a snapshot has a name")?))?;
    let options = options(directory.path(), 10_000, ID_CACHE_BYTES);
    let (sample, from) = consume(server, &options, last, Until::Ready).await?;
    ensure!(from == counted as u64, "recovered from {from}, not from the snapshot");
    Ok(Sample { count: 1, ..sample })
}
