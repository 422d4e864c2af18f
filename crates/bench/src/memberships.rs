//! Ten million memberships: what they take of memory and disk, and how long a restart takes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use bench::counted::TENANT;
use bench::scratch;
use events::{Body, History, Id, MessagePosted, MessageRead, RoomJoined};
use tests::{Nats, Service, Settings};

use crate::Scale;
use crate::opening::{FreeMemory, Opening, generation};
use crate::resident::resident_bytes;
use crate::side_by_side::{Bar, Comparison, Table, grouped};
use crate::stream::Publisher;

const USERS: usize = 200_000;
const ROOMS_A_USER: usize = 50;
const MEMBERS_A_ROOM: usize = 100;
/// Read by every member, which moves their cursors.
const READ_POSTS: usize = 3;
/// One member in 50 posts after that, so that numbers of theirs are kept.
const POSTING_MEMBERS: usize = MEMBERS_A_ROOM / 50;
const OWN_POSTS: usize = 5;
/// For memory that is given back only after a while: single runs found 28.2 bytes a membership after 3 seconds, 24.6 after 12.
const SETTLING: Duration = Duration::from_secs(12);

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let users = scale.of(USERS);
    let (rooms, memberships) = (users * ROOMS_A_USER / MEMBERS_A_ROOM, users * ROOMS_A_USER);
    let nats = Nats::start();
    let mut service = Service::at(Settings::new(&nats, &[TENANT]), scratch::directory()?);
    service.executable = Some(xtask::target().join("release/tallymark"));
    service.restart();
    service.ready();
    let empty = resident_bytes(service.process_id())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(publish_all(&nats, users, rooms))?;
    let last = nats.last_sequence(Nats::STREAM);
    counted(&service, last);
    std::thread::sleep(SETTLING);
    let live = resident_bytes(service.process_id())?;
    let running_disk = bytes_below(&generation(&service.data_dir())?)?;
    service.terminate();
    let disk = bytes_below(&generation(&service.data_dir())?)?;
    service.restart();
    service.ready();
    std::thread::sleep(SETTLING);
    let restarted = resident_bytes(service.process_id())?;
    service.terminate();

    let data_dir = service.data_dir();
    let compare = |memory, bar, what: &str| {
        let count = memberships as u64;
        Comparison::run(
            &format!(
                "opening a store of {} memberships, against a bare scan of its rows{what}",
                grouped(memberships)
            ),
            bar,
            scale.rounds.min(MOST_ROUNDS),
            || Opening::Scan.sample(&data_dir, memory, |bytes| bytes > count),
            || Opening::Open.sample(&data_dir, memory, |found| found == count),
        )
    };
    let comparisons = vec![
        compare(FreeMemory::JustFreed, Bar::CostAtMost(2.0), "")?,
        compare(FreeMemory::AsItIs, Bar::Cost, ", in memory that may have to come from the machine's host")?,
    ];
    #[allow(clippy::cast_precision_loss, reason = "bytes in memory are far below 2^52")]
    let each = |bytes: u64| bytes as f64 / memberships as f64;
    let notes = vec![
        format!(
            "{} memberships of {} users in {} rooms, each with a cursor that was moved, one in 50 with five own numbers, \
             after {} events; ids of 20 bytes, default settings.",
            grouped(memberships),
            grouped(users),
            grouped(rooms),
            grouped(usize::try_from(last)?),
        ),
        "| bytes a membership | | promised |\n|---|---:|---:|".to_owned()
            + &format!(
                "\n| memory after a restart, less an empty service's | {:.1} | ≤ 18 |",
                each(restarted.saturating_sub(empty))
            )
            + &format!(
                "\n| memory after all of it was consumed, less an empty service's | {:.1} | ≤ 28 |",
                each(live.saturating_sub(empty))
            )
            + &format!("\n| the store on disk after an orderly end | {:.1} | ≤ 40 |", each(disk))
            + &format!(
                "\n| the same before it, after all of it was consumed | {:.1} | |",
                each(running_disk)
            ),
    ];
    Ok(Table { comparisons, notes, ..Table::new("Ten million memberships") })
}

/// Each takes some ten seconds.
const MOST_ROUNDS: usize = 5;

/// Everybody joins and reads, and some post.
async fn publish_all(nats: &Nats, users: usize, rooms: usize) -> Result<()> {
    let mut publisher = Publisher::connect(&nats.url()).await?;
    for room in 0..rooms {
        let members = members(room, users).map(user).collect();
        let joined = RoomJoined { room: id("room", room), users: members, history: History::None };
        publisher.publish(&Body::RoomJoined(joined)).await?;
    }
    for room in 0..rooms {
        for number in 0..READ_POSTS {
            publisher.publish(&post(room, number, id("outsider", 0))).await?;
        }
    }
    for room in 0..rooms {
        for member in members(room, users) {
            let read = MessageRead { room: id("room", room), user: user(member), upto: None };
            publisher.publish(&Body::MessageRead(read)).await?;
        }
    }
    for room in 0..rooms {
        for (place, member) in members(room, users).take(POSTING_MEMBERS).enumerate() {
            for number in 0..OWN_POSTS {
                let number = READ_POSTS + place * OWN_POSTS + number;
                publisher.publish(&post(room, number, user(member))).await?;
            }
        }
    }
    publisher.stored().await
}

/// A room's members are spread over all users, and each user is in as many rooms.
fn members(room: usize, users: usize) -> impl Iterator<Item = usize> {
    let step = users / MEMBERS_A_ROOM;
    (0..MEMBERS_A_ROOM).map(move |place| (room + place * step) % users)
}

fn post(room: usize, number: usize, sender: Id<'static>) -> Body<'static> {
    Body::MessagePosted(MessagePosted {
        room: id("room", room),
        message: id("message", room * 100 + number),
        sender,
        at: None,
        silent: false,
        mentions: Vec::new(),
        mention_all: false,
    })
}

fn user(number: usize) -> Id<'static> {
    id("user", number)
}

/// An id of 20 bytes.
fn id(kind: &str, number: usize) -> Id<'static> {
    Id::new(format!("{kind}-{number:0width$}", width = 19 - kind.len())).expect("it is an id")
}

/// Waits until everything is on disk, which may take minutes.
fn counted(service: &Service, last: u64) {
    while service.metrics().sum("tallymark_durable_sequence") < last {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn bytes_below(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        sum +=
            if entry.file_type()?.is_dir() { bytes_below(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}
