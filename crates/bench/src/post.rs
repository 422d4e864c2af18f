//! A post touches one room, not its members: it costs the same in a room of any size.

use std::time::Instant;

use anyhow::Result;
use bench::counted::{Counted, ID_CACHE_BYTES, joined, options, posted};
use bench::scratch;
use store::Metrics;

use crate::Scale;
use crate::plot::{self, Curve, Curves, Form, Plot};
use crate::side_by_side::{Bar, Comparison, Sample, Table, grouped};

const POSTS_A_SAMPLE: usize = 50_000;
const USERS_AN_EVENT: usize = 10_000;
const SIZES: [usize; 6] = [2, 10, 100, 1_000, 10_000, 100_000];
const MOST_COST: f64 = 1.2;

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
    let compare = |what: &str, [a, b]: [usize; 2], senders: usize| {
        let bar = Bar::CostAtMost(MOST_COST);
        Comparison::run(what, bar, scale.rounds, || sample(a, senders), || sample(b, senders))
    };
    let mut table = Table::new("A post by size of room");
    let mut curve = Curve::from_one("two of them posting");
    for size in &SIZES[1..] {
        let what = format!("{} members, two of them posting, against 2 members", grouped(*size));
        let comparison = compare(&what, [2, *size], 2)?;
        curve.points.push(comparison.ratios());
        table.comparisons.push(comparison);
    }
    let what = "100,000 members, 1,000 of them posting, against 1,000 members, all posting";
    table.comparisons.push(compare(what, [1_000, 100_000], 1_000)?);
    table.plots.push(Plot {
        name: "post-by-room-size",
        title: "Cost of a post, by size of its room".to_owned(),
        form: Form::Curves(Curves {
            across: "members of the room".to_owned(),
            labels: SIZES.map(grouped).into(),
            up: "times the cost with 2 members".to_owned(),
            scale: plot::Scale::Linear,
            curves: vec![curve],
            promised: Some(MOST_COST),
        }),
    });
    Ok(table)
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
