//! Counting anew beside the service, and exchanging the counts in use without anybody noticing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use oracle::history::{TENANTS, USERS, Variant};
use serde_json::Value;
use tests::{Asker, Finished, Nats, Program, Recount, Service, Settings, until};
use xtask::Signal;

use crate::operator::{Ended, Operator, json, run};
use crate::random_histories::{check, full_history, messages, settings};

pub(crate) const TOKEN: &str = "\"an operator\"";

#[track_caller]
fn succeeds(operator: impl Into<Operator>, arguments: &[&str]) -> Ended {
    run(operator, arguments).with(0, "")
}

/// The command fails, and says so.
#[track_caller]
fn fails(operator: impl Into<Operator>, arguments: &[&str], saying: &str) {
    run(operator, arguments).with(1, saying);
}

pub(crate) fn generation(service: &Service) -> u64 {
    service.status().unwrap()["generation"].as_u64().unwrap()
}

/// Asks for badges until told to stop: each has to be given, and none may reach less far than the one before.
fn ask_all_the_time(asker: &Asker, stop: &AtomicBool, asked: &AtomicU64) {
    let mut reached = 0;
    for user in USERS.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let badge = asker.badge(TENANTS[0], user, &[]);
        assert!(badge.sequence >= reached, "{} after {reached}", badge.sequence);
        reached = badge.sequence;
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn another_generation_takes_the_place_of_the_one_in_use_and_nobody_notices() {
    let history = full_history(11, 4_000, Variant::Default);
    let messages = messages(&history);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("http.operator_token", TOKEN);
    let mut service = Service::start(settings);
    let mut recount = Recount::new(history.policies);
    let mut publish = |places: std::ops::Range<usize>| {
        nats.publish_all(messages[places.clone()].iter().cloned());
        for (event, _) in &history.events[places] {
            recount.hear(event);
        }
    };
    publish(0..2_000);
    // A malformed event is copied once, whoever counts it.
    nats.publish("chat.demo.message.posted", "nonsense");
    service.ready();
    until("the copy", || if nats.count(Nats::DEAD) == 1 { Ok(()) } else { Err("none") });

    let (stop, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let (asker, operator, stop, asked) = (service.asker(), Operator::from(&service), &stop, &asked);
        let asking = scope.spawn(move || ask_all_the_time(&asker, stop, asked));
        let counts = operator.clone();
        let counting = scope.spawn(move || {
            let start = Instant::now();
            (json(counts, &["rebuild", "--rate", "4000"]), start.elapsed())
        });
        for start in (2_000..3_000).step_by(100) {
            publish(start..start + 100);
            thread::sleep(Duration::from_millis(30));
        }
        let (report, took) = counting.join().unwrap();
        // There are 3,001 events, and what comes late is made up for by no more than a tenth of a second.
        assert!(took >= Duration::from_millis(600), "rebuilt in {took:?}");
        assert_eq!(report["generation"], 2, "{report}");
        assert_eq!(report["diff"]["users_changed"], 0, "{report}");
        assert!(report["diff"]["memberships_compared"].as_u64().unwrap() > 20, "{report}");
        for (arguments, number) in
            [(&["generations", "activate", "2"][..], 2), (&["generations", "rollback"], 1)]
        {
            let operator = operator.clone();
            let done = scope.spawn(move || succeeds(operator, arguments));
            let from = if number == 2 { 3_000 } else { 3_500 };
            for start in (from..from + 500).step_by(50) {
                publish(start..start + 50);
                thread::sleep(Duration::from_millis(20));
            }
            done.join().unwrap();
            assert_eq!(generation(&service), number);
        }
        stop.store(true, Ordering::Relaxed);
        asking.join().unwrap();
    });
    assert!(asked.load(Ordering::Relaxed) > 100);

    service.applied(nats.last_sequence(Nats::STREAM));
    check(&recount, &service);
    // What is in use is so after the next start too, and the other one can be used again.
    succeeds(&service, &["generations", "activate", "2"]);
    check(&recount, &service);
    service.kill();
    service.restart();
    service.ready();
    assert_eq!(generation(&service), 2);
    check(&recount, &service);
    fails(&service, &["generations", "remove", "2"], "generation 2 is the one in use");
    succeeds(&service, &["generations", "remove", "1"]);
    let listed = json(&service, &["generations", "list"]);
    assert_eq!(
        (listed[0]["number"].as_u64(), listed[0]["use"].as_str()),
        (Some(2), Some("in use")),
        "{listed}"
    );
    assert!(listed.get(1).is_none(), "{listed}");
    fails(&service, &["generations", "rollback"], "no generation was in use before");
    assert_eq!(nats.count(Nats::DEAD), 1, "the malformed event was copied again");
    assert_eq!(service.terminate().code, Some(0));
}

