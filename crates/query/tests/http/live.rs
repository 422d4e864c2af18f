//! `GET /me/badge/live`: what is sent, and when it ends.

use std::num::NonZero;
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, Method};
use query::{LiveLimits, Rate, Rates, Tenants};

use crate::chat::{Chat, Live, live_request, refused};
use crate::support::{LIVE_INTERVAL, MIN_SEQ_WAIT, NOW, Service, demo, hs256, other, token_of};

fn chat() -> Chat {
    Chat::new(LiveLimits::default())
}

#[tokio::test]
async fn it_begins_with_the_number_and_goes_on_with_each_change() {
    let mut chat = chat();
    chat.apply("joined r1 ann,bob");
    let mut live = chat.live("bob", "").await;
    let header = |name| live.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap());
    assert_eq!(header("content-type"), Some("text/event-stream"));
    assert_eq!((header("cache-control"), header("badge-seq")), (Some("no-store"), Some("1")));
    assert_eq!(live.event().await.unwrap(), "retry: 1000\nevent: badge\nid: 1\ndata: {\"badge\":0}");
    chat.apply("posted r1 m1 by ann");
    assert_eq!(live.event().await.unwrap(), "event: badge\nid: 2\ndata: {\"badge\":1}");
    chat.apply("read r1 bob");
    assert_eq!(live.event().await.unwrap(), "event: badge\nid: 3\ndata: {\"badge\":0}");
    chat.apply("posted r1 m2 by bob; posted r2 m1 by ann");
    assert!(live.is_quiet().await, "bob's number is the same");
    assert_eq!(chat.service.metric("tallymark_http_live_events_total"), 3);
}

/// One line a case: `query | number at first | events | numbers after them`.
#[tokio::test]
async fn filters_are_those_of_the_badge() {
    for line in [
        "                             | 3 | posted plain p2 by ann   | 4",
        "?roomTags=work               | 2 | posted both b2 by ann    | 3",
        "?roomTags=work               | 2 | posted plain p2 by ann   | -",
        "?roomTags=work&roomTags=late | 1 | tagged work work,late    | 2",
        "?roomTags=work&roomTags=late | 1 | tagged both work         | 0",
        "?roomTags=late&roomTags=new&tagMode=any | 1 | tagged plain new | 2",
        "?notRoomTags=work            | 1 | posted both b2 by ann    | -",
        "?notRoomTags=work            | 1 | tagged work -            | 2",
        "?minSeq=7&x=y                | 3 | room_deleted both        | 2",
    ] {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let mut chat = chat();
        chat.apply(
            "joined plain ann,bob; joined work ann,bob; joined both ann,bob; tagged work work; tagged both work,late; \
             posted plain p1 by ann; posted work w1 by ann; posted both b1 by ann",
        );
        let mut live = chat.live("bob", fields[0]).await;
        assert_eq!(live.number().await, fields[1].parse::<u64>().unwrap(), "{line}");
        chat.apply(fields[2]);
        match fields[3].parse() {
            Ok(number) => assert_eq!(live.numbers_to(number).await.last(), Some(&number), "{line}"),
            Err(_) => assert!(live.is_quiet().await, "{line}"),
        }
    }
}

