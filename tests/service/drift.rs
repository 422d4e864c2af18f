//! Counts that are not what the log says: made so on purpose, found by `verify` and by the audit, explained by `explain`.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use oracle::history::Variant;
use tests::{Nats, Service, Settings, damageable_tallymark, until};

use crate::operator::{json, run};
use crate::random_histories::{full_history, messages, settings};
use crate::stream_identity::{post, posts};

fn damage(service: &Service, user: &str, cursor: u32) -> u16 {
    let target = format!("/damage?tenant=demo&user={user}&room=r1&cursor={cursor}");
    service.operator().request("POST", &target, &[]).unwrap().status
}

/// Bob and cid are in a room with seven messages of ann's.
fn counting(nats: &Nats) -> Service {
    posts(nats, 7);
    nats.publish("chat.demo.room.joined", r#"{"room":"r1","users":["cid"],"history":"all"}"#);
    let mut settings = Settings::new(nats, &["demo"]);
    settings.set("audit.interval_s", "1");
    settings.set("http.operator_token", "\"an operator\"");
    let mut service = Service::at(settings, tests::home());
    service.executable = Some(damageable_tallymark());
    service.restart();
    service.applied(nats.last_sequence(Nats::STREAM));
    service.ready();
    service
}

#[track_caller]
fn audited(service: &Service, name: &str, at_least: u64) {
    until(&format!("{name} of {at_least}"), || {
        let metrics = service.metrics();
        let found = metrics.sum(name);
        if found >= at_least { Ok(()) } else { Err(metrics.text().to_owned()) }
    });
}

#[test]
fn damage_is_found_and_explained() {
    let nats = Nats::start();
    let mut service = counting(&nats);

    let whole =
        run(&service, &["verify"]).with(0, "compared 2 memberships of 2 users with the running service");
    assert_eq!(whole.data, "");
    audited(&service, "tallymark_audit_checked_total", 2);
    let metrics = service.metrics();
    for name in ["drift", "failures", "left_out"] {
        assert_eq!(metrics.sum(&format!("tallymark_audit_{name}_total")), 0, "{name}");
    }
    let explained =
        run(&service, &["explain", "--tenant", "demo", "--user", "bob", "--json"]).with(0, "").json();
    let room = &explained["rooms"][0];
    let fields = ["unread", "head", "cursor", "recalled", "own"].map(|name| room[name].as_u64().unwrap());
    assert_eq!((explained["badge"].as_u64(), fields), (Some(7), [7, 7, 0, 0, 0]));

    assert_eq!(damage(&service, "bob", 5), 200);
    assert_eq!((damage(&service, "bob", 8), damage(&service, "eve", 1)), (404, 404));
    assert_eq!(service.badge("demo", "bob", &[]).count, 2);

    let found = run(&service, &["verify"]).with(1, "1 memberships of 1 users are not as the log says");
    let lines: Vec<Vec<&str>> = found.data.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1..], [["demo", "bob", "r1", "7", "2", "9"]], "{}", found.data);
    let found = run(&service, &["verify", "--json", "--sample", "2"]).with(1, "").json();
    let difference = &found["differences"][0];
    assert_eq!((&found["differing"]["largest"], &difference["user"]), (&5.into(), &"bob".into()), "{found}");
    assert_eq!(
        (&difference["expected"]["unread"], &difference["found"]["unread"]),
        (&7.into(), &2.into()),
        "{found}"
    );
    run(&service, &["verify", "--user", "demo/bob"]).with(1, "off by up to 5");
    run(&service, &["verify", "--user", "demo/cid", "--user", "demo/nobody"])
        .with(0, "1 memberships of 2 users");

    let explain = ["explain", "--tenant", "demo", "--user", "bob", "--history"];
    let told =
        "room r1 is wrong: the log says cursor 0, unread 7, mentions 0; the counts say cursor 5, unread 2";
    let explained = run(&service, &explain).with(0, told);
    assert!(explained.data.contains("joined: head 0, cursor 0, unread 0"), "{}", explained.data);
    assert!(explained.data.contains("head 6 → 7, unread 6 → 7"), "{}", explained.data);
    assert!(explained.data.ends_with("badge 2\n"), "{}", explained.data);
    audited(&service, "tallymark_audit_drift_total", 1);
    assert!(service.printed().contains("a count is not what the log says"), "{}", service.printed());

    // The damage is in the store too, as it would be if a rule were wrong; and in the snapshot, as nothing else differs.
    service.applied(post(&nats, "one more"));
    assert_eq!(service.terminate().code, Some(0));
    let found = run(&service, &["verify"]).with(1, "with the store, which no service uses now");
    let lines: Vec<Vec<&str>> = found.data.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1..], [["demo", "bob", "r1", "8", "3", "10"]], "{}", found.data);
    let snapshot = newest_snapshot(&service);
    let same = run(&service, &["verify", "--digest", "live", &snapshot, "--json"]).with(0, "").json();
    assert_eq!((&same["equal"], &same["digests"][0]["sequence"]), (&true.into(), &10.into()), "{same}");
    run(&service, &["verify", "--digest", "1", "live"]).with(0, "");
    run(&service, &["verify", "--digest", "7", "live"]).with(1, "there is no generation 7");
    run(&service, &["verify", "--digest", "nothing", "live"])
        .with(1, "expected live, the number of a generation");

    // A rebuild shows the same, and mends it while badges are given out.
    service.restart();
    service.ready();
    let rebuilt = json(&service, &["rebuild"]);
    assert_eq!(
        (&rebuilt["diff"]["users_changed"], &rebuilt["diff"]["largest_change"]),
        (&1.into(), &5.into())
    );
    assert_eq!(service.badge("demo", "bob", &[]).count, 3);
    run(&service, &["generations", "activate", "2"]).with(0, "answers come from generation 2 now");
    assert_eq!(service.badge("demo", "bob", &[]).count, 8);
    run(&service, &["verify"]).with(0, "all of them are as the log says");

    // A stream that is not the one that was counted says nothing of the counts.
    assert_eq!(service.terminate().code, Some(0));
    nats.delete_stream(Nats::STREAM);
    nats.create_stream(Nats::STREAM, &["chat.>"]);
    post(&nats, "another");
    run(&service, &["verify"]).with(1, "ends at sequence 1, and the counts reach to 10");
    service.restart();
    service.readiness("fenced", |said| said["reason"] == "fenced");
    run(&service, &["verify"])
        .with(1, "the service is fenced, so there is no log to compare its counts with");
    let explain = ["explain", "--tenant", "demo", "--user", "cid"];
    run(&service, &explain).with(0, "as the running service says, at sequence 10");
}

