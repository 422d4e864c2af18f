//! All questions but the plain badge, compared with the recount.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use oracle::{Filter, RoomOfUser, Sums};
use serde_json::{Value, json};

use super::Recount;
use crate::asker::encoded;
use crate::service::Service;
use crate::settings;

/// So many rooms a page, so that there are several.
const ROOMS_A_PAGE: usize = 3;
/// What the service allows.
const USERS_AT_ONCE: usize = 1_000;
const TOKENS_AT_ONCE: usize = 100;

impl Recount {
    /// Asks the service everything that can be asked about these users, former members too, with each of these
    /// filters, and for the tags of each filter one by one. Panics if an answer is another than the recount.
    /// Returns the sum of all unread mentions, so that a test can see that not everything was zero.
    #[track_caller]
    pub fn check_family(
        &self,
        service: &Service,
        tenant: &str,
        users: &[&str],
        filters: &[Filter<'_>],
    ) -> u64 {
        let users: BTreeSet<&str> = users.iter().copied().chain(self.users(tenant)).collect();
        let mut mentions = 0;
        for user in &users {
            for filter in filters {
                mentions += self.check_rooms(service, (tenant, user), *filter);
            }
            let mut lists: Vec<&[&str]> = filters.iter().map(|filter| filter.tags).collect();
            lists.sort_unstable();
            lists.dedup();
            for tags in lists {
                self.check_by_tags(service, (tenant, user), tags);
            }
        }
        let users: Vec<&str> = users.into_iter().collect();
        for filter in filters.iter().filter(|filter| !filter.any && filter.not.is_empty()) {
            self.check_users(service, tenant, &users, filter.tags);
        }
        mentions
    }

    #[track_caller]
    fn check_rooms(&self, service: &Service, (tenant, user): (&str, &str), filter: Filter<'_>) -> u64 {
        let mut rooms = self.oracle.room_list(tenant, user, filter);
        let counts = |room: &&RoomOfUser<'_>| !(self.skip_muted && room.muted);
        let (counted, muted) = self.oracle.summary(tenant, user, filter, self.skip_muted);
        assert_eq!(counted.unread, rooms.iter().filter(counts).map(|room| room.unread).sum::<u64>());
        let part =
            |sums: Sums| json!({ "badge": sums.unread, "rooms": sums.rooms, "mentions": sums.mentions });
        let mut summary = part(counted);
        summary["muted"] = part(muted);
        let query = query(filter);
        let ask = |target: String| {
            let answer = service.request("GET", &target, tenant, user);
            assert_eq!(answer.status, 200, "{target}: {answer:?}");
            answer.json()["result"].clone()
        };
        assert_eq!(ask(format!("/me/badge?{query}")), json!({ "badge": counted.unread }), "{user} {query}");
        assert_eq!(ask(format!("/me/badge/summary?{query}")), summary, "{user} {query}");
        for sort in ["id", "unread"] {
            if sort == "unread" {
                rooms.sort_by_key(|room| Reverse(room.unread));
            }
            let (mut found, mut cursor) = (Vec::new(), String::new());
            loop {
                let target = format!("/me/badge/rooms?sort={sort}&limit={ROOMS_A_PAGE}&{query}{cursor}");
                let page = ask(target);
                found.extend(page["rooms"].as_array().expect("a list").iter().cloned());
                match page["next"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            let expected: Vec<Value> = rooms.iter().map(room).collect();
            assert_eq!(found, expected, "{user} {query} by {sort}");
        }
        counted.mentions
    }

    #[track_caller]
    fn check_by_tags(&self, service: &Service, (tenant, user): (&str, &str), tags: &[&str]) {
        let (total, parts) = self.oracle.by_tags(tenant, user, tags, self.skip_muted);
        let found = service.post("/badges/byRoomTags", &json!({ "tags": tags }), tenant, user);
        let expected = json!({ "totalBadge": total, "data": parts });
        assert_eq!(found["result"], expected, "{user} {tags:?}: {found}");
    }

    #[track_caller]
    fn check_users(&self, service: &Service, tenant: &str, users: &[&str], tags: &[&str]) {
        let badges = self.oracle.badges(tenant, tags, self.skip_muted);
        let expected = |users: &[&str]| {
            let badge = |user: &&str| badges.get(user).copied().unwrap_or(0);
            let one = |user: &&str| json!({ "client": user, "badge": badge(user) });
            let total: u64 = users.iter().map(badge).sum();
            json!({ "data": users.iter().map(one).collect::<Vec<_>>(), "totalBadge": total })
        };
        for users in users.chunks(USERS_AT_ONCE) {
            let body = json!({ "users": users, "roomTags": tags });
            let found = service.post("/users/badges", &body, tenant, users[0]);
            assert_eq!(found["result"], expected(users), "{tags:?}: {found}");
        }
        if tags.is_empty() {
            for users in users.chunks(TOKENS_AT_ONCE) {
                let tokens: Vec<String> = users.iter().map(|user| settings::token(tenant, user)).collect();
                let found = service.post("/badges", &json!({ "tokens": tokens }), tenant, users[0]);
                assert_eq!(found["result"], expected(users), "{found}");
            }
        }
    }
}

fn room(room: &RoomOfUser<'_>) -> Value {
    let RoomOfUser { room, tags, unread, mentions, muted } = room;
    json!({ "room": room, "unread": unread, "mentions": mentions, "muted": muted, "tags": tags })
}

fn query(filter: Filter<'_>) -> String {
    let tags = filter.tags.iter().map(|tag| format!("roomTags={}", encoded(tag)));
    let not = filter.not.iter().map(|tag| format!("notRoomTags={}", encoded(tag)));
    let mode = filter.any.then(|| "tagMode=any".to_owned());
    tags.chain(not).chain(mode).collect::<Vec<_>>().join("&")
}
