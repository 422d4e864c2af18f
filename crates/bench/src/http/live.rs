//! From publishing an event until a badge has it, without and with thousands who are sent each number; and what each of them
//! takes.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bench::counted::TENANT;
use tests::{LiveBadges, Nats, allow_descriptors};

use super::load::{self, End, Request};
use super::service::{Service, requests, token};
use super::times::Times;
use super::visible::{publish, until_seen};
use super::world::{self, GROUPS};
use crate::Scale;
use crate::side_by_side::{Bar, Comparison, Sample, Table, grouped};

const LIVE: usize = 5_000;
const READS_A_SECOND: usize = 1_000;
const EVENTS_A_SECOND: usize = 2_000;
const TIME: Duration = Duration::from_secs(10);
/// What is promised of the 99th percentile with live badges against the one without.
const BAR: Bar = Bar::CostAtMost(1.5);

pub(crate) fn run(scale: Scale) -> Result<Table> {
    allow_descriptors(3 * LIVE as u64);
    let service = Service::start()?;
    let requests = requests(GROUPS[1], &[], token);
    let time = TIME.mul_f64(scale.scale);
    let first = Cell::new(world::HISTORY_POSTS);
    let (bytes, numbers) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let asked: Vec<_> = (0..LIVE)
        .map(|place| (String::new(), TENANT, GROUPS[place % 2].user(place / 2 % GROUPS[0].users)))
        .collect();
    let without = || sample(&service, &requests, &first, time);
    let with = || {
        let before = resident(&service)?;
        let live = LiveBadges::open(service.address(), &asked);
        bytes.borrow_mut().push(resident(&service)?.saturating_sub(before) / LIVE);
        let began_with = live.numbers();
        let sample = sample(&service, &requests, &first, time)?;
        numbers.borrow_mut().push(usize::try_from(live.numbers() - began_with)?);
        Ok(sample)
    };
    let what = format!("99 % of events seen, {} live badges", grouped(LIVE));
    let comparison = Comparison::run(&what, BAR, scale.rounds, without, with)?;
    let most = |of: RefCell<Vec<usize>>| of.into_inner().into_iter().max().unwrap_or(0);
    let notes = vec![format!(
        "{} posts a second, of which live badges were sent {} numbers in {} s at the most; a live badge took {} bytes of the \
         service's memory at the most.",
        grouped(EVENTS_A_SECOND),
        grouped(most(numbers)),
        time.as_secs(),
        grouped(most(bytes)),
    )];
    Ok(Table { comparisons: vec![comparison], notes, ..Table::new("Live badges") })
}

fn resident(service: &Service) -> Result<usize> {
    let bytes = service.service().status()?["memory_bytes"].as_u64();
    Ok(usize::try_from(bytes.context("the operating system does not tell how much memory is resident")?)?)
}

/// The 99th percentile, as what one took.
fn sample(
    service: &Service,
    requests: &Arc<[Request]>,
    first: &Cell<usize>,
    time: Duration,
) -> Result<Sample> {
    let (url, last) = (service.nats().url(), service.nats().last_sequence(Nats::STREAM));
    let done = AtomicBool::new(false);
    let number = first.get();
    let post = |event| world::post(number + event);
    let (reads, sent) = thread::scope(|scope| {
        let publishing = scope.spawn(|| publish(&url, last, EVENTS_A_SECOND, &post, &done));
        let reads = load::paced(service.address(), requests, READS_A_SECOND, &End::After(time));
        done.store(true, Ordering::Relaxed);
        anyhow::Ok((reads?, publishing.join().expect("publishing does not panic")?))
    })?;
    first.set(number + sent.len());
    Ok(Sample { count: 1, time: Times::new(until_seen(&sent, &reads)?)?.compared() })
}
