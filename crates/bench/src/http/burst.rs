//! What those who ask notice while the service catches up with much at once: the replay of a log's tail, with
//! readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::load::{self, End, Read, Request};
use super::service::Service;
use super::times::{self, Times};
use super::visible::READS_A_SECOND;
use super::world;
use crate::Scale;
use crate::side_by_side::grouped;
use crate::stream::Publisher;

const EVENTS: usize = 1_000_000;
/// Reads alone, before and after, which are one sample.
const QUIET: Duration = Duration::from_secs(15);

/// The table of it. Posts are numbered from `first` on.
pub(super) fn run(
    service: &Service,
    requests: &Arc<[Request]>,
    first: usize,
    scale: Scale,
) -> Result<String> {
    let events = scale.of(EVENTS);
    let quiet =
        || load::paced(service.address(), requests, READS_A_SECOND, &End::After(QUIET.mul_f64(scale.scale)));
    let before = quiet()?;
    let Burst { reads, time } = burst(service, requests, first, events)?;
    let alone = before.into_iter().chain(quiet()?);
    let latency = |read: Read| read.latency;
    let (quiet, busy) =
        (Times::new(alone.map(latency).collect())?, Times::new(reads.into_iter().map(latency).collect())?);
    let case = grouped(events);
    Ok(format!(
        "As many badges a second while {case} events are published as fast as the server stores them, until all are \
         counted, which took {:.1} s.\n\n{}{}{}",
        time.as_secs_f64(),
        times::head("events at once"),
        busy.row(&case, "a badge, with all this to catch up with", Some(&quiet)),
        quiet.row(&case, "a badge, nothing else going on", None),
    ))
}

struct Burst {
    /// Those that were answered before the last event was counted.
    reads: Vec<Read>,
    time: Duration,
}

fn burst(service: &Service, requests: &Arc<[Request]>, first: usize, events: usize) -> Result<Burst> {
    let last = Arc::new(AtomicU64::new(u64::MAX));
    let end = End::Seen(last.clone());
    let address = service.address();
    thread::scope(|scope| {
        let reading = scope.spawn(|| load::paced(address, requests, READS_A_SECOND, &end));
        let start = Instant::now();
        let published = publish(service, first, events);
        // Reading ends also if publishing did not go well.
        last.store(*published.as_ref().unwrap_or(&0), Ordering::Relaxed);
        let mut reads = reading.join().expect("reading does not panic")?;
        let last = published?;
        let caught_up = reads.iter().position(|read| read.sequence >= last).context("nothing was seen")?;
        let time = reads[caught_up].done - start;
        reads.truncate(caught_up);
        Ok(Burst { reads, time })
    })
}

/// The sequence of the last of them.
fn publish(service: &Service, first: usize, events: usize) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut publisher = Publisher::connect(&service.nats().url()).await?;
        for number in first..first + events {
            publisher.publish(&world::post(number)).await?;
        }
        publisher.stored().await?;
        Ok(publisher.last)
    })
}
