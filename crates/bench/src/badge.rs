//! A badge reads two numbers a room, never messages: it costs the same after any history.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use counters::{MutedRooms, Reader};
use store::Metrics;

use crate::Scale;
use crate::counted::{Commits, Counted, ID_CACHE_BYTES, TENANT, joined, options, posted, tagged};
use crate::scratch;
use crate::side_by_side::{Bar, Comparison, Sample, Table};

const ROOMS: usize = 50;
const BADGES_A_SAMPLE: usize = 500_000;

/// The user's rooms after so many posts.
fn after(posts: usize) -> Result<Reader> {
    let directory = scratch::directory()?;
    let mut counted = Counted::open(&options(directory.path(), 10_000, ID_CACHE_BYTES), &Metrics::default())?;
    for room in 0..ROOMS {
        counted.apply(&joined(&name(room), ["ann", "bob"].map(str::to_owned).into_iter())?)?;
        let tags = if room % 2 == 0 { &["work", "open"][..] } else { &["work"] };
        counted.apply(&tagged(&name(room), tags)?)?;
    }
    for message in 0..posts {
        counted.apply(&posted(&name(message % ROOMS), message, "bob")?)?;
        counted.commit_if_due(Commits::WhenFull)?;
    }
    let reader = counted.counters.reader();
    let badge = reader.badge(TENANT, "ann", &[], MutedRooms::Count).count;
    ensure!(badge == posts as u64, "the badge is {badge} after {posts} posts");
    Ok(reader)
}

fn name(room: usize) -> String {
    format!("room-{room}")
}

fn sample(reader: &Reader, tags: &[&str]) -> Sample {
    let start = Instant::now();
    for _ in 0..BADGES_A_SAMPLE {
        black_box(reader.badge(black_box(TENANT), black_box("ann"), black_box(tags), MutedRooms::Count));
    }
    Sample { count: BADGES_A_SAMPLE, time: start.elapsed() }
}

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let (short, long) = (after(10)?, after(1_000_000)?);
    let mut comparisons = Vec::new();
    for (what, tags) in [
        ("a badge over 50 rooms, after 1,000,000 posts against 10", &[][..]),
        ("the same with two tags", &["work", "open"]),
    ] {
        let (a, b) = (|| Ok(sample(&short, tags)), || Ok(sample(&long, tags)));
        comparisons.push(Comparison::run(what, Bar::CostAtMost(1.1), scale.rounds, a, b)?);
    }
    Ok(Table { title: "A badge by length of history", comparisons, notes: Vec::new() })
}