#[tokio::test]
async fn a_refusal_is_that_of_the_badge() {
    let chat = chat();
    let ann = token_of("ann");
    let checks = [
        ("", "forged", "401 INVALID_TOKEN -"),
        ("?roomTags=", "forged", "401 INVALID_TOKEN -"),
        ("?roomTags=", &*ann, "400 INVALID_ROOM_TAGS -"),
        ("?notRoomTags[]=a", &ann, "400 INVALID_ROOM_TAGS -"),
        ("?tagMode=some", &ann, "400 INVALID_TAG_MODE -"),
        ("?minSeq=-1", &ann, "400 INVALID_MIN_SEQ -"),
        ("?minSeq=1", &ann, "503 NOT_YET 1"),
    ];
    for (query, token, expected) in checks {
        assert_eq!(refused(&chat.service.routes, live_request(query, token)).await, expected, "{query}");
    }
    let mut unknown = live_request("", &ann);
    unknown.headers_mut().insert("im-client-key", "unknown".parse().unwrap());
    assert_eq!(refused(&chat.service.routes, unknown).await, "401 INVALID_CLIENT_KEY -");
    for method in [Method::POST, Method::HEAD, Method::OPTIONS] {
        let mut request = live_request("", &ann);
        *request.method_mut() = method;
        let answer = chat.service.ask(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET")));
    }
    chat.service.gate.close();
    assert_eq!(refused(&chat.service.routes, live_request("?minSeq=1", &ann)).await, "503 NOT_READY 5");
    assert_eq!(chat.service.metric("tallymark_http_live_connections"), 0);
}

#[tokio::test]
async fn who_reconnects_never_sees_an_older_number() {
    let mut chat = chat();
    chat.apply("joined r1 ann,bob; posted r1 m1 by ann");
    let after = |id: &str| {
        let mut request = live_request("", &token_of("bob"));
        request.headers_mut().insert("last-event-id", id.parse().unwrap());
        request
    };
    // The same number as before comes at once too.
    let mut live = Live::open(&chat.service.routes, after("2")).await;
    assert_eq!(live.event().await.unwrap(), "retry: 1000\nevent: badge\nid: 2\ndata: {\"badge\":1}");
    let began = Instant::now();
    assert_eq!(refused(&chat.service.routes, after("3")).await, "503 NOT_YET 1");
    assert!(began.elapsed() >= MIN_SEQ_WAIT, "it did not wait");
    let routes = chat.service.routes.clone();
    let waiting = tokio::spawn(async move { Live::open(&routes, after("3")).await.number().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished(), "too early");
    chat.apply("posted r1 m2 by ann");
    assert_eq!(waiting.await.unwrap(), 2);
    for id in ["", "x", "-1", "+1", "1.5", "9007199254740992", "é"] {
        let mut request = after("1");
        request.headers_mut().insert("last-event-id", HeaderValue::from_bytes(id.as_bytes()).unwrap());
        assert_eq!(refused(&chat.service.routes, request).await, "400 INVALID_LAST_EVENT_ID -", "{id:?}");
    }
    let mut twice = after("1");
    twice.headers_mut().append("last-event-id", HeaderValue::from_static("1"));
    assert_eq!(refused(&chat.service.routes, twice).await, "400 INVALID_LAST_EVENT_ID -");
    // The later of the two is waited for.
    let mut both = after("1");
    *both.uri_mut() = "/me/badge/live?minSeq=99".parse().unwrap();
    assert_eq!(refused(&chat.service.routes, both).await, "503 NOT_YET 1");
}

#[tokio::test]
async fn what_changes_too_fast_is_skipped_but_for_the_last() {
    let mut chat = chat();
    chat.apply("joined r1 ann,bob");
    let mut live = chat.live("bob", "").await;
    assert_eq!(live.number().await, 0);
    let began = Instant::now();
    let listening = tokio::spawn(async move {
        let numbers = live.numbers_to(200).await;
        (numbers, live)
    });
    for message in 1..=200 {
        chat.apply(&format!("posted r1 m{message} by ann"));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (numbers, mut live) = listening.await.unwrap();
    let most = began.elapsed().div_duration_f64(LIVE_INTERVAL) + 1.0;
    assert!(numbers.len() > 2 && numbers.len() as f64 <= most, "{} numbers, {most} at most", numbers.len());
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert!(live.is_quiet().await);
}

#[tokio::test]
async fn silence_is_broken_by_comments() {
    let keep_alive = Duration::from_millis(30);
    let mut chat = Chat::new(LiveLimits { keep_alive, ..LiveLimits::default() });
    chat.apply("joined r1 ann,bob");
    let mut live = chat.live("bob", "").await;
    assert_eq!(live.number().await, 0);
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(live.event().await.as_deref(), Some(":"));
    }
    assert!(began.elapsed() >= keep_alive * 3 - Duration::from_millis(5), "{:?}", began.elapsed());
    chat.apply("posted r1 m1 by ann");
    while live.event().await.as_deref() == Some(":") {}
}

#[tokio::test]
async fn it_ends_when_the_counts_can_not_be_trusted_or_the_service_stops() {
    let mut chat = chat();
    chat.apply("joined r1 ann,bob");
    let mut live = chat.live("bob", "").await;
    assert_eq!(live.number().await, 0);
    chat.service.gate.close();
    chat.service.hub.look_again();
    assert_eq!(live.end().await, r#"{"reason":"not_ready"}"#);
    chat.service.gate.open();
    let mut live = chat.live("bob", "").await;
    assert_eq!(live.number().await, 0);
    chat.service.hub.close();
    assert_eq!(live.end().await, r#"{"reason":"stopping"}"#);
    let mut live = chat.live("bob", "").await;
    assert_eq!(live.number().await, 0);
    assert_eq!(live.end().await, r#"{"reason":"stopping"}"#);
    drop(live);
    let ended =
        |reason| chat.service.metric(&format!("tallymark_http_live_ended_total{{reason=\"{reason}\"}}"));
    assert_eq!(["not_ready", "stopping", "token", "client"].map(ended), [1, 2, 0, 0]);
    assert_eq!(chat.service.metric("tallymark_http_live_connections"), 0);
}

#[tokio::test]
async fn it_ends_with_the_token() {
    // It expires.
    let mut chat = chat();
    chat.apply("joined r1 ann,bob");
    let short = hs256(b"demo-secret", &format!(r#"{{"sub":"bob","exp":{}.2}}"#, NOW));
    let mut live = Live::open(&chat.service.routes, live_request("", &short)).await;
    assert_eq!(live.number().await, 0);
    *chat.service.now.lock() += Duration::from_secs(1);
    assert_eq!(live.end().await, r#"{"reason":"token"}"#);
    // Nothing that comes after its end is told, though nobody has looked at the clock in between.
    let mut live = chat.live("bob", "").await;
    assert_eq!(live.number().await, 0);
    *chat.service.now.lock() += Duration::from_secs(60);
    chat.apply("posted r1 m1 by ann");
    assert_eq!(live.end().await, r#"{"reason":"token"}"#);
    // Its tenant, its client key or its key is taken away.
    let renamed = query::Tenant { client_keys: vec!["new-client-key".to_owned()], ..demo() };
    let rekeyed = query::Tenant { keys: other().keys, ..demo() };
    for tenants in [vec![other()], vec![renamed, other()], vec![rekeyed]] {
        let mut chat = chat_of(vec![demo(), other()]);
        chat.apply("joined r1 ann,bob");
        let mut live = chat.live("bob", "").await;
        assert_eq!(live.number().await, 0);
        chat.service.admission.admit(Tenants::new(vec![demo()]).unwrap());
        assert!(live.is_quiet().await, "it is as good as before");
        chat.service.admission.admit(Tenants::new(tenants).unwrap());
        assert_eq!(live.end().await, r#"{"reason":"token"}"#);
    }
}

fn chat_of(tenants: Vec<query::Tenant>) -> Chat {
    Chat::of(Service::with(tenants, 100))
}

#[tokio::test]
async fn there_are_so_many_and_no_more() {
    let limits = LiveLimits { connections: 2, connections_per_user: 1, ..LiveLimits::default() };
    let chat = Chat::new(limits);
    let ask = |user: &str| live_request("", &token_of(user));
    let ann = chat.live("ann", "").await;
    assert_eq!(refused(&chat.service.routes, ask("ann")).await, "503 OVERLOADED 1");
    let _bob = chat.live("bob", "").await;
    assert_eq!(refused(&chat.service.routes, ask("cid")).await, "503 OVERLOADED 1");
    assert_eq!(chat.service.metric("tallymark_http_live_connections"), 2);
    drop(ann);
    let _cid = chat.live("cid", "").await;
    assert_eq!(chat.service.metric("tallymark_http_live_ended_total{reason=\"client\"}"), 1);
    assert_eq!(chat.service.metric("tallymark_http_live_connections"), 2);
}

#[tokio::test]
async fn opening_one_is_one_request() {
    let two = Rate { per_second: NonZero::<u32>::MIN, burst: NonZero::new(2).unwrap() };
    let later = Instant::now() + Duration::from_secs(3600);
    let mut chat = Chat::of(Service::with_rates(Rates::new(None, Some(two), 100, later)));
    chat.apply("joined r1 ann,bob");
    let mut live = chat.live("bob", "").await;
    for message in 1..=5 {
        chat.apply(&format!("posted r1 m{message} by ann"));
        live.numbers_to(message).await;
    }
    let _second = chat.live("bob", "").await;
    let third = refused(&chat.service.routes, live_request("", &token_of("bob"))).await;
    assert_eq!(third, "429 RATE_LIMIT_EXCEEDED 1");
}
