//! What an operator does with the service, and what it says.

use std::fs;

use serde_json::json;
use tests::{Nats, Program, Service, Settings, home};

use crate::stream_identity::{post, posts};

fn counting(nats: &Nats) -> Service {
    let mut service = Service::start(Settings::new(nats, &["demo", "other"]));
    service.applied(nats.last_sequence(Nats::STREAM));
    service.ready();
    service
}

#[test]
fn one_process_and_one_policy_a_data_directory() {
    let nats = Nats::start();
    posts(&nats, 3);
    let mut service = counting(&nats);

    let second = service.another().finish();
    assert_eq!(second.code, Some(1), "{}", second.printed);
    assert!(second.printed.contains("is in use by another process"), "{}", second.printed);
    assert!(!second.printed.contains("listening"), "it took a port first: {}", second.printed);
    assert_eq!(service.badge("demo", "bob", &[]).count, 3, "the first is not disturbed");
    service.terminate();

    for (setting, other) in [("policy.own_messages", "\"mark_read\""), ("policy.message_window", "9999")] {
        let right = service.settings.clone();
        service.settings.set(setting, other);
        let refused = service.another().finish();
        assert_eq!(refused.code, Some(1), "{}", refused.printed);
        let value = setting.split_once('.').unwrap().1;
        assert!(refused.printed.contains(value), "no {value} in {}", refused.printed);
        service.settings = right;
    }
    // This one is no matter of counting.
    service.settings.set("policy.muted_rooms", "\"skip\"");
    service.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 3);
}

/// With the thread, none of those who answer gives memory back. What it does, the allocator's own test shows.
#[cfg(target_os = "linux")]
#[test]
fn a_thread_of_its_own_gives_memory_back() {
    let nats = Nats::start();
    let service = counting(&nats);
    let tasks = fs::read_dir(format!("/proc/{}/task", service.process_id())).unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    assert_eq!(names.filter(|name| name.trim_end() == "memory").count(), 1);
}

#[test]
fn sigterm_makes_everything_durable() {
    let mut nats = Nats::start();
    posts(&nats, 200);
    let mut service = counting(&nats);
    let last = post(&nats, "last");
    service.applied(last);
    let ended = service.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.printed);

    // Without a server nothing can be read again: what is there now was on the disk.
    nats.kill();
    service.restart();
    service.applied(last);
    assert_eq!(service.loaded(), last);
    service.durable(last);
    assert_eq!(service.terminate().code, Some(0), "also without a server");
}

#[test]
fn settings_are_told_from_mistakes() {
    let home = home();
    let file = home.path().join("tallymark.toml");
    fs::write(&file, "[nats]\nsubject_prefx = \"chat\"\n").unwrap();
    let refused = Program::run(home.path(), &["serve", "--config", "tallymark.toml"]);
    assert_eq!(refused.code, Some(2), "{}", refused.printed);
    assert!(refused.printed.contains("did you mean nats.subject_prefix?"), "{}", refused.printed);

    // Settings are read before the events, so that exit status 1 says that they are right.
    let default = Program::run(home.path(), &["config", "default"]);
    assert_eq!(default.code, Some(0), "{}", default.printed);
    let example = fs::read_to_string(xtask::root().join("deploy/tallymark.example.toml")).unwrap();
    for text in [default.printed, example] {
        fs::write(&file, text).unwrap();
        let read = Program::run(home.path(), &["publish", "--config", "tallymark.toml", "missing.ndjson"]);
        assert_eq!(read.code, Some(1), "{}", read.printed);
        assert!(read.printed.contains("can't open missing.ndjson"), "{}", read.printed);
    }
}

