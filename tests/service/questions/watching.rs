//! Badges that a tenant's servers watch.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use oracle::history::{TAGS, TENANTS, USERS, Variant};
use serde_json::{Value, json};
use tests::{Heard, Nats, PATIENCE, Peer, Recount, Service, Settings, until};

use super::{MOMENT, started};
use crate::random_histories::{full_history, messages, settings};
use crate::reload::reload;
use crate::stream_identity::{post, posts};

const DEMO: &str = "chat-badge.demo";

#[track_caller]
fn watch(peer: &Peer, tenant: &str, body: &Value) -> Value {
    let reply = peer.ask(&format!("chat-ask.{tenant}.watch"), body.to_string()).expect("an answer");
    assert_eq!(reply.error_code(), "", "{reply:?}");
    reply.json()["result"].clone()
}

#[track_caller]
fn refused(peer: &Peer, body: &Value) -> String {
    peer.ask("chat-ask.demo.watch", body.to_string()).expect("an answer").error_code()
}

/// The next badge that is published.
#[track_caller]
fn next(heard: &mut Heard<'_>) -> Value {
    heard.next(PATIENCE).expect("a badge is published").json()
}

fn watched(service: &Service) -> u64 {
    service.metrics().sum("tallymark_nats_watched_badges")
}

#[test]
fn a_badge_is_published_at_the_start_and_when_it_changes() {
    let nats = Nats::start();
    posts(&nats, 3);
    let (service, peer) = started(&nats, &[]);
    let mut heard = peer.listen(DEMO);
    let result = watch(&peer, "demo", &json!({ "users": ["bob"], "seconds": 3_600 }));
    assert_eq!(result["data"], json!([{ "client": "bob", "badge": 3 }]));
    assert!(result["until"].as_str().is_some_and(|until| until.ends_with('Z')), "{result}");
    let last = nats.last_sequence(Nats::STREAM);
    assert_eq!(next(&mut heard), json!({ "user": "bob", "badge": 3, "seq": last }));
    let posted = post(&nats, "more");
    assert_eq!(next(&mut heard), json!({ "user": "bob", "badge": 4, "seq": posted }));
    let read = nats.publish("chat.demo.message.read", r#"{"room":"r1","user":"bob"}"#);
    assert_eq!(next(&mut heard), json!({ "user": "bob", "badge": 0, "seq": read }));
    // What changes nothing is not published.
    nats.publish("chat.demo.room.joined", r#"{"room":"r1","users":["eve"]}"#);
    assert_eq!(heard.next(MOMENT), None);
    assert_eq!(nats.last_sequence(Nats::STREAM), read + 1, "the stream holds a question or a badge");

    // With tags, the same user is another badge.
    nats.publish("chat.demo.room.tagged", r#"{"room":"r1","tags":["work","a"]}"#);
    watch(&peer, "demo", &json!({ "users": ["bob"], "roomTags": ["work", "a"] }));
    assert_eq!(next(&mut heard)["roomTags"], json!(["a", "work"]));
    watch(&peer, "demo", &json!({ "users": ["bob"], "roomTags": ["a", "work", "a"] }));
    assert_eq!((watched(&service), heard.next(MOMENT)), (2, None), "it is watched already");
    let posted = post(&nats, "even more");
    let mut both: Vec<Value> = (0..2).map(|_| next(&mut heard)).collect();
    both.sort_by_key(|badge| badge["roomTags"].is_array());
    assert_eq!(both[0], json!({ "user": "bob", "badge": 1, "seq": posted }));
    assert_eq!(both[1], json!({ "user": "bob", "badge": 1, "seq": posted, "roomTags": ["a", "work"] }));
}

#[test]
fn the_last_number_is_the_judges() {
    let history = full_history(13, 3_000, Variant::Default);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("nats.answer_questions", "true");
    let mut service = Service::start(settings);
    service.ready();
    let peer = Peer::connect(&nats.url());
    until("somebody to answer", || peer.ask("chat-ask.x.badges", "{}").ok_or("nobody"));
    let mut heard = peer.listen("chat-badge.*");
    for tenant in TENANTS {
        for tags in [&[][..], &TAGS[..1]] {
            watch(&peer, tenant, &json!({ "users": USERS, "roomTags": tags, "seconds": 3_600 }));
        }
    }
    let mut recount = Recount::new(history.policies);
    let mut last: HashMap<(String, Value), Value> = HashMap::new();
    let (all, pieces) = (messages(&history), history.events.len() / 6);
    for (events, messages) in history.events.chunks(pieces).zip(all.chunks(pieces)) {
        nats.publish_all(messages.iter().cloned());
        events.iter().for_each(|(event, _)| recount.hear(event));
        service.applied(nats.last_sequence(Nats::STREAM));
        // Until nothing more comes, for longer than numbers are held back.
        while let Some(reply) = heard.next(Duration::from_secs(1)) {
            let badge = reply.json();
            last.insert((reply.subject, json!([badge["user"], badge["roomTags"]])), badge);
        }
        let mut sum = 0;
        for tenant in TENANTS {
            for tags in [&[][..], &TAGS[..1]] {
                sum += recount.check(&service, tenant, &USERS, &[tags.to_vec()]);
                for user in USERS {
                    let of_tags = if tags.is_empty() { Value::Null } else { json!(tags) };
                    let key = (format!("chat-badge.{tenant}"), json!([user, of_tags]));
                    // Just compared with the judge's.
                    let badge = service.badge(tenant, user, tags).count;
                    assert_eq!(last[&key]["badge"], badge, "{key:?}");
                }
            }
        }
        assert!(sum > 0, "nothing is unread");
    }
}

#[test]
fn a_lease_ends() {
    let nats = Nats::start();
    posts(&nats, 1);
    let (service, peer) = started(&nats, &[]);
    let mut heard = peer.listen(DEMO);
    let begun = Instant::now();
    watch(&peer, "demo", &json!({ "users": ["bob", "ann"], "seconds": 1 }));
    next(&mut heard);
    next(&mut heard);
    // Bob's is prolonged, and not shortened after that; it is no new one, so nothing is published.
    watch(&peer, "demo", &json!({ "users": ["bob"], "seconds": 600 }));
    watch(&peer, "demo", &json!({ "users": ["bob"], "seconds": 1 }));
    until("the end of one lease", || match watched(&service) {
        1 => Ok(()),
        other => Err(other),
    });
    assert!(begun.elapsed() >= Duration::from_secs(1), "it ended before its time");
    std::thread::sleep(Duration::from_secs(2).saturating_sub(begun.elapsed()));
    assert_eq!((watched(&service), heard.next(MOMENT)), (1, None));
    post(&nats, "more");
    assert_eq!(next(&mut heard)["badge"], 2);

    let ended = watch(&peer, "demo", &json!({ "users": ["bob", "nobody"], "seconds": 0 }));
    assert_eq!((ended["totalBadge"].clone(), ended["until"].clone()), (json!(2), Value::Null));
    assert_eq!(watched(&service), 0);
    service_counts_on(&nats, &mut heard);
}

/// What is posted is not published.
#[track_caller]
fn service_counts_on(nats: &Nats, heard: &mut Heard<'_>) {
    post(nats, "for nobody");
    assert_eq!(heard.next(MOMENT), None, "it is still published");
}

#[test]
fn badges_have_a_bound() {
    let nats = Nats::start();
    posts(&nats, 1);
    let (service, peer) = started(&nats, &[("nats.max_watched_badges", "3")]);
    let mut heard = peer.listen(DEMO);
    watch(&peer, "demo", &json!({ "users": ["a", "b"] }));
    assert_eq!(refused(&peer, &json!({ "users": ["c", "d"] })), "TOO_MANY_WATCHED");
    assert_eq!(refused(&peer, &json!({ "users": ["a", "b"], "roomTags": ["x"] })), "TOO_MANY_WATCHED");
    assert_eq!(watched(&service), 2, "a part of a question was granted");
    watch(&peer, "demo", &json!({ "users": ["a", "b", "c", "a"] }));
    assert_eq!(watched(&service), 3);
    watch(&peer, "demo", &json!({ "users": ["a"], "seconds": 0 }));
    watch(&peer, "demo", &json!({ "users": ["d"] }));
    for _ in 0..4 {
        next(&mut heard);
    }
    assert_eq!(refused(&peer, &json!({ "users": ["a"], "seconds": 3_601 })), "INVALID_SECONDS");
    assert_eq!(refused(&peer, &json!({ "users": ["a"], "minSeq": "x" })), "INVALID_MIN_SEQ");
    assert_eq!((watched(&service), heard.next(MOMENT)), (3, None));
}

#[test]
fn a_tenant_that_is_gone_is_published_no_more() {
    let nats = Nats::start();
    posts(&nats, 1);
    let mut settings = Settings::new(&nats, &["other"]);
    settings.set("nats.answer_questions", "true");
    settings.set_tenants(&crate::reload::tenant("demo", &["a-secret-of-at-least-32-bytes-as-HS256-wants"]));
    let mut service = Service::start(settings);
    let peer = Peer::connect(&nats.url());
    super::answering(&mut service, &peer);
    let mut heard = peer.listen(DEMO);
    watch(&peer, "demo", &json!({ "users": ["bob"] }));
    assert_eq!(next(&mut heard)["badge"], 1);
    service.settings.set_tenants("");
    service.settings.write(&service.settings_file());
    reload(&mut service, "done");
    service_counts_on(&nats, &mut heard);
    until("the end of the lease", || match watched(&service) {
        0 => Ok(()),
        other => Err(other),
    });
}

#[test]
fn a_restart_of_the_server_in_between_loses_no_lease() {
    let mut nats = Nats::start();
    posts(&nats, 1);
    let (mut service, peer) = started(&nats, &[]);
    watch(&peer, "demo", &json!({ "users": ["bob"], "seconds": 3_600 }));
    nats.kill();
    service.readiness("no connection", |said| said["connected"] == false);
    nats.restart();
    let peer = Peer::connect(&nats.url());
    let mut heard = peer.listen(DEMO);
    let posted = post(&nats, "after");
    let last = until("the number after the restart", || {
        let badge = heard.next(PATIENCE).ok_or("nothing")?.json();
        if badge["seq"] == posted { Ok(badge) } else { Err("an earlier one") }
    });
    assert_eq!(last["badge"], 2);
}