#[test]
fn a_rebuild_broken_off_anywhere_goes_on_to_the_same_digest() {
    const EVENTS: usize = 3_000;
    let history = full_history(5, EVENTS, Variant::Default);
    let nats = Nats::start();
    nats.publish_all(messages(&history));
    let service = Service::at(settings(&nats, &history), tests::home());
    let whole = json(&service, &["rebuild"]);
    assert_eq!(whole["applied_sequence"], EVENTS as u64);
    let file = service.settings_file();
    let arguments = ["rebuild", "--rate", "3000", "--json", "--config", file.to_str().unwrap()];
    let (mut interrupted, mut killed) = (0, 0);
    let mut finished = finished_generations(&service);
    while interrupted < 6 || killed < 6 {
        let rebuilt = (0..).find_map(|turn| {
            let mut program = Program::start(file.parent().unwrap(), &arguments);
            // Anywhere from before its start to behind its end.
            thread::sleep(Duration::from_millis(fastrand::u64(50..1_000)));
            if turn % 2 == 0 {
                program.signal(Signal::INT);
                let Finished { code, printed } = program.finish();
                // Before it listens to signals, one ends it.
                assert!(code.is_none() || code == Some(0), "{printed}");
                interrupted += u32::from(printed.contains("goes on from there"));
            } else {
                program.kill();
                killed += 1;
            }
            finished_generations(&service).difference(&finished).next().copied()
        });
        let rebuilt = rebuilt.expect("a generation is finished at last");
        finished.insert(rebuilt);
        assert_eq!(digest(&service, rebuilt), whole["digest"], "generation {rebuilt}");
    }
}

/// The generation in use and those that could be. One that was killed at its start is neither, and keeps its number.
fn finished_generations(service: &Service) -> BTreeSet<u64> {
    let listed = json(service, &["generations", "list"]);
    let is_finished = |generation: &&Value| generation["use"] == "in use" || generation["complete"] == true;
    listed
        .as_array()
        .unwrap()
        .iter()
        .filter(is_finished)
        .map(|generation| generation["number"].as_u64().unwrap())
        .collect()
}

/// The digest that a generation says it has, which opening proves.
fn digest(service: &Service, number: u64) -> Value {
    succeeds(service, &["generations", "activate", &number.to_string()]);
    json(service, &["status"])["digest"]["value"].clone()
}

#[test]
fn counting_by_another_policy_is_a_rebuild() {
    let history = full_history(3, 2_000, Variant::Default);
    let nats = Nats::start();
    let messages = messages(&history);
    nats.publish_all(messages[..1_500].iter().cloned());
    let mut service = Service::start(settings(&nats, &history));
    service.settings.set("http.operator_token", TOKEN);
    service.kill();
    service.restart();
    service.ready();

    let ours = service.settings.clone();
    service.settings.set("policy.own_messages", "\"mark_read\"");
    let theirs = service.settings.clone();
    let report = json(&service, &["rebuild"]);
    assert!(report["diff"]["users_changed"].as_u64().unwrap() > 0, "{report}");
    let example = &report["diff"]["examples"][0];
    assert_ne!(example["expected"]["unread"], example["found"]["unread"], "{report}");
    fails(&service, &["generations", "activate", "2"], "stop it, run `tallymark generations activate 2`");

    service.settings = ours;
    service.kill();
    service.settings = theirs;
    service.launch();
    until("the refusal", || if service.has_ended() { Ok(()) } else { Err("it runs") });
    let refused = service.kill();
    assert_eq!(refused.code, Some(1));
    assert!(refused.printed.contains("`tallymark rebuild --activate`"), "{}", refused.printed);

    succeeds(&service, &["generations", "activate", "2"]);
    service.restart();
    service.ready();
    nats.publish_all(messages[1_500..].iter().cloned());
    service.applied(nats.last_sequence(Nats::STREAM));
    let mut policies = history.policies;
    policies.own_messages = oracle::OwnMessages::MarkRead;
    let mut recount = Recount::new(policies);
    for (event, _) in &history.events {
        recount.hear(event);
    }
    check(&recount, &service);
}

#[test]
fn a_stream_without_its_beginning_is_counted_anew_from_a_snapshot() {
    let history = full_history(9, 2_000, Variant::Default);
    let messages = messages(&history);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("http.operator_token", TOKEN);
    let mut service = Service::start(settings);
    nats.publish_all(messages[..1_000].iter().cloned());
    service.applied(1_000);
    let written = json(&service, &["snapshot", "create"]);
    assert_eq!(written[0]["sequence"], 1_000, "{written}");
    let home = service.settings_file().parent().unwrap().to_owned();
    let inspected = Program::run(&home, &["snapshot", "inspect", written[0]["file"].as_str().unwrap()]);
    assert_eq!(inspected.code, Some(0), "{inspected:?}");
    assert!(inspected.printed.contains("sequence     1000\n"), "{inspected:?}");
    nats.publish_all(messages[1_000..].iter().cloned());
    service.applied(2_000);
    nats.purge_before(Nats::STREAM, 900);

    let told = "counting begins with the snapshot of sequence 1000";
    let rebuilt = run(&service, &["rebuild", "--activate"]).with(0, told);
    assert!(rebuilt.data.contains("nothing changes"), "{rebuilt:?}");
    assert_eq!(generation(&service), 2);
    let mut recount = Recount::new(history.policies);
    for (event, _) in &history.events {
        recount.hear(event);
    }
    check(&recount, &service);
    service.settings.set("policy.message_window", "7");
    fails(&service, &["rebuild"], "the stream begins at sequence 900");
}

