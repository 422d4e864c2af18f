//! From publishing an event until a badge has it, while badges are asked for at a steady rate; and what those
//! who ask notice of it.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use events::Body;
use tests::Nats;

use super::burst;
use super::load::{self, End, Read, Request};
use super::service::{Service, requests, token};
use super::times::{self, Times};
use super::world::{self, GROUPS};
use crate::Scale;
use crate::plot::{self, Curves, Form, Plot};
use crate::side_by_side::{Table, grouped};
use crate::stream::connect;

pub(super) const READS_A_SECOND: usize = 5_000;
const EVENTS_A_SECOND: [usize; 3] = [1_000, 10_000, 50_000];
const TIME: Duration = Duration::from_secs(60);
/// Reads alone, before each.
const QUIET: Duration = Duration::from_secs(15);
/// How often events are sent, as many as are due.
const TICK: Duration = Duration::from_millis(1);

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let mut service = Service::start()?;
    let requests = requests(GROUPS[1], &[], token);
    let (quiet_time, time) = (QUIET.mul_f64(scale.scale), TIME.mul_f64(scale.scale));
    let mut rows = times::head("events a second");
    let mut curves = Vec::new();
    let mut first = world::HISTORY_POSTS;
    for a_second in EVENTS_A_SECOND {
        let alone = load::paced(service.address(), &requests, READS_A_SECOND, &End::After(quiet_time))?;
        let (reads, sent, snapshots) = busy(&mut service, &requests, a_second, first, time)?;
        first += sent.len();
        let latency = |read: &Read| read.latency;
        let until_snapshots = reads.iter().take_while(|read| read.done < snapshots[0].start);
        let during_snapshots =
            reads.iter().filter(|read| snapshots.iter().any(|one| one.contains(&read.done)));
        let quiet = Times::new(alone.iter().map(latency).collect())?;
        let seen = Times::new(until_seen(&sent, &reads)?)?;
        let rate = grouped(a_second);
        rows += &seen.row(&rate, "from publishing to being seen", None);
        for (what, times) in [
            ("a badge, with events and commits", until_snapshots.map(latency).collect()),
            ("a badge, with a snapshot too", during_snapshots.map(latency).collect()),
        ] {
            rows += &Times::new(times)?.row(&rate, what, Some(&quiet));
        }
        rows += &quiet.row(&rate, "a badge, nothing else going on", None);
        curves.push(seen.curve(format!("{rate} events a second")));
    }
    let notes = vec![
        format!(
            "{} badges a second of users with {} rooms, asked over {} connections, {} s each; in the second half, one snapshot is \
             written after the other.",
            grouped(READS_A_SECOND),
            GROUPS[1].rooms,
            load::PACED_CONNECTIONS,
            time.as_secs(),
        ),
        rows,
        burst::run(&service, &requests, first, scale)?,
    ];
    let plot = Plot {
        name: "publish-to-visible",
        title: "From publishing an event to a badge that has it".to_owned(),
        form: Form::Curves(Curves {
            across: "this share of the events was seen within".to_owned(),
            labels: times::labels(),
            up: "milliseconds".to_owned(),
            scale: plot::Scale::Logarithmic,
            curves,
            promised: None,
        }),
    };
    Ok(Table { notes, plots: vec![plot], ..Table::new("From publishing to being seen") })
}

/// An event that was published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    sequence: u64,
    at: Instant,
}

/// What was read and sent, and when snapshots were written.
type Busy = (Vec<Read>, Vec<Sent>, Vec<Range<Instant>>);

/// Reads while events are published; in the second half, with one snapshot after the other.
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
        let publishing =
            scope.spawn(|| publish(&url, last, a_second, &|number| world::post(first + number), &done));
        let reading = scope.spawn(|| load::paced(address, requests, READS_A_SECOND, &End::After(time)));
        thread::sleep(time / 2);
        let mut snapshots = vec![service.snapshot()];
        while !reading.is_finished() && snapshots.iter().all(Result::is_ok) {
            snapshots.push(service.snapshot());
        }
        let reads = reading.join().expect("reading does not panic");
        // Whatever went wrong: who publishes waits for it.
        done.store(true, Ordering::Relaxed);
        let sent = publishing.join().expect("publishing does not panic");
        Ok((reads?, sent?, snapshots.into_iter().collect::<Result<_>>()?))
    })
}

/// Events at a steady rate until it is done. Nobody else publishes: sequences follow the last one.
pub(super) fn publish(
    url: &str,
    last: u64,
    a_second: usize,
    event: &(dyn Fn(usize) -> Body<'static> + Sync),
    done: &AtomicBool,
) -> Result<Vec<Sent>> {
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
                let (subject, body) = world::message(&event(number));
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
pub(super) fn until_seen(sent: &[Sent], reads: &[Read]) -> Result<Vec<Duration>> {
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
