//! Random histories: every question with every filter, against the oracle.

use counters::{Counters, MutedRooms};
use oracle::history::{History, TAGS, TENANTS, USERS, Variant};
use oracle::{Filter, Oracle};
use serde_json::{Value, json};

use crate::endpoints::ask_routes;
use crate::model::{Remembering, policies};
use crate::support::{Service, hs256, tenant};

const HISTORIES: u64 = 30;
const LENGTH: usize = 200;
/// Between two comparisons.
const STEP: usize = 50;

struct Asker<'a> {
    service: &'a Service,
    oracle: &'a Oracle,
    tenant: &'a str,
    user: &'a str,
    skip_muted: bool,
    place: String,
}

impl Asker<'_> {
    /// A question with its credentials: of a user, or with a body, of a server too.
    async fn result(&self, question: &str, body: Option<&Value>) -> Value {
        let Self { service, tenant, place, .. } = self;
        let token = self.token(self.user);
        let mut line = format!("{question} | im-client-key={tenant}-client-key im-authorization={token}");
        if let Some(body) = body {
            line += &format!(" im-api-key={tenant}-api-key json | {body}");
        }
        let answer = ask_routes(&service.routes, &line).await;
        let sequence = service.counters.applied().to_string();
        assert_eq!(answer.status, 200, "{place}: {line}: {}", answer.body);
        assert_eq!(answer.header("badge-seq"), Some(sequence.as_str()), "{place}: {line}");
        answer.json()["result"].clone()
    }

    fn token(&self, user: &str) -> String {
        hs256(
            format!("{}-secret", self.tenant).as_bytes(),
            &format!(r#"{{"sub":"{user}","exp":1800000000}}"#),
        )
    }

    async fn check(&self, question: &str, body: Option<&Value>, expected: &Value) {
        let Self { place, user, .. } = self;
        assert_eq!(self.result(question, body).await, *expected, "{place}: {user} {question} {body:?}");
    }

    async fn check_filter(&self, filter: Filter<'_>) {
        let Self { oracle, tenant, user, skip_muted, .. } = *self;
        let query = query(filter);
        let (counted, muted) = oracle.summary(tenant, user, filter, skip_muted);
        let part = |sums: oracle::Sums| json!({ "badge": sums.unread, "rooms": sums.rooms, "mentions": sums.mentions });
        let mut summary = part(counted);
        summary["muted"] = part(muted);
        self.check(&format!("GET /me/badge?{query}"), None, &json!({ "badge": counted.unread })).await;
        self.check(&format!("GET /me/badge/summary?{query}"), None, &summary).await;
        let mut rooms = oracle.room_list(tenant, user, filter);
        self.check(&format!("GET /me/badge/rooms?sort=id&{query}"), None, &list(&rooms)).await;
        rooms.sort_by_key(|room| std::cmp::Reverse(room.unread));
        self.check(&format!("GET /me/badge/rooms?{query}"), None, &list(&rooms)).await;
        if !filter.any && filter.not.is_empty() {
            let badge = |user: &&str| json!({ "client": user, "badge": oracle.badge(tenant, user, filter.tags, skip_muted) });
            let total: u64 =
                USERS.iter().map(|user| oracle.badge(tenant, user, filter.tags, skip_muted)).sum();
            let data: Vec<Value> = USERS.iter().map(badge).collect();
            let body = json!({ "users": USERS, "roomTags": filter.tags });
            let expected = json!({ "data": data, "totalBadge": total });
            self.check("POST /users/badges", Some(&body), &expected).await;
            if filter.tags.is_empty() {
                let tokens: Vec<String> = USERS.iter().map(|user| self.token(user)).collect();
                self.check("POST /badges", Some(&json!({ "tokens": tokens })), &expected).await;
            }
        }
    }

    async fn check_tags(&self, tags: &[&str]) {
        let (total, parts) = self.oracle.by_tags(self.tenant, self.user, tags, self.skip_muted);
        let body = json!({ "tags": tags });
        let expected = json!({ "totalBadge": total, "data": parts });
        self.check("POST /badges/byRoomTags", Some(&body), &expected).await;
    }
}

fn list(rooms: &[oracle::RoomOfUser<'_>]) -> Value {
    let room = |room: &oracle::RoomOfUser<'_>| {
        let oracle::RoomOfUser { room, tags, unread, mentions, muted } = room;
        json!({ "room": room, "tags": tags, "unread": unread, "mentions": mentions, "muted": muted })
    };
    json!({ "rooms": rooms.iter().map(room).collect::<Vec<_>>(), "next": null })
}

fn query(filter: Filter<'_>) -> String {
    let tags = filter.tags.iter().map(|tag| format!("roomTags={tag}"));
    let not = filter.not.iter().map(|tag| format!("notRoomTags={tag}"));
    let mode = filter.any.then(|| "tagMode=any".to_owned());
    tags.chain(not).chain(mode).collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn every_answer_is_the_oracles() {
    let sets: [&[&str]; 5] = [&[], &TAGS[..1], &TAGS[..2], &TAGS, &["c", "unknown"]];
    let tenants =
        TENANTS.map(|name| tenant(name, query::Algorithm::Hs256, format!("{name}-secret").as_bytes()));
    for (seed, variant) in (0..HISTORIES).zip(Variant::ALL.into_iter().cycle()) {
        let history = History::generate(seed, LENGTH, variant);
        let skip_muted = seed % 2 == 1;
        let muted_rooms = if skip_muted { MutedRooms::Skip } else { MutedRooms::Count };
        let counters = Counters::new(policies(history.policies));
        let mut service = Service::counting(counters, tenants.to_vec(), 100, muted_rooms);
        let (mut oracle, mut remembering) = (Oracle::new(history.policies), Remembering::default());
        for (position, (event, stored_ms)) in history.events.iter().enumerate() {
            oracle.apply(event, *stored_ms);
            remembering.apply(&mut service.counters, event, *stored_ms);
            if (position + 1) % STEP != 0 {
                continue;
            }
            for tenant in TENANTS {
                for user in USERS {
                    let place = format!("seed {seed} event {position}: {tenant}");
                    let asker = Asker { service: &service, oracle: &oracle, tenant, user, skip_muted, place };
                    for tags in sets {
                        for (any, not) in
                            [(false, &[][..]), (true, &[]), (false, &["b"]), (true, &["a", "unknown"])]
                        {
                            asker.check_filter(Filter { tags, any, not }).await;
                        }
                        asker.check_tags(tags).await;
                    }
                }
            }
        }
    }
}