#[test]
fn a_point_in_time_can_be_counted_and_a_snapshot_restored() {
    let history = full_history(13, 1_000, Variant::Default);
    let nats = Nats::start();
    nats.publish_all(messages(&history));
    let mut settings = settings(&nats, &history);
    settings.set("http.operator_token", TOKEN);
    let mut service = Service::start(settings);
    service.ready();
    service.applied(1_000);
    let whole = json(&service, &["rebuild"]);
    let half = json(&service, &["rebuild", "--until-seq", "500"]);
    assert_eq!((&half["applied_sequence"], &half["diff"]), (&500.into(), &Value::Null), "{half}");
    assert_ne!(half["digest"], whole["digest"]);
    fails(&service, &["rebuild", "--until-seq", "1001"], "the stream ends at sequence 1000");
    let nothing = json(&service, &["rebuild", "--until-time", "2000-01-01T00:00:00Z"]);
    assert_eq!(nothing["applied_sequence"], 0, "{nothing}");
    // A service that adopts it counts the rest.
    succeeds(&service, &["generations", "activate", &half["generation"].to_string()]);
    service.applied(1_000);
    assert_eq!(json(&service, &["status"])["digest"]["value"], whole["digest"]);

    let written = json(&service, &["snapshot", "create"]);
    let file = written[0]["file"].as_str().unwrap();
    succeeds(&service, &["snapshot", "restore", file, "--activate"]);
    assert_eq!(json(&service, &["status"])["digest"]["value"], whole["digest"]);
    assert_eq!(service.badge(TENANTS[0], USERS[0], &[]).sequence, 1_000);
}

#[test]
fn nothing_is_changed_without_the_token() {
    let nats = Nats::start();
    nats.publish("chat.demo.room.joined", r#"{"room":"r","users":["bob"]}"#);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    json(&service, &["rebuild"]);
    fails(&service, &["generations", "activate", "2"], "What changes something is off");
    fails(&service, &["snapshot", "create"], "What changes something is off");
    service.kill();
    service.settings.set("http.operator_token", TOKEN);
    service.restart();
    service.ready();
    service.settings.set("http.operator_token", "\"another\"");
    fails(&service, &["generations", "activate", "2"], "answered 401 Unauthorized");
    assert_eq!(generation(&service), 1);
    service.settings.set("http.operator_token", TOKEN);
    fails(&service, &["generations", "activate", "7"], "there is no generation 7");
    fails(&service, &["generations", "activate", "1"], "generation 1 is the one in use");
    succeeds(&service, &["generations", "activate", "2"]);
    assert_eq!(generation(&service), 2);
}

/// Whenever the power goes: one of the two is in use, and whole.
#[test]
fn a_service_killed_while_generations_change_hands_counts_on_with_either() {
    let history = full_history(17, 3_000, Variant::Default);
    let messages = messages(&history);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("http.operator_token", TOKEN);
    let mut service = Service::start(settings);
    let mut recount = Recount::new(history.policies);
    let (mut in_use, mut changed) = (1, 0);
    for (turn, events) in history.events.chunks(100).enumerate() {
        nats.publish_all(messages[turn * 100..turn * 100 + events.len()].iter().cloned());
        for (event, _) in events {
            recount.hear(event);
        }
        if turn == 0 {
            service.ready();
            json(&service, &["rebuild"]);
        }
        let (operator, number) = (Operator::from(&service), (3 - in_use).to_string());
        thread::scope(|scope| {
            // It loses the service on the way, or not.
            scope.spawn(move || run(operator, &["generations", "activate", &number]));
            thread::sleep(Duration::from_millis(fastrand::u64(0..700)));
            service.kill();
        });
        service.restart();
        service.ready();
        changed += u32::from(generation(&service) != in_use);
        in_use = generation(&service);
        service.applied(nats.last_sequence(Nats::STREAM));
        let listed = json(&service, &["generations", "list"]);
        let uses: Vec<&str> =
            listed.as_array().unwrap().iter().filter_map(|one| one["use"].as_str()).collect();
        assert!(uses == ["in use", "standby"] || uses == ["standby", "in use"], "{listed}");
    }
    check(&recount, &service);
    assert!(changed >= 3, "generations changed hands only {changed} times");
}
