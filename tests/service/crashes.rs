//! Rule 15: a stream sequence is applied exactly once, however often the service dies.

use std::{fs, thread};

use oracle::history::Variant;
use tests::{Nats, Recount, Service, Settings, until};
use xtask::Options;

use crate::random_histories::{check, full_history, messages, settings};

const KILLS: usize = 10;
const LENGTH: usize = 30_000;
/// One malformed event after so many others.
const MALFORMED_EVERY: usize = 25;

/// Bug this would show: a checkpoint that is on disk before or after the rows that belong to it, so
/// that events are counted twice or not at all; a dead letter sent again or lost.
#[test]
fn kills_under_live_load_cost_no_event_and_no_dead_letter() {
    let history = full_history(40, LENGTH, Variant::SmallWindow);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    // Commits all the time: most kills fall into one.
    settings.set("store.commit_interval_ms", "1");
    settings.set("store.pending_bytes", "65536");
    let mut service = Service::start(settings);

    let mut load = messages(&history);
    for place in (0..load.len()).step_by(MALFORMED_EVERY).rev() {
        load.insert(
            place,
            ("chat.north.message.posted".to_owned(), format!("malformed {place}").into_bytes()),
        );
    }
    let malformed = load.iter().enumerate().filter(|(_, (_, body))| body.starts_with(b"malformed"));
    let malformed: Vec<u64> = malformed.map(|(place, _)| place as u64 + 1).collect();

    let mut random = fastrand::Rng::with_seed(7);
    let piece = load.len().div_ceil(KILLS);
    let mut went_on_from = Vec::new();
    for (number, messages) in load.chunks(piece).enumerate() {
        let killed_at = number * piece + random.usize(1..messages.len() * 9 / 10);
        thread::scope(|scope| {
            scope.spawn(|| nats.publish_all(messages.iter().cloned()));
            service.applied(killed_at as u64);
            service.kill();
            service.restart();
        });
        went_on_from.push(service.loaded());
    }
    went_on_from.dedup();
    assert!(went_on_from.len() > KILLS / 2, "hardly any kill found a commit: {went_on_from:?}");

    assert_eq!(nats.last_sequence(Nats::STREAM), load.len() as u64);
    service.applied(load.len() as u64);
    service.ready();
    let mut recount = Recount::new(history.policies);
    for (event, _) in &history.events {
        recount.hear(event);
    }
    check(&recount, &service);

    until("all dead letters", || match service.metrics().sum("tallymark_dead_letters_waiting") {
        0 => Ok(()),
        waiting => Err(format!("{waiting} wait")),
    });
    let dead = nats.messages(Nats::DEAD);
    let copied: Vec<u64> =
        dead.iter().map(|copy| copy.header("Tallymark-Sequence").parse().unwrap()).collect();
    assert_eq!(copied, malformed, "each malformed event once, in order");
}

/// Sled puts pages of large rows into files of their own, which it does not sync.
#[test]
fn large_dead_letters_on_their_way_survive_a_power_cut() {
    if !power_cut::IS_POSSIBLE {
        return;
    }
    const LETTERS: u64 = 30;
    let nats = Nats::without_streams(&Options::default());
    nats.create_stream(Nats::STREAM, &["chat.>"]);
    let mut service = Service::at(Settings::new(&nats, &["demo"]), tests::home());
    let data_dir = service.data_dir();
    fs::create_dir(&data_dir).unwrap();
    let (shadow, after) = (data_dir.with_extension("shadow"), data_dir.with_extension("after"));
    power_cut::watch(&data_dir, &shadow).unwrap();
    for (name, value) in power_cut::environment(&shadow).unwrap() {
        service.environment.insert(name.to_owned(), value.into_string().unwrap());
    }
    service.restart();
    let letter = || ("chat.demo.message.posted".to_owned(), vec![b'x'; 60_000]);
    nats.publish_all((0..LETTERS).map(|_| letter()));
    service.durable(LETTERS);
    service.kill();
    let blobs = fs::read_dir(data_dir.join("generations/1/blobs")).unwrap();
    assert!(blobs.count() > 0, "no page is large enough to show anything");

    power_cut::after_the_cut(&shadow, &after, power_cut::Unsynced::Lost).unwrap();
    fs::remove_dir_all(&data_dir).unwrap();
    fs::rename(after, &data_dir).unwrap();
    service.environment.clear();
    service.restart();
    assert_eq!(service.loaded(), LETTERS);
    assert_eq!(service.metrics().sum("tallymark_store_quarantined_total"), 0);
    nats.create_stream(Nats::DEAD, &["chat-dead.>"]);
    until("all copies", || match nats.count(Nats::DEAD) {
        LETTERS => Ok(()),
        copies => Err(format!("{copies}")),
    });
}
