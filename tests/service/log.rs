//! The stream as a log: what is read of it, whatever happens to it meanwhile.

use std::num::NonZero;
use std::time::{Duration, Instant};

use consumer::{Bounds, Log, LogError, LogMessage};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use tests::{Nats, until};
use tokio::runtime::Runtime;

use crate::undeliverable::publish_raw;

const NOTHING: [u64; 0] = [];

/// A log, and what its connection lives on.
struct Reader {
    log: Log,
    runtime: Runtime,
}

impl Reader {
    fn new(nats: &Nats) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = runtime.block_on(async_nats::connect(nats.url())).unwrap();
        let log = runtime.block_on(async { Log::new(client, Nats::STREAM) });
        Self { log, runtime }
    }

    fn bounds(&self) -> (u64, u64) {
        let Bounds { first, last } = self.runtime.block_on(self.log.bounds()).unwrap();
        (first, last)
    }

    fn sequence_at(&self, time_ms: u64) -> u64 {
        self.runtime.block_on(self.log.sequence_at(time_ms)).unwrap()
    }

    fn read(&self, from: u64, to: u64) -> Vec<LogMessage> {
        self.runtime.block_on(self.log.read(from, to).try_collect()).unwrap()
    }

    fn sequences(&self, from: u64, to: u64) -> Vec<u64> {
        self.read(from, to).iter().map(|message| message.sequence).collect()
    }

    /// Takes messages until there is one with this sequence.
    fn up_to<S>(&self, reading: &mut S, sequence: u64)
    where
        S: Stream<Item = Result<LogMessage, LogError>> + Unpin,
    {
        self.runtime.block_on(async {
            while let Some(message) = reading.next().await {
                if message.unwrap().sequence == sequence {
                    return;
                }
            }
            panic!("ended before sequence {sequence}");
        });
    }
}

fn publish(nats: &Nats, count: usize) {
    nats.publish_all(
        (0..count).map(|number| ("chat.demo.message.posted".to_owned(), number.to_string().into())),
    );
}

/// Stores a message that is not delivered, and waits until it has its place.
fn publish_undeliverable(nats: &Nats, headers: &str, body: &str) {
    let last = nats.last_sequence(Nats::STREAM);
    publish_raw(nats, headers, body);
    until("its place in the stream", || match nats.last_sequence(Nats::STREAM) {
        found if found > last => Ok(()),
        found => Err(found),
    });
}

#[test]
fn a_part_of_the_stream_is_read_without_what_is_missing() {
    let nats = Nats::start();
    let reader = Reader::new(&nats);
    assert_eq!(reader.bounds(), (1, 0));
    assert_eq!(reader.sequences(0, u64::MAX), NOTHING);
    publish(&nats, 100);
    for sequence in [10, 50, 51, 52, 99, 100] {
        nats.delete_message(Nats::STREAM, sequence);
    }
    nats.purge_before(Nats::STREAM, 5);
    assert_eq!(reader.bounds(), (5, 100));

    let stored: Vec<u64> = (5..99).filter(|sequence| ![10, 50, 51, 52].contains(sequence)).collect();
    let of = |from: u64, to: u64| -> Vec<u64> {
        stored.iter().copied().filter(|sequence| (from..=to).contains(sequence)).collect()
    };
    for (from, to) in
        [(0, u64::MAX), (1, 100), (1, 7), (10, 10), (10, 49), (51, 53), (98, 98), (99, 100), (60, 59)]
    {
        assert_eq!(reader.sequences(from, to), of(from, to), "{from} to {to}");
    }
    assert_eq!(reader.sequences(101, 200), NOTHING);
    // What is there is what was published.
    let message = &reader.read(7, 7)[0];
    assert_eq!((&*message.subject, &*message.body), ("chat.demo.message.posted", &b"6"[..]));
    assert_eq!(message.stored_ms, nats.messages_from(Nats::STREAM, 7)[0].stored_ms);
}

#[test]
fn what_can_not_be_delivered_is_read_in_its_place() {
    let nats = Nats::start();
    let reader = Reader::new(&nats);
    let headers = ["HTTP/1.1 100\r\nA: b\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0 503\r\n\r\n"];
    // Alone in between, two side by side, and at the end; farther from each other than is read by hand.
    for (number, headers) in headers.into_iter().enumerate() {
        publish(&nats, 100);
        publish_undeliverable(&nats, headers, &format!("odd {number}"));
        if number % 2 == 1 {
            publish_undeliverable(&nats, headers, &format!("odder {number}"));
        }
    }
    let last = nats.last_sequence(Nats::STREAM);
    let messages = reader.read(1, u64::MAX);
    let sequences: Vec<u64> = messages.iter().map(|message| message.sequence).collect();
    assert_eq!(sequences, (1..=last).collect::<Vec<_>>());
    let odd: Vec<_> = messages.iter().filter(|message| message.body.starts_with(b"odd")).collect();
    assert_eq!(odd.len(), 4);
    assert_eq!(odd[0].headers.get("A").unwrap().as_str(), "b");
    assert_eq!(reader.sequences(101, 101), [101]);
}

