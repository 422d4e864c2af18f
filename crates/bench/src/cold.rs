//! Posts to rooms whose remembered ids are not in memory: each has to be proved new.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::counted::{Commits, Counted, ID_CACHE_BYTES, Step, options, posted};
use bench::scratch;
use events::Event;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use store::Metrics;
use tempfile::TempDir;

use crate::Scale;
use crate::side_by_side::{Bar, Comparison, Sample, Table};

const IDS_A_ROOM: usize = 1_000;
const PHASES: usize = 64;
const STARTS_AT: usize = PHASES;
/// The metric of the time from handing a commit over until it is on disk.
const WRITING_SECONDS: &str = "commit_duration_seconds_sum";
const FEW_ROOMS: u16 = 100;
const MANY_ROOMS: usize = 20_000;
const POSTS_TO_FEW: usize = 400_000;
const ROUNDS_A_SAMPLE: usize = 4;
/// Prime, so that no room comes again before all others have; rooms that follow each other are
/// not neighbours in the store.
const STRIDE: usize = 7_919;

/// Rooms that have remembered `IDS_A_ROOM` ids each, the full window: one more makes one forgotten.
struct Rooms {
    counted: Counted,
    registry: Registry,
    count: usize,
    posts: usize,
    _directory: TempDir,
}

impl Rooms {
    fn new(count: usize, id_cache_bytes: usize) -> Result<Self> {
        let directory = scratch::directory()?;
        let (metrics, mut registry) = (Metrics::default(), Registry::default());
        metrics.register(&mut registry);
        let window = u32::try_from(IDS_A_ROOM)?;
        let mut counted = Counted::open(&options(directory.path(), window, id_cache_bytes), &metrics)?;
        for room in 0..count {
            // Pages of 64 ids fill and are forgotten in different rooms at different times.
            for message in STARTS_AT - room % PHASES..STARTS_AT + IDS_A_ROOM {
                counted.apply(&posted(&name(room), message, "ann")?)?;
                counted.commit_if_due(Commits::WhenFull)?;
            }
        }
        counted.finish()?;
        Ok(Self { counted, registry, count, posts: 0, _directory: directory })
    }

    fn next_posts(&mut self, posts: usize) -> Result<Vec<Event<'static>>> {
        let numbers = self.posts..self.posts + posts;
        self.posts += posts;
        let event = |number: usize| {
            let room = number * STRIDE % self.count;
            posted(&name(room), STARTS_AT + IDS_A_ROOM + number, "ann")
        };
        numbers.map(event).collect()
    }

    fn sample(&mut self, posts: usize) -> Result<Sample> {
        let events = self.next_posts(posts)?;
        let start = Instant::now();
        for event in &events {
            self.counted.apply(event)?;
            self.counted.commit_if_due(Commits::AsTheService)?;
        }
        self.counted.finish()?;
        Ok(Sample { count: posts, time: start.elapsed() })
    }

    /// Where the time of so many posts goes.
    fn steps(&mut self, posts: usize) -> Result<String> {
        let events = self.next_posts(posts)?;
        let mut times = [Duration::ZERO; Step::ALL.len()];
        let writing_before = self.metric(WRITING_SECONDS)?;
        let mut last = Instant::now();
        let mut done = |step: Step| {
            let now = Instant::now();
            times[step as usize] += now - last;
            last = now;
        };
        for event in &events {
            self.counted.apply_noting(event, &mut done)?;
            self.counted.commit_if_due(Commits::AsTheService)?;
            done(Step::Commit);
        }
        self.counted.finish()?;
        done(Step::Commit);
        let writing = self.metric(WRITING_SECONDS)? - writing_before;
        let each = |seconds: f64| {
            format!("{:.1} µs", seconds * 1e6 / f64::from(u32::try_from(posts).unwrap_or(u32::MAX)))
        };
        let steps =
            Step::ALL.map(|(step, name)| format!("{name} {}", each(times[step as usize].as_secs_f64())));
        Ok(format!(
            "A post of B: {} (with waiting for the commit before); the thread beside it that writes: {}.",
            steps.join(", "),
            each(writing)
        ))
    }

    fn metric(&self, name: &str) -> Result<f64> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("the store has no metric {name}"))?.parse()?)
    }
}

fn name(room: usize) -> String {
    format!("room-{room}")
}

/// A tenth of what the windows of all rooms would need.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "bytes of memory are far below 2^52"
)]
fn budget(rooms: usize, needed_each: f64) -> usize {
    (rooms as f64 * needed_each / 10.0) as usize
}

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let few = Rooms::new(usize::from(FEW_ROOMS), ID_CACHE_BYTES)?;
    let needed_each = few.metric("id_window_memory_bytes")? / f64::from(FEW_ROOMS);
    let many = scale.of(MANY_ROOMS);
    let budget = budget(many, needed_each);
    let many = Rooms::new(many, budget)?;
    let (few, many) = (RefCell::new(few), RefCell::new(many));
    let round = many.borrow().count;
    let comparison = Comparison::run(
        "posts going round 20,000 rooms, against 100 rooms in memory",
        Bar::RateAtLeast(0.05),
        scale.rounds,
        || few.borrow_mut().sample(scale.of(POSTS_TO_FEW)),
        || many.borrow_mut().sample(round * ROUNDS_A_SAMPLE),
    )?;
    let mut many = many.borrow_mut();
    let steps = many.steps(round * ROUNDS_A_SAMPLE)?;
    let notes = vec![
        format!(
            "A window of {IDS_A_ROOM} ids takes {needed_each:.0} bytes; the budget of B is {budget} bytes."
        ),
        format!(
            "B: {} posts, for which {} windows were loaded.",
            many.posts,
            many.metric("id_window_loads_total")?
        ),
        steps,
    ];
    Ok(Table { comparisons: vec![comparison], notes, ..Table::new("Cold look-ups") })
}
