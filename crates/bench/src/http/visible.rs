//! From publishing an event until a badge has it, while badges are asked for at a steady rate; and what those
//! who ask notice of it.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tests::Nats;

use super::load::{self, Read, Request};
use super::service::{Service, requests, token};
use super::world::{self, GROUPS};
use crate::Scale;
use crate::side_by_side::{Table, grouped};
use crate::stream::connect;

const READS_A_SECOND: usize = 5_000;
const EVENTS_A_SECOND: [usize; 3] = [1_000, 10_000, 50_000];
const TIME: Duration = Duration::from_secs(60);
/// Reads alone, before each.
const QUIET: Duration = Duration::from_secs(15);
/// How often events are sent, as many as are due.
const TICK: Duration = Duration::from_millis(1);
const SHARES: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 1.0];
/// Of which percentile busy times are set against quiet ones.
const COMPARED_SHARE: f64 = 0.99;

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let mut service = Service::start()?;
    let requests = requests(GROUPS[1], &[], token);
    let (quiet_time, time) = (QUIET.mul_f64(scale.scale), TIME.mul_f64(scale.scale));
    let mut rows =
        "| events a second | milliseconds | 50 % | 90 % | 99 % | 99.9 % | most | 99 % against quiet |\n\
                    |---:|---|---:|---:|---:|---:|---:|---:|"
            .to_owned();
    let mut first = world::HISTORY_POSTS;
    for a_second in EVENTS_A_SECOND {
        let alone = load::paced(service.address(), &requests, READS_A_SECOND, quiet_time)?;
        let (reads, sent, snapshot) = busy(&mut service, &requests, a_second, first, time)?;
        first += sent.len();
        let latency = |read: &Read| read.latency;
        let until_snapshot = reads.iter().filter(|read| read.done < snapshot.start);
        let during_snapshot = reads.iter().filter(|read| snapshot.contains(&read.done));
        let quiet = Times::new(alone.iter().map(latency).collect())?;
        for (what, times, against) in [
            ("from publishing to being seen", until_seen(&sent, &reads)?, None),
            ("a badge, with events and commits", until_snapshot.map(latency).collect(), Some(&quiet)),
            ("a badge, with a snapshot too", during_snapshot.map(latency).collect(), Some(&quiet)),
        ] {
            rows += &Times::new(times)?.row(a_second, what, against);
        }
        rows += &quiet.row(a_second, "a badge, nothing else going on", None);
    }
    let notes = vec![
        format!(
            "{} badges a second of users with {} rooms, asked over {} connections, {} s each.",
            grouped(READS_A_SECOND),
            GROUPS[1].rooms,
            load::PACED_CONNECTIONS,
            time.as_secs(),
        ),
        rows,
    ];
    Ok(Table { title: "From publishing to being seen", comparisons: Vec::new(), notes })
}

/// An event that was published.
#[derive(Debug, Clone, Copy)]
struct Sent {
    sequence: u64,
    at: Instant,
}

type Busy = (Vec<Read>, Vec<Sent>, Range<Instant>);

/// Reads while events are published, with a snapshot in the middle.
fn busy(
    service: &mut Service,
    requests: &Arc<[Request]>,
    a_second: usize,
    first: usize,
    time: Duration,
) -> Result<Busy> {
    let address: SocketAddr = service.address();
    let (url, last) = (service.nats().url(), service.nats().last_sequence(Nats::STREAM));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let publishing = scope.spawn(|| publish(&url, last, a_second, first, &done));
        let reading = scope.spawn(|| load::paced(address, requests, READS_A_SECOND, time));
        thread::sleep(time / 2);
        let snapshot = service.snapshot();
        let reads = reading.join().expect("reading does not panic");
        done.store(true, Ordering::Relaxed);
        let sent = publishing.join().expect("publishing does not panic");
        Ok((reads?, sent?, snapshot))
    })
}

/// Posts at a steady rate until it is done. Nobody else publishes: sequences follow the last one.
fn publish(url: &str, last: u64, a_second: usize, first: usize, done: &AtomicBool) -> Result<Vec<Sent>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, _) = connect(url).await?;
        let mut sent = Vec::new();
        let mut ticks = tokio::time::interval(TICK);
        let start = Instant::now();
        while !done.load(Ordering::Relaxed) {
            ticks.tick().await;
            let due = usize::try_from(start.elapsed().as_millis())? * a_second / 1_000;
            for number in sent.len()..due {
                let (subject, body) = world::message(&world::post(first + number));
                client.publish(subject, body.into()).await?;
                sent.push(Sent { sequence: last + 1 + number as u64, at: Instant::now() });
            }
            client.flush().await?;
        }
        Ok(sent)
    })
}

/// How long it took from publishing each event to the end of the first badge that has it. Events after which
/// no badge was asked for say nothing.
fn until_seen(sent: &[Sent], reads: &[Read]) -> Result<Vec<Duration>> {
    let mut reads = reads.iter();
    let mut read = reads.next().context("nobody asked for a badge")?;
    let mut found = Vec::with_capacity(sent.len());
    for event in sent {
        while read.sequence < event.sequence {
            match reads.next() {
                Some(next) => read = next,
                None => return Ok(found),
            }
        }
        found.push(read.done.saturating_duration_since(event.at));
    }
    Ok(found)
}

/// Ascending, and at least one.
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Result<Self> {
        ensure!(!times.is_empty(), "nothing was measured");
        times.sort_unstable();
        Ok(Self(times))
    }

    fn percentile(&self, share: f64) -> f64 {
        load::percentile(&self.0, share).as_secs_f64() * 1e3
    }

    fn row(&self, a_second: usize, what: &str, against: Option<&Self>) -> String {
        let times: Vec<_> = SHARES.map(|share| format!("{:.2}", self.percentile(share))).into();
        let ratio = against.map_or(String::new(), |quiet| {
            format!("**{:.2}**", self.percentile(COMPARED_SHARE) / quiet.percentile(COMPARED_SHARE))
        });
        format!("\n| {} | {what} | {} | {ratio} |", grouped(a_second), times.join(" | "))
    }
}