#[test]
fn the_sequence_of_a_time_is_the_last_one_stored_by_then() {
    let nats = Nats::start();
    let reader = Reader::new(&nats);
    assert_eq!(reader.sequence_at(u64::MAX), 0);
    for _ in 0..60 {
        nats.publish("chat.demo.message.posted", "x");
    }
    nats.purge_before(Nats::STREAM, 4);
    nats.delete_message(Nats::STREAM, 20);
    let stored = nats.messages(Nats::STREAM);
    let expected = |time_ms: u64| {
        let by_then = stored.iter().take_while(|message| message.stored_ms <= time_ms);
        by_then.last().map_or(3, |message| message.sequence)
    };
    let start = stored[0].stored_ms;
    for time in start - 1..=stored.last().unwrap().stored_ms + 1 {
        let (found, mut expected) = (reader.sequence_at(time), expected(time));
        // A missing sequence belongs to either side.
        if expected == 19 && found == 20 {
            expected = 20;
        }
        assert_eq!(found, expected, "{} ms after the first", time - start);
    }
    assert_eq!(reader.sequence_at(0), 3);
    assert_eq!(reader.sequence_at(u64::MAX), 60);
}

#[test]
fn a_log_is_read_no_faster_than_asked() {
    let nats = Nats::start();
    publish(&nats, 3_000);
    let mut reader = Reader::new(&nats);
    reader.log = reader.log.clone().at_most(NonZero::new(5_000).unwrap());
    let start = Instant::now();
    assert_eq!(reader.sequences(1, u64::MAX), (1..=3_000).collect::<Vec<_>>());
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(500), "3,000 messages at 5,000 a second took {took:?}");
}

/// Bug this would show: what was on its way when a connection broke is missing or comes twice.
#[test]
fn a_server_that_starts_again_costs_nothing() {
    const COUNT: usize = 100_000;
    let mut nats = Nats::start();
    publish(&nats, COUNT);
    let reader = Reader::new(&nats);
    let mut reading = std::pin::pin!(reader.log.read(1, u64::MAX));
    reader.up_to(&mut reading, 100);
    nats.restart();
    reader.up_to(&mut reading, 50_000);
    nats.restart();
    let rest: Vec<u64> = reader
        .runtime
        .block_on(reading.map(|message| message.map(|message| message.sequence)).try_collect())
        .unwrap();
    assert_eq!(rest, (50_001..=COUNT as u64).collect::<Vec<_>>());
}

/// Has a part of a stream read, something happen to it, and the rest read, which fails.
#[track_caller]
fn fails(reader: &Reader, read_before: u64, happening: impl FnOnce(), expected: &str) {
    let mut reading = std::pin::pin!(reader.log.read(1, u64::MAX));
    reader.up_to(&mut reading, read_before);
    happening();
    let rest: Result<Vec<_>, _> = reader.runtime.block_on(reading.try_collect());
    let error = rest.expect_err("a part of another stream, or none, was taken for the rest").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn another_stream_is_not_read_on_with() {
    let nats = Nats::start();
    let reader = Reader::new(&nats);
    let replace = |count: usize| {
        nats.delete_stream(Nats::STREAM);
        nats.create_stream(Nats::STREAM, &["chat.>"]);
        publish(&nats, count);
    };
    publish(&nats, 30_000);
    fails(&reader, 100, || replace(30_000), "was replaced by another one");
    fails(&reader, 100, || nats.delete_stream(Nats::STREAM), "there is no stream \"CHAT\"");
    // While it is read by hand.
    nats.create_stream(Nats::STREAM, &["chat.>"]);
    publish_undeliverable(&nats, "HTTP/1.1 100\r\n\r\n", "odd");
    publish(&nats, 20);
    fails(&reader, 1, || replace(30), "was replaced by another one");

    let nats = Nats::without_streams(&xtask::Options::default());
    let reader = Reader::new(&nats);
    let error = reader.runtime.block_on(reader.log.read(1, 2).try_collect::<Vec<_>>()).unwrap_err();
    assert!(matches!(error, LogError::Missing { .. }), "{error}");
}
