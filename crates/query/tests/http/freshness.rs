//! How fresh an answer is, and how to ask for a fresh one.

use std::time::{Duration, Instant};

use counters::MutedRooms;

use crate::endpoints::{ask, service};
use crate::support::{MIN_SEQ_WAIT, Service};

/// Every question, with the credentials that it needs.
const QUESTIONS: [&str; 8] = [
    "GET /me/badge?MIN | client ann",
    "HEAD /me/badge?MIN | client ann",
    "GET /me/badge/summary?MIN | client ann",
    "GET /me/badge/rooms?MIN | client ann",
    "POST /badges/byRoomTags?MIN | client ann",
    r#"POST /badges/byRoomTagsAndTime?MIN | client ann json | {"beforeTime":"1970-01-01T00:00:01Z"}"#,
    r#"POST /badges?MIN | client json | {"tokens":["{ann}"]}"#,
    r#"POST /users/badges?MIN | api json | {"users":["ann"]}"#,
];

fn asking_for(sequence: u64) -> impl Iterator<Item = String> {
    QUESTIONS.into_iter().map(move |question| question.replace("MIN", &format!("minSeq={sequence}")))
}

fn advance(service: &mut Service) -> u64 {
    let next = service.counters.applied() + 1;
    service.counters.advance(next);
    service.arrivals.arrived(next);
    next
}

#[tokio::test]
async fn what_is_there_is_answered_at_once() {
    let service = service(MutedRooms::Count);
    let applied = service.counters.applied();
    for question in asking_for(applied) {
        let started = Instant::now();
        let answer = ask(&service, &question).await;
        assert_eq!(answer.status, 200, "{question}: {}", answer.body);
        assert_eq!(answer.header("badge-seq"), Some(applied.to_string().as_str()), "{question}");
        assert!(started.elapsed() < MIN_SEQ_WAIT, "{question} waited");
    }
}

#[tokio::test]
async fn an_event_that_does_not_come_in_time_is_not_yet_there() {
    let service = service(MutedRooms::Count);
    let applied = service.counters.applied();
    for question in asking_for(applied + 1) {
        let started = Instant::now();
        let answer = ask(&service, &question).await;
        assert!(started.elapsed() >= MIN_SEQ_WAIT, "{question} did not wait");
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("1")), "{question}");
        if question.starts_with("HEAD") {
            continue;
        }
        let error = &answer.json()["error"];
        assert_eq!((error["code"].as_str(), error["badgeSeq"].as_u64()), (Some("NOT_YET"), Some(applied)));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("Event {} ", applied + 1)), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_comes_is_waited_for() {
    let mut service = service(MutedRooms::Count);
    for question in QUESTIONS {
        let wanted = service.counters.applied() + 2;
        let question = question.replace("MIN", &format!("minSeq={wanted}"));
        let asked = ask_apart(&service, question.clone());
        tokio::time::sleep(Duration::from_millis(10)).await;
        advance(&mut service);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!asked.is_finished(), "{question} was answered too early");
        advance(&mut service);
        let (status, sequence) = asked.await.unwrap();
        assert_eq!((status, sequence), (200, Some(wanted)), "{question}");
    }
}

fn ask_apart(service: &Service, question: String) -> tokio::task::JoinHandle<(u16, Option<u64>)> {
    let routes = service.routes.clone();
    tokio::spawn(async move {
        let answer = crate::endpoints::ask_routes(&routes, &question).await;
        (answer.status.as_u16(), answer.header("badge-seq").and_then(|sequence| sequence.parse().ok()))
    })
}

#[tokio::test]
async fn a_closed_gate_is_not_waited_for() {
    let service = service(MutedRooms::Count);
    service.gate.close();
    for question in asking_for(99_999).filter(|question| !question.starts_with("HEAD")) {
        let started = Instant::now();
        let answer = ask(&service, &question).await;
        assert_eq!(answer.json()["error"]["code"], "NOT_READY", "{question}");
        assert!(started.elapsed() < MIN_SEQ_WAIT, "{question} waited");
    }
}

#[tokio::test]
async fn a_body_that_the_asker_has_is_not_sent_again() {
    let mut service = service(MutedRooms::Count);
    for target in ["/me/badge", "/me/badge/summary", "/me/badge/rooms"] {
        let plain = format!("GET {target} | client ann");
        let first = ask(&service, &plain).await;
        let tag = first.header("etag").expect("a tag").to_owned();
        let again = ask(&service, &format!("{plain} If-None-Match={tag}")).await;
        assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""), "{target}");
        assert_eq!(again.header("etag"), Some(tag.as_str()), "{target}");
        assert_eq!(again.header("badge-seq"), first.header("badge-seq"), "{target}");
        assert_eq!(again.header("cache-control"), Some("no-store"), "{target}");
        assert_eq!(again.header("content-type"), None, "{target}");
        // RFC 9110, section 8.6: there may be no other length than that of the body.
        assert_eq!(again.header("content-length"), first.header("content-length"), "{target}");
        let head = ask(&service, &format!("HEAD {target} | client ann If-None-Match={tag}")).await;
        assert_eq!((head.status.as_u16(), head.headers), (304, again.headers), "{target}");
        // Of another user, it is compared with what is theirs.
        let other = ask(&service, &format!("GET {target} | client bob If-None-Match={tag}")).await;
        assert_eq!(other.status, 200, "{target}");
        assert_ne!(other.header("etag"), Some(tag.as_str()), "{target}");
        // Nothing that was worked out before an event is given out after it.
        let sequence = advance(&mut service).to_string();
        let fresh = ask(&service, &format!("{plain} If-None-Match={tag}")).await;
        assert_eq!(
            (fresh.status.as_u16(), fresh.header("badge-seq")),
            (304, Some(sequence.as_str())),
            "{target}"
        );
        let message = format!("demo: posted plain new{sequence} eve");
        crate::badges::apply(&mut service.counters, &[&message]);
        let changed = ask(&service, &format!("{plain} If-None-Match={tag}")).await;
        assert_eq!(changed.status, 200, "{target}");
        assert_ne!(changed.body, first.body, "{target}");
        assert_ne!(changed.header("etag"), Some(tag.as_str()), "{target}");
    }
    let post = ask(&service, "POST /badges/byRoomTags | client ann If-None-Match=*").await;
    assert_eq!((post.status.as_u16(), post.header("etag")), (200, None));
}
