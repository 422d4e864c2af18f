//! A post touches one room, not its members: it costs the same in a room of any size.

use std::time::Instant;

use anyhow::Result;
use store::Metrics;

use crate::Scale;
use crate::counted::{Counted, ID_CACHE_BYTES, joined, options, posted};
use crate::scratch;
use crate::side_by_side::{Bar, Comparison, Sample, Table};

const POSTS_A_SAMPLE: usize = 50_000;
const USERS_AN_EVENT: usize = 10_000;
const SIZES: [usize; 3] = [2, 1_000, 100_000];

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let directory = scratch::directory()?;
    let mut counted = Counted::open(&options(directory.path(), 10_000, ID_CACHE_BYTES), &Metrics::default())?;
    for size in SIZES {
        let users: Vec<usize> = (0..size).collect();
        for users in users.chunks(USERS_AN_EVENT) {
            counted.apply(&joined(&room(size), users.iter().map(|user| member(size, *user)))?)?;
        }
    }
    counted.finish()?;
    let counted = std::cell::RefCell::new((counted, 0));
    let sample = |size: usize, senders: usize| {
        let (counted, message) = &mut *counted.borrow_mut();
        sample(counted, message, size, senders)
    };
    let mut comparisons = Vec::new();
    for (what, size, senders) in [
        ("1,000 members, two of them posting, against 2 members", 1_000, 2),
        ("100,000 members, two of them posting, against 2 members", 100_000, 2),
        ("100,000 members, 1,000 of them posting, against 1,000 members, all posting", 100_000, 1_000),
    ] {
        let a = if senders == 2 { 2 } else { 1_000 };
        let bar = Bar::CostAtMost(1.2);
        comparisons.push(Comparison::run(
            what,
            bar,
            scale.rounds,
            || sample(a, senders),
            || sample(size, senders),
        )?);
    }
    Ok(Table { title: "A post by size of room", comparisons, notes: Vec::new() })
}

fn room(size: usize) -> String {
    format!("room-of-{size}")
}

fn member(size: usize, user: usize) -> String {
    format!("member-{user}-of-{size}")
}

/// Posts by the room's first `senders` members in turn, until they are on disk.
fn sample(counted: &mut Counted, message: &mut usize, size: usize, senders: usize) -> Result<Sample> {
    let mut events = Vec::with_capacity(POSTS_A_SAMPLE);
    for _ in 0..POSTS_A_SAMPLE {
        *message += 1;
        events.push(posted(&room(size), *message, &member(size, *message % senders))?);
    }
    let start = Instant::now();
    for event in &events {
        counted.apply(event)?;
    }
    counted.finish()?;
    Ok(Sample { count: events.len(), time: start.elapsed() })
}
