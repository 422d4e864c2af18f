//! Who has published an event can ask for an answer that has it in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use tests::{Asker, Nats, Service, Settings};

const TENANT: &str = "demo";
const READERS: usize = 4;
/// Of each reader, with two questions each.
const ROUNDS: usize = 1_250;

/// Somebody gets a message, and reads it, again and again: each time the answer has it.
fn read_again_and_again(nats: &Nats, asker: &Asker, user: &str) {
    let room = format!("room-of-{user}");
    let unread_after = |kind: &str, body: serde_json::Value| {
        let sequence = nats.publish(&format!("chat.{TENANT}.{kind}"), body.to_string());
        let answer = asker.request("GET", &format!("/me/badge?minSeq={sequence}"), TENANT, user);
        assert_eq!(answer.status, 200, "{answer:?}");
        let reached: u64 = answer.header("badge-seq").expect("it says how far it reaches").parse().unwrap();
        assert!(reached >= sequence, "{reached} instead of {sequence}");
        answer.json()["result"]["badge"].as_u64().unwrap()
    };
    assert_eq!(unread_after("room.joined", json!({ "room": room, "users": [user] })), 0);
    for round in 0..ROUNDS {
        let posted = json!({ "room": room, "message": format!("m{round}"), "sender": "somebody" });
        assert_eq!(unread_after("message.posted", posted), 1, "{user} {round}: the message is not there");
        let read = json!({ "room": room, "user": user });
        assert_eq!(unread_after("message.read", read), 0, "{user} {round}: the old number");
    }
}

#[test]
fn what_was_just_read_is_never_shown_again_under_load() {
    let nats = Nats::start();
    let mut settings = Settings::new(&nats, &[TENANT]);
    settings.set("http.min_seq_wait_ms", "60000");
    let mut service = Service::start(settings);
    service.ready();
    let done = AtomicBool::new(false);
    let address = service.public().server();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let nats = &nats;
                let user = format!("reader-{reader}");
                scope.spawn(move || read_again_and_again(nats, &Asker::new(address), &user))
            })
            .collect();
        scope.spawn(|| {
            for batch in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let message = |place: usize| {
                    let body =
                        json!({ "room": "busy", "message": format!("{batch}-{place}"), "sender": "x" });
                    (format!("chat.{TENANT}.message.posted"), body.to_string().into_bytes())
                };
                nats.publish_all((0..200).map(message));
            }
        });
        let read: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(read.iter().all(Result::is_ok), "a reader saw something else");
    });
}

#[test]
fn who_waits_for_what_never_comes_is_told_how_far_it_is() {
    let nats = Nats::start();
    let mut settings = Settings::new(&nats, &[TENANT]);
    settings.set("http.min_seq_wait_ms", "200");
    let mut service = Service::start(settings);
    service.ready();
    let joined = json!({ "room": "r", "users": ["ann"] }).to_string();
    let sequence = nats.publish(&format!("chat.{TENANT}.room.joined"), joined);
    service.applied(sequence);
    let target = format!("/me/badge/summary?minSeq={}", sequence + 1);
    let answer = service.request("GET", &target, TENANT, "ann");
    assert_eq!((answer.status, answer.error_code().as_str()), (503, "NOT_YET"), "{answer:?}");
    assert_eq!(answer.json()["error"]["badgeSeq"], sequence);
    assert!(answer.header("retry-after").is_some());
    let known = service.request("GET", "/me/badge", TENANT, "ann");
    let tag = known.header("etag").expect("a tag").to_owned();
    assert_eq!(tag, "\"0\"");
}