/// Names are an interface: dashboards and alerts have them.
#[test]
fn metrics_have_their_names() {
    let nats = Nats::start();
    posts(&nats, 3);
    let service = counting(&nats);
    service.badge("demo", "bob", &[]);
    let metrics = service.metrics();
    for name in [
        "tallymark_applied_sequence",
        "tallymark_durable_sequence",
        "tallymark_lag_events",
        "tallymark_lag_seconds",
        "tallymark_events_total",
        "tallymark_events_unchanged_total",
        "tallymark_events_malformed_total",
        "tallymark_dead_letters_waiting",
        "tallymark_commits_total",
        "tallymark_commit_rows_total",
        "tallymark_commit_bytes_total",
        "tallymark_commit_duration_seconds_count",
        "tallymark_http_requests_total",
        "tallymark_http_request_duration_seconds_bucket",
        "tallymark_rooms",
        "tallymark_users",
        "tallymark_memberships",
        "tallymark_tokens_cached",
        "tallymark_audit_checked_total",
        "tallymark_audit_drift_total",
        "tallymark_audit_passes_total",
        "tallymark_audit_left_out_total",
        "tallymark_audit_failures_total",
    ] {
        let is_series = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        assert!(metrics.text().lines().any(is_series), "no {name} in\n{}", metrics.text());
    }
    assert_eq!(metrics.with("tallymark_events_total", "kind", "message.posted"), 3);
    let counted = ["tallymark_rooms", "tallymark_users", "tallymark_memberships", "tallymark_tokens_cached"];
    assert_eq!(counted.map(|name| metrics.sum(name)), [1; 4]);
    assert_eq!(metrics.sum("tallymark_http_request_duration_seconds_count"), 1);
}

#[test]
fn answers_have_their_shapes_over_the_wire() {
    let nats = Nats::start();
    posts(&nats, 3);
    let service = counting(&nats);

    let found = service.ask("demo", "bob", &[]);
    assert_eq!((found.status, found.json()), (200, json!({"RC": 0, "RM": "OK", "result": {"badge": 3}})));
    assert_eq!(found.header("content-type"), Some("application/json"));
    assert_eq!(found.header("cache-control"), Some("no-store"));
    assert_eq!(found.header("badge-seq"), Some("4"));
    let head = service.request("HEAD", "/me/badge", "demo", "bob");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("badge-seq"), Some("4"));
    assert_eq!(head.header("content-length"), Some(found.body.len().to_string().as_str()));

    for (method, target, status, code) in [
        ("GET", "/me/badge/", 404, "NOT_FOUND"),
        ("POST", "/me/badges", 404, "NOT_FOUND"),
        ("GET", "/metrics", 404, "NOT_FOUND"),
        ("POST", "/me/badge", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/me/badge?roomTags=%zz", 400, "INVALID_ROOM_TAGS"),
    ] {
        let answer = service.request(method, target, "demo", "bob");
        assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{method} {target}");
        assert_eq!(answer.json()["RC"], status, "{method} {target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {target}");
        assert_eq!(answer.header("allow"), (status == 405).then_some("GET, HEAD"), "{method} {target}");
    }
    let unknown = service.public().get("/me/badge", &[("IM-CLIENT-KEY", "nobody")]).unwrap();
    assert_eq!((unknown.status, unknown.error_code().as_str()), (401, "INVALID_CLIENT_KEY"));

    let healthy = service.operator().get("/healthz", &[]).unwrap();
    assert_eq!(healthy.status, 200);
    let ready = service.operator().get("/readyz", &[]).unwrap().json();
    assert_eq!(
        (&ready["ready"], &ready["connected"], &ready["lag_events"]),
        (&json!(true), &json!(true), &json!(0))
    );
    assert!(ready["lag_seconds"].is_number(), "{ready}");
    assert_eq!(service.operator().get("/me/badge", &[]).unwrap().status, 404);
}

#[test]
fn tenants_never_see_each_other() {
    let nats = Nats::start();
    posts(&nats, 3);
    let mut service = counting(&nats);
    assert_eq!(service.badge("other", "bob", &[]).count, 0);

    nats.publish("chat.other.room.joined", r#"{"room":"r1","users":["bob"]}"#);
    // Counted, though nobody may ask for it.
    nats.publish("chat.stranger.room.joined", r#"{"room":"r1","users":["bob"]}"#);
    let last = nats.publish("chat.other.message.posted", r#"{"room":"r1","message":"m0","sender":"ann"}"#);
    service.applied(last);
    let (demo, other) = (service.badge("demo", "bob", &[]), service.badge("other", "bob", &[]));
    assert_eq!((demo.count, other.count), (3, 1));
    assert!(demo.sequence >= last && other.sequence >= last, "Badge-Seq grows");
    assert_eq!(service.metrics().sum("tallymark_memberships"), 3);

    let token = tests::token("other", "bob");
    let headers = [("IM-CLIENT-KEY", "demo-client-key"), ("IM-Authorization", token.as_str())];
    let refused = service.public().get("/me/badge", &headers).unwrap();
    assert_eq!((refused.status, refused.error_code().as_str()), (401, "INVALID_TOKEN"));
}
