//! Questions of a tenant's servers over NATS.

mod permissions;
mod pressure;
mod watching;

use std::time::Duration;

use oracle::history::{TAGS, TENANTS, USERS, Variant};
use serde_json::{Value, json};
use tests::{Nats, Peer, Recount, Reply, Service, Settings, until};
use xtask::Options;

use crate::random_histories::{check, full_history, messages, settings};
use crate::stream_identity::{post, posts};

/// A moment that is long enough to see that nothing comes.
const MOMENT: Duration = Duration::from_millis(300);

/// Waits until questions are answered.
#[track_caller]
fn answering(service: &mut Service, peer: &Peer) {
    service.ready();
    until("an answer", || match peer.ask("chat-ask.demo.badges", "{}") {
        Some(reply) if reply.error_code() == "INVALID_USERS" => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// A service that answers questions, of the tenants `demo` and `other`, with these settings too.
fn started(nats: &Nats, more: &[(&str, &str)]) -> (Service, Peer) {
    let mut settings = Settings::new(nats, &["demo", "other"]);
    settings.set("nats.answer_questions", "true");
    for (name, value) in more {
        settings.set(name, value);
    }
    let mut service = Service::start(settings);
    let peer = Peer::connect(&nats.url());
    answering(&mut service, &peer);
    (service, peer)
}

#[track_caller]
fn asked(peer: &Peer, tenant: &str, body: &Value) -> Reply {
    let reply = peer.ask(&format!("chat-ask.{tenant}.badges"), body.to_string());
    reply.unwrap_or_else(|| panic!("no answer for {tenant}: {body}"))
}

/// Bob's badge.
#[track_caller]
fn badge(peer: &Peer, body: &Value) -> u64 {
    let reply = asked(peer, "demo", body);
    assert_eq!(reply.error_code(), "", "{reply:?}");
    reply.json()["result"]["totalBadge"].as_u64().unwrap()
}

#[test]
fn answers_are_those_over_http() {
    let history = full_history(11, 3_000, Variant::Default);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("nats.answer_questions", "true");
    let mut service = Service::start(settings);
    let peer = Peer::connect(&nats.url());
    nats.publish_all(messages(&history));
    let mut recount = Recount::new(history.policies);
    for (event, _) in &history.events {
        recount.hear(event);
    }
    let last = nats.last_sequence(Nats::STREAM);
    service.applied(last);
    service.ready();
    until("somebody to answer", || peer.ask("chat-ask.x.badges", "{}").ok_or("nobody"));
    check(&recount, &service);
    let mut sum = 0;
    for tenant in TENANTS {
        let mut users: Vec<&str> = USERS.iter().copied().chain(recount.users(tenant)).collect();
        users.push("nobody has heard of them");
        for tags in [&[][..], &TAGS[..1], &TAGS[..2], &["b", "unknown"]] {
            let body = json!({ "users": users, "roomTags": tags, "minSeq": last, "other": [1] });
            let reply = asked(&peer, tenant, &body);
            let over_http = service.post("/users/badges", &body, tenant, users[0]);
            assert_eq!(reply.json(), over_http, "{tenant} {tags:?}");
            assert_eq!(reply.error_code(), "");
            assert_eq!(reply.header("Badge-Seq"), Some(last.to_string().as_str()));
            sum += over_http["result"]["totalBadge"].as_u64().unwrap();
        }
    }
    assert!(sum > 0, "nothing is unread");
    assert_eq!(nats.last_sequence(Nats::STREAM), last, "the stream holds a question");
}

/// `tenant | body -> code`.
const REFUSED: [&str; 22] = [
    r#"demo | {"users":[1]} -> INVALID_USERS"#,
    r#"demo | {"users":[""]} -> INVALID_USERS"#,
    r#"demo | {"users":"bob"} -> INVALID_USERS"#,
    r#"demo | {"roomTags":["a"]} -> INVALID_USERS"#,
    r#"demo | {"users":["bob"],"roomTags":[""]} -> INVALID_ROOM_TAGS"#,
    r#"demo | {"users":["bob"],"roomTags":"a"} -> INVALID_ROOM_TAGS"#,
    r#"demo | {"users":["bob"],"minSeq":-1} -> INVALID_MIN_SEQ"#,
    r#"demo | {"users":["bob"],"minSeq":"1"} -> INVALID_MIN_SEQ"#,
    r#"demo | {"users":["bob"],"minSeq":1.5} -> INVALID_MIN_SEQ"#,
    r#"demo | {"users":["bob"],"minSeq":1,"minSeq":1} -> INVALID_MIN_SEQ"#,
    r#"demo | {"users":["bob"],"minSeq":9007199254740992} -> INVALID_MIN_SEQ"#,
    r#"demo | {"users":["bob"],"minSeq":9007199254740991} -> NOT_YET"#,
    r#"demo | {"users":["bob"],"minSeq":null} -> "#,
    r#"demo | {"users":[]} -> "#,
    r#"demo |  -> INVALID_USERS"#,
    r#"demo | [] -> INVALID_BODY"#,
    r#"demo | {"users":["bob"]}} -> INVALID_BODY"#,
    r#"unknown | {"users":["bob"]} -> UNKNOWN_TENANT"#,
    r#"unknown | [] -> UNKNOWN_TENANT"#,
    r#"DEMO | {"users":["bob"]} -> UNKNOWN_TENANT"#,
    r#"d/emo | {"users":["bob"]} -> UNKNOWN_TENANT"#,
    r#"demo | {"users":["bob"],"tenant":"other"} -> "#,
];

#[test]
fn what_cannot_be_answered_says_why() {
    let nats = Nats::without_streams(&Options { max_payload: Some(2 << 20), ..Options::default() });
    nats.create_streams();
    posts(&nats, 3);
    let (mut service, peer) = started(&nats, &[("http.min_seq_wait_ms", "100")]);
    for line in REFUSED {
        let (question, expected) = line.rsplit_once(" -> ").unwrap();
        let (tenant, body) = question.split_once(" | ").unwrap();
        let reply = peer.ask(&format!("chat-ask.{tenant}.badges"), body.to_owned()).expect(line);
        assert_eq!(reply.error_code(), expected, "{line}: {reply:?}");
        assert_eq!(reply.header("Badge-Seq").is_some(), expected.is_empty(), "{line}: {reply:?}");
        assert_eq!(reply.header("Retry-After").is_some(), expected == "NOT_YET", "{line}: {reply:?}");
    }
    let not_yet = asked(&peer, "demo", &json!({ "users": ["bob"], "minSeq": 100 }));
    assert_eq!(not_yet.json()["error"]["badgeSeq"], nats.last_sequence(Nats::STREAM));

    let long = |bytes: usize| format!(r#"{{"users":["bob"],"x":"{}"}}"#, "x".repeat(bytes - 24));
    for (bytes, expected) in [(1 << 20, ""), ((1 << 20) + 1, "BODY_TOO_LARGE")] {
        let body = long(bytes);
        assert_eq!(body.len(), bytes);
        let reply = peer.ask("chat-ask.demo.badges", body).expect("an answer");
        assert_eq!(reply.error_code(), expected);
    }
    let many: Vec<String> = (0..1_001).map(|number| format!("u{number}")).collect();
    assert_eq!(asked(&peer, "demo", &json!({ "users": many })).error_code(), "INVALID_USERS");
    assert_eq!(asked(&peer, "demo", &json!({ "users": many[..1_000] })).error_code(), "");
    let of_bob = json!({ "users": ["bob"] });
    assert_eq!(badge(&peer, &of_bob), 3);

    // Each is counted, by code.
    let metrics = service.metrics();
    let counted = |code| metrics.with("tallymark_nats_questions_total", "code", code);
    for code in ["OK", "NOT_YET", "INVALID_BODY", "UNKNOWN_TENANT", "BODY_TOO_LARGE"] {
        assert!(counted(code) > 0, "{code}");
    }

    nats.delete_stream(Nats::STREAM);
    service.readiness("fenced", |said| said["reason"] == "fenced");
    let refused = asked(&peer, "demo", &of_bob);
    assert_eq!((refused.error_code().as_str(), refused.header("Retry-After")), ("NOT_READY", Some("5")));
}

#[test]
fn an_answer_that_does_not_fit_says_so() {
    let nats = Nats::without_streams(&Options { max_payload: Some(4 << 10), ..Options::default() });
    nats.create_streams();
    let (_service, peer) = started(&nats, &[]);
    let users: Vec<String> = (0..300).map(|number| format!("user-{number}")).collect();
    assert_eq!(asked(&peer, "demo", &json!({ "users": users })).error_code(), "ANSWER_TOO_LARGE");
    assert_eq!(asked(&peer, "demo", &json!({ "users": users[..30] })).error_code(), "");
}

#[test]
fn who_asks_is_held_to_the_tenants_rate() {
    let nats = Nats::start();
    let rates = [("http.tenant_requests_per_second", "1"), ("http.tenant_burst", "100")];
    let (service, peer) = started(&nats, &rates);
    let of_bob = json!({ "users": ["bob"] });
    let limited = until("a limit", || {
        let reply = asked(&peer, "demo", &of_bob);
        if reply.error_code() == "RATE_LIMIT_EXCEEDED" { Ok(reply) } else { Err(reply.body) }
    });
    let seconds = limited.json()["error"]["retryAfter"].as_u64().unwrap().to_string();
    assert_eq!(limited.header("Retry-After"), Some(seconds.as_str()));
    // The rate is the same over HTTP, and another tenant's is its own.
    assert_eq!(service.ask("demo", "bob", &[]).error_code(), "RATE_LIMIT_EXCEEDED");
    assert_eq!(asked(&peer, "other", &of_bob).error_code(), "");
}

#[test]
fn it_is_found_like_any_service() {
    let nats = Nats::start();
    let (_service, peer) = started(&nats, &[]);
    let find = |verb: &str| peer.ask(&format!("$SRV.{verb}.tallymark"), "").expect("it answers").json();
    let endpoint = |found: &Value, name: &str| {
        let endpoints = found["endpoints"].as_array().expect("a list");
        endpoints.iter().find(|endpoint| endpoint["name"] == name).expect("it is there").clone()
    };
    let before = endpoint(&find("STATS"), "badges");
    assert_eq!(find("PING")["name"], "tallymark");
    let info = find("INFO");
    assert_eq!(info["metadata"], json!({ "stream": "CHAT", "subject_prefix": "chat" }));
    assert!(info["version"].as_str().is_some_and(|version| version.split('.').count() == 3), "{info}");
    assert!(!info["description"].as_str().unwrap().is_empty());
    for name in ["badges", "watch"] {
        assert_eq!(endpoint(&info, name)["subject"], format!("chat-ask.*.{name}"));
    }
    asked(&peer, "demo", &json!({ "users": ["bob"] }));
    asked(&peer, "demo", &json!({ "users": 1 }));
    let stats = endpoint(&find("STATS"), "badges");
    let more = |field: &str| stats[field].as_u64().unwrap() - before[field].as_u64().unwrap();
    assert_eq!((more("num_requests"), more("num_errors")), (2, 1), "{before} {stats}");
    assert_eq!(stats["last_error"], "400:INVALID_USERS");
}

#[test]
fn nobody_answers_unless_the_operator_wants_it() {
    let nats = Nats::start();
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    let peer = Peer::connect(&nats.url());
    for subject in ["chat-ask.demo.badges", "$SRV.PING", "$SRV.PING.tallymark"] {
        assert_eq!(peer.ask(subject, r#"{"users":["bob"]}"#), None, "{subject}");
    }
}

#[test]
fn a_new_server_is_asked_as_the_old_one_was() {
    let mut nats = Nats::start();
    posts(&nats, 3);
    let (_service, peer) = started(&nats, &[]);
    let of_bob = json!({ "users": ["bob"] });
    assert_eq!(badge(&peer, &of_bob), 3);
    nats.kill();
    nats.restart();
    let peer = Peer::connect(&nats.url());
    until("an answer after the restart", || {
        peer.ask("chat-ask.demo.badges", of_bob.to_string()).ok_or("nobody")
    });
    let sequence = post(&nats, "after");
    assert_eq!(badge(&peer, &json!({ "users": ["bob"], "minSeq": sequence })), 4);
}
