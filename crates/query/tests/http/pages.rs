//! `/me/badge/rooms`: a list in pages.

use counters::MutedRooms;
use serde_json::{Value, json};

use crate::badges::apply;
use crate::endpoints::{ask, check, service};
use crate::support::Service;

async fn page(service: &Service, query: &str) -> (Vec<String>, Option<String>) {
    let answer = ask(service, &format!("GET /me/badge/rooms?{query} | client ann")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let result = &answer.json()["result"];
    let name = |room: &Value| room["room"].as_str().unwrap().to_owned();
    let rooms = result["rooms"].as_array().unwrap().iter().map(name).collect();
    (rooms, result["next"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn a_room_says_what_is_unread_in_it() {
    let service = service(MutedRooms::Skip);
    let play = r#"{"room":"play","unread":3,"mentions":2,"muted":true,"tags":["b","c"]}"#;
    let work = r#"{"room":"work","unread":2,"mentions":1,"muted":false,"tags":["a","b"]}"#;
    let plain = r#"{"room":"plain","unread":1,"mentions":0,"muted":false,"tags":[]}"#;
    let quiet = r#"{"room":"quiet","unread":0,"mentions":0,"muted":false,"tags":["d"]}"#;
    for (query, rooms) in [
        ("", [play, work, plain, quiet].join(",")),
        ("?sort=unread", [play, work, plain, quiet].join(",")),
        ("?sort=id", [plain, play, quiet, work].join(",")),
        ("?roomTags=b", [play, work].join(",")),
        ("?roomTags=a&roomTags=d&tagMode=any&sort=id", [quiet, work].join(",")),
        ("?notRoomTags=b", [plain, quiet].join(",")),
        ("?roomTags=unknown", String::new()),
    ] {
        let expected = format!(r#"{{"rooms":[{rooms}],"next":null}}"#);
        check(&service, &format!("GET /me/badge/rooms{query} | client ann -> {expected}")).await;
    }
    check(&service, r#"GET /me/badge/rooms | client nobody -> {"rooms":[],"next":null}"#).await;
}

#[tokio::test]
async fn pages_have_every_room_once() {
    let service = service(MutedRooms::Count);
    let orders = [("unread", ["play", "work", "plain", "quiet"]), ("id", ["plain", "play", "quiet", "work"])];
    for (sort, expected) in orders {
        for limit in 1..=5 {
            let (mut rooms, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let (found, next) = page(&service, &format!("sort={sort}&limit={limit}{cursor}")).await;
                assert!(found.len() == limit || next.is_none(), "{sort} {limit}: a short page");
                rooms.extend(found);
                pages += 1;
                match next {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(rooms, expected, "{sort} {limit}");
            assert_eq!(pages, expected.len().div_ceil(limit), "{sort} {limit}");
        }
    }
}

/// The next page goes on after the place of the last room, whatever became of that room.
#[tokio::test]
async fn a_page_goes_on_where_the_one_before_ended() {
    let mut service = service(MutedRooms::Count);
    let (first, next) = page(&service, "limit=1").await;
    assert_eq!(first, ["play"]);
    let message = |place: usize| format!("demo: posted plain more{place} eve");
    let messages: Vec<String> = (0..4).map(message).collect();
    apply(&mut service.counters, &messages.iter().map(String::as_str).collect::<Vec<_>>());
    // `plain` has five by now, more than where the first page ended.
    let (second, _) = page(&service, &format!("limit=5&cursor={}", next.unwrap())).await;
    assert_eq!(second, ["work", "quiet"]);
    let (_, next) = page(&service, "limit=1&sort=id").await;
    apply(&mut service.counters, &["demo: joined pl ann", "demo: joined q ann"]);
    let (second, _) = page(&service, &format!("sort=id&cursor={}", next.unwrap())).await;
    assert_eq!(second, ["play", "q", "quiet", "work"]);
}

#[tokio::test]
async fn a_list_may_be_long() {
    let mut service = service(MutedRooms::Count);
    let joined: Vec<String> = (0..1_200).map(|room| format!("demo: joined room{room:04} ann")).collect();
    apply(&mut service.counters, &joined.iter().map(String::as_str).collect::<Vec<_>>());
    for (query, length) in [("", 100), ("limit=1000", 1_000), ("limit=1", 1)] {
        let (rooms, next) = page(&service, query).await;
        assert_eq!((rooms.len(), next.is_some()), (length, true), "{query}");
    }
}

#[tokio::test]
async fn what_is_no_page_is_refused() {
    let service = service(MutedRooms::Count);
    let (_, next) = page(&service, "limit=1&sort=id").await;
    let next = next.unwrap();
    for (query, expected) in [
        ("sort=", "INVALID_SORT"),
        ("sort=Unread", "INVALID_SORT"),
        ("sort=id&sort=id", "INVALID_SORT"),
        ("limit=0", "INVALID_LIMIT"),
        ("limit=1001", "INVALID_LIMIT"),
        ("limit=-1", "INVALID_LIMIT"),
        ("limit=x", "INVALID_LIMIT"),
        ("limit=1&limit=1", "INVALID_LIMIT"),
        ("cursor=", "INVALID_CURSOR"),
        ("cursor=x!", "INVALID_CURSOR"),
        ("sort=id&cursor=1&cursor=1", "INVALID_CURSOR"),
        (&format!("cursor={next}"), "INVALID_CURSOR"),
        (&format!("sort=unread&cursor={next}"), "INVALID_CURSOR"),
    ] {
        check(&service, &format!("GET /me/badge/rooms?{query} | client ann -> {expected}")).await;
    }
    let expected = json!(["play", "quiet", "work"]);
    assert_eq!(json!(page(&service, &format!("sort=id&cursor={next}")).await.0), expected);
}
