//! The numbers, and how far they reach.

use axum::body::Body;
use axum::http::Request;
use counters::{Counters, MutedRooms, Policies};
use events::{
    Body as Kind, Event, History, Id, MessagePosted, RoomJoined, RoomMuted, RoomTagged, Tag, Tenant,
};

use crate::support::{NOW, Service, badge_request, demo, hs256, other, token_of};

fn id(text: &str) -> Id<'_> {
    Id::new(text).unwrap()
}

/// Applies events written as `tenant: what room argument…`, one a line, with the sequences 1, 2, 3…
pub(crate) fn apply(counters: &mut Counters, lines: &[&str]) {
    for line in lines {
        let (tenant, event) = line.split_once(": ").unwrap();
        let words: Vec<_> = event.split(' ').collect();
        let room = id(words[1]);
        let body = match (words[0], &words[2..]) {
            ("joined", users) => {
                let users = users.iter().map(|user| id(user)).collect();
                Kind::RoomJoined(RoomJoined { room, users, history: History::None })
            }
            ("tagged", tags) => {
                let tags = tags.iter().map(|tag| Tag::new(*tag).unwrap()).collect();
                Kind::RoomTagged(RoomTagged { room, tags })
            }
            ("muted", [user]) => Kind::RoomMuted(RoomMuted { room, user: id(user), muted: true }),
            ("posted", [message, sender]) => Kind::MessagePosted(MessagePosted {
                room,
                message: id(message),
                sender: id(sender),
                at: None,
                silent: false,
                mentions: Vec::new(),
                mention_all: false,
            }),
            _ => panic!("no such event: {line}"),
        };
        let event = Event { tenant: Tenant::new(tenant).unwrap(), body };
        let located = counters.locate(&event);
        counters.apply(&event, located, None, NOW * 1_000).unwrap();
        counters.advance(counters.applied() + 1);
    }
}

const HISTORY: [&str; 15] = [
    "demo: joined r1 ann bob",
    "demo: joined r2 ann",
    "demo: joined r3 ann",
    "demo: tagged r1 work urgent",
    "demo: tagged r2 work très+urgent",
    "demo: muted r3 ann",
    "demo: posted r1 m1 bob",
    "demo: posted r1 m2 bob",
    "demo: posted r1 m3 ann",
    "demo: posted r2 m1 eve",
    "demo: posted r3 m1 eve",
    "demo: posted r3 m2 eve",
    "demo: posted r3 m3 eve",
    "other: joined r1 ann",
    "other: posted r1 m1 bob",
];

fn service(muted_rooms: MutedRooms) -> Service {
    let mut counters = Counters::new(Policies::default());
    apply(&mut counters, &HISTORY);
    Service::counting(counters, vec![demo(), other()], 100, muted_rooms)
}

/// One line a case: `user query -> badge`.
async fn check(service: &Service, line: &str) {
    let (asked, badge) = line.split_once(" -> ").unwrap();
    let (user, query) = asked.trim().split_once(' ').unwrap_or((asked.trim(), ""));
    let request = Request::get(format!("/me/badge{}", query.trim()))
        .header("IM-CLIENT-KEY", "demo-client-key")
        .header("IM-Authorization", token_of(user));
    let answer = service.ask(request.body(Body::empty()).unwrap()).await;
    let expected = format!(r#"{{"RC":0,"RM":"OK","result":{{"badge":{badge}}}}}"#);
    assert_eq!(answer.body, expected, "{line}");
    assert_eq!(answer.header("badge-seq"), Some("15"), "{line}");
}

#[tokio::test]
async fn badges() {
    let service = service(MutedRooms::Count);
    for line in [
        "ann                                        -> 6",
        "ann ?roomTags=work                         -> 3",
        "ann ?roomTags=urgent                       -> 2",
        "ann ?roomTags=work&roomTags=urgent         -> 2",
        "ann ?roomTags=urgent&roomTags=work&roomTags=work -> 2",
        "ann ?roomTags=tr%C3%A8s%2Burgent           -> 1",
        "ann ?roomTags=très%2Burgent                -> 1",
        "ann ?roomTags=tr%C3%A8s+urgent             -> 0",
        "ann ?roomTags=Work                         -> 0",
        "ann ?roomTags=work&roomTags=unknown        -> 0",
        "ann ?tags=urgent                           -> 6",
        "bob                                        -> 1",
        "eve                                        -> 0",
        "nobody                                     -> 0",
        "Ann                                        -> 0",
    ] {
        check(&service, line).await;
    }
}

#[tokio::test]
async fn muted_rooms_can_be_left_out() {
    let service = service(MutedRooms::Skip);
    for line in ["ann -> 3", "ann ?roomTags=work -> 3", "bob -> 1"] {
        check(&service, line).await;
    }
}

/// The same user id at two tenants is two users.
#[tokio::test]
async fn tenants_are_apart() {
    let service = service(MutedRooms::Count);
    let token = hs256(b"other-secret", r#"{"sub":"ann","exp":1800000000}"#);
    let answer = service.ask(badge_request("other-client-key", &token)).await;
    assert_eq!(answer.json()["result"]["badge"], 1);
}

#[tokio::test]
async fn a_badge_follows_the_events() {
    let mut service = service(MutedRooms::Count);
    check(&service, "bob -> 1").await;
    apply(&mut service.counters, &["demo: posted r1 m4 ann"]);
    let answer = service.ask_with(&token_of("bob")).await;
    assert_eq!(answer.header("badge-seq"), Some("16"));
    assert_eq!(answer.json()["result"]["badge"], 2);
}