fn newest_snapshot(service: &Service) -> String {
    let entries = fs::read_dir(service.data_dir().join("snapshots")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.max().expect("a snapshot is written at the end").to_str().unwrap().to_owned()
}

#[test]
fn a_release_can_t_be_damaged() {
    let nats = Nats::start();
    posts(&nats, 1);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    assert_eq!(damage(&service, "bob", 0), 404);
    assert_eq!(service.operator().get("/accounts", &[]).unwrap().status, 200);
}

/// Events go on arriving, and each page of accounts is compared where it belongs.
#[test]
fn a_service_at_work_is_verified_and_a_snapshot_stands_for_what_is_gone() {
    let history = full_history(21, 3_000, Variant::SmallWindow);
    let nats = Nats::start();
    let mut service = Service::start(settings(&nats, &history));
    let messages = messages(&history);
    let (first, rest) = messages.split_at(1_000);
    nats.publish_all(first.iter().cloned());
    service.applied(1_000);
    service.ready();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            for message in rest.chunks(50) {
                nats.publish_all(message.iter().cloned());
            }
            is_over.store(true, Ordering::Release);
        });
        while !is_over.load(Ordering::Acquire) {
            run(&service, &["verify"]).with(0, "all of them are as the log says");
        }
        publisher.join().unwrap();
    });
    service.applied(3_000);
    let [user, room] = ["ann", "r1"];
    let explain = ["explain", "--tenant", "north", "--user", user, "--room", room, "--history", "--json"];
    let told = run(&service, &explain).with(0, "").json();
    assert_eq!(told["history"]["contradictions"], serde_json::json!([]), "{told}");

    // A snapshot at the end of this process; then more events, and the stream loses what came before.
    assert_eq!(service.terminate().code, Some(0));
    service.restart();
    nats.publish_all(rest.iter().cloned());
    service.applied(5_000);
    service.ready();
    let whole = run(&service, &["verify", "--json"]).with(0, "").json();
    assert_eq!(whole["start"], 0);
    nats.purge_before(Nats::STREAM, 2_500);
    let told = "the stream begins at sequence 2500: starting from the snapshot of sequence 3000";
    let from_snapshot = run(&service, &["verify", "--json"]).with(0, told).json();
    assert_eq!((&from_snapshot["start"], &from_snapshot["events"]), (&3_000.into(), &2_000.into()));
    assert_eq!(from_snapshot["memberships"], whole["memberships"]);
    run(&service, &["verify", "--user", "north/ann"]).with(0, told);
    let told = run(&service, &explain).with(0, told).json();
    assert_eq!(told["history"]["contradictions"], serde_json::json!([]), "{told}");

    nats.purge_before(Nats::STREAM, 4_000);
    run(&service, &["verify"])
        .with(1, "the stream begins at sequence 4000, and no snapshot reaches from 3999");
}
