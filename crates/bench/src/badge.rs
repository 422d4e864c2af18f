//! A badge reads two numbers a room, never messages: it costs the same after any history.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use bench::counted::{Commits, Counted, ID_CACHE_BYTES, TENANT, joined, options, posted, tagged};
use bench::scratch;
use counters::{MutedRooms, Reader};
use store::Metrics;

use crate::Scale;
use crate::plot::{self, Curve, Curves, Form, Plot};
use crate::side_by_side::{Bar, Comparison, Sample, Table, grouped};

const ROOMS: usize = 50;
const BADGES_A_SAMPLE: usize = 500_000;
const FEW_POSTS: usize = 10;
const MANY_POSTS: [usize; 4] = [1_000, 100_000, 1_000_000, 10_000_000];
const MOST_COST: f64 = 1.1;

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
    let short = after(FEW_POSTS)?;
    let mut table = Table::new("A badge by length of history");
    let mut curves = [Curve::from_one("without tags"), Curve::from_one("with two tags")];
    for posts in MANY_POSTS {
        let long = after(posts)?;
        for (tags, filter, curve) in [(&[][..], "", 0), (&["work", "open"], ", with two tags", 1)] {
            let comparison = Comparison::run(
                &format!(
                    "a badge over {ROOMS} rooms after {} posts, against {FEW_POSTS}{filter}",
                    grouped(posts)
                ),
                Bar::CostAtMost(MOST_COST),
                scale.rounds,
                || Ok(sample(&short, tags)),
                || Ok(sample(&long, tags)),
            )?;
            curves[curve].points.push(comparison.ratios());
            table.comparisons.push(comparison);
        }
    }
    let histories = [FEW_POSTS].into_iter().chain(MANY_POSTS);
    table.plots.push(Plot {
        name: "badge-by-history",
        title: "Cost of a badge over 50 rooms, by messages in history".to_owned(),
        form: Form::Curves(Curves {
            across: "messages in the history of the rooms".to_owned(),
            labels: histories.map(grouped).collect(),
            up: format!("times the cost after {FEW_POSTS} messages"),
            scale: plot::Scale::Linear,
            curves: curves.into(),
            promised: Some(MOST_COST),
        }),
    });
    Ok(table)
}
