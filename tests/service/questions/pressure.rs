//! More questions than there is room for, and the end.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Nats, Peer, until};

use super::{asked, badge, started};
use crate::stream_identity::{post, posts};

/// How long one of a flood may wait: long enough on a busy machine, and a test may wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn beyond_the_bound_there_is_an_answer_at_once() {
    let nats = Nats::start();
    posts(&nats, 1);
    let bounds = [("nats.max_questions", "2"), ("http.min_seq_wait_ms", "60000")];
    let (_service, peer) = started(&nats, &bounds);
    let far = nats.last_sequence(Nats::STREAM) + 1;
    let waiting = json!({ "users": ["bob"], "minSeq": far }).to_string();
    thread::scope(|scope| {
        let (nats, peer) = (&nats, &peer);
        let waiter = || {
            let peer = Peer::connect(&nats.url());
            // The questions below take a place too, for a moment, and one who waits may find none.
            loop {
                let reply = peer.flood("chat-ask.demo.badges", &waiting, 1, PATIENCE).pop().flatten();
                let reply = reply.expect("an answer");
                if reply.error_code() != "OVERLOADED" {
                    return reply;
                }
            }
        };
        let waiters = [scope.spawn(waiter), scope.spawn(waiter)];
        let refused = until("no room", || {
            let reply = asked(peer, "demo", &json!({ "users": ["bob"] }));
            if reply.error_code() == "OVERLOADED" { Ok(reply) } else { Err(reply.body) }
        });
        assert_eq!(refused.header("Retry-After"), Some("1"));
        assert_eq!(refused.json()["RC"], 503);
        post(nats, "what they wait for");
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap().json()["result"]["totalBadge"], 2);
        }
    });
    assert_eq!(badge(&peer, &json!({ "users": ["bob"] })), 2, "there is room again");
}

#[test]
fn bodies_have_a_bound_together() {
    let nats = Nats::start();
    posts(&nats, 1);
    let bounds = [("nats.max_questions_bytes", "1048576"), ("http.min_seq_wait_ms", "60000")];
    let (_service, peer) = started(&nats, &bounds);
    let far = nats.last_sequence(Nats::STREAM) + 1;
    let large = "x".repeat(700_000);
    let waiting = json!({ "users": ["bob"], "minSeq": far, "x": large }).to_string();
    let reply = thread::scope(|scope| {
        let (nats, peer) = (&nats, &peer);
        // Refused for as long as what the other asks is in.
        let taken = scope.spawn(|| {
            loop {
                let mut replies = peer.flood("chat-ask.demo.badges", &waiting, 1, PATIENCE);
                let reply = replies.pop().flatten().expect("an answer");
                if reply.error_code() != "OVERLOADED" {
                    return reply;
                }
            }
        });
        let other = Peer::connect(&nats.url());
        until("the other to be refused", || {
            let reply = asked(&other, "demo", &json!({ "users": ["bob"], "x": large }));
            if reply.error_code() == "OVERLOADED" { Ok(()) } else { Err(reply.body) }
        });
        post(nats, "what it waits for");
        taken.join().unwrap()
    });
    assert_eq!(reply.error_code(), "", "{}", reply.body);
}

/// Users with many rooms, each of whom takes long to be told about.
const USERS: usize = 1_000;
const ROOMS: usize = 300;

#[test]
fn a_flood_does_not_hold_up_events() {
    let nats = Nats::start();
    let users: Vec<String> = (0..USERS).map(|number| format!("u{number}")).collect();
    let joined = (0..ROOMS).map(|room| {
        let body = json!({ "room": format!("r{room}"), "users": users, "history": "all" });
        ("chat.demo.room.joined".to_owned(), body.to_string().into_bytes())
    });
    nats.publish_all(joined);
    let (mut service, peer) = started(&nats, &[("nats.max_questions", "64")]);
    let body = json!({ "users": users }).to_string();
    let slowest = |times: usize| {
        let publish_and_see = |number: usize| {
            let begun = Instant::now();
            service.applied(post(&nats, &format!("{times}-{number}")));
            begun.elapsed()
        };
        (0..times).map(publish_and_see).max().unwrap()
    };
    let mut slowest = slowest;
    let quiet = slowest(30);
    let (replies, busy) = thread::scope(|scope| {
        let flood = scope.spawn(|| peer.flood("chat-ask.demo.badges", &body, 3_000, PATIENCE));
        let busy = slowest(31);
        (flood.join().unwrap(), busy)
    });
    let codes: Vec<String> = replies.into_iter().flatten().map(|reply| reply.error_code()).collect();
    let count = |code: &str| codes.iter().filter(|found| *found == code).count();
    assert!(count("") > 0 && count("OVERLOADED") > 0, "{} answers, {} in full", codes.len(), count(""));
    assert_eq!(count("") + count("OVERLOADED"), codes.len(), "{codes:?}");
    // The load generator and a nats-server are on the same cores.
    assert!(busy < quiet + Duration::from_secs(2), "quiet {quiet:?}, under the flood {busy:?}");
    assert_eq!(badge(&peer, &json!({ "users": ["u0"] })), 30 + 31, "it answers on");
}

#[test]
fn what_has_come_is_answered_before_the_end() {
    let nats = Nats::start();
    posts(&nats, 3);
    let bounds = [("http.min_seq_wait_ms", "1000"), ("http.shutdown_grace_ms", "30000")];
    let (mut service, peer) = started(&nats, &bounds);
    let waiting = json!({ "users": ["bob"], "minSeq": 1_000 }).to_string();
    thread::scope(|scope| {
        let asking = scope.spawn(|| peer.flood("chat-ask.demo.badges", &waiting, 5, PATIENCE));
        // Answered by then: the questions before it have been taken.
        thread::sleep(Duration::from_millis(300));
        let finished = service.terminate();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        for reply in asking.join().unwrap() {
            assert_eq!(reply.expect("an answer").error_code(), "NOT_YET");
        }
    });
    assert_eq!(peer.ask("chat-ask.demo.badges", r#"{"users":["bob"]}"#), None, "it has ended");
}

#[test]
fn nobody_waits_for_a_server_that_is_away() {
    let mut nats = Nats::start();
    let (mut service, _peer) = started(&nats, &[("http.shutdown_grace_ms", "600000")]);
    nats.kill();
    service.readiness("no connection", |said| said["connected"] == false);
    until("no connection for questions", || {
        match service.metrics().sum("tallymark_nats_questions_connected") {
            0 => Ok(()),
            other => Err(other),
        }
    });
    // A test does not wait for as long as that grace.
    assert_eq!(service.terminate().code, Some(0));
}
