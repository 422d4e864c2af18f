//! `POST /users/badges`: the badges of any users of a tenant, for its servers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::{TagFilter, TagMode};
use events::Id;

use super::Badges;
use super::body::{self, List};
use crate::answer::{Found, Refused};
use crate::question::min_seq;
use crate::refusal::Refusal;
use crate::room_tags::RoomTags;

/// More than 1,000 users of 256 bytes and 32 tags take, unless nearly all of it is escaped.
const MOST_BODY_BYTES: usize = 1024 * 1024;
const USERS: List = List { name: "users", most: 1_000, refusal: Refusal::InvalidUsers };
/// As sent; only 32 of them may be distinct.
const ROOM_TAGS: List = List { name: "roomTags", most: 1_000, refusal: Refusal::InvalidRoomTags };

pub(crate) async fn of_users(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    let (asked, body) = request.into_parts();
    let found = badges.for_server(&asked, body, started).await;
    badges.reply(&asked, found, started)
}

impl Badges {
    async fn for_server(&self, asked: &Parts, body: Body, started: Instant) -> Result<Found, Refused> {
        let server = self.admission().server(&asked.headers)?;
        self.admit(server.tenant(), None, started)?;
        let body = body::read(&asked.headers, body, MOST_BODY_BYTES).await?;
        let [users, tags] = body::lists(&body, &[USERS, ROOM_TAGS])?;
        let mut users = users.ok_or(Refusal::InvalidUsers)?;
        if users.iter().any(|user| Id::new(&**user).is_err()) {
            return Err(Refusal::InvalidUsers.into());
        }
        let tags = tags.unwrap_or_default();
        let tags = RoomTags::of(tags.iter().map(|tag| &**tag)).map_err(|_| Refusal::InvalidRoomTags)?;
        let min_seq = min_seq(asked.uri.query().unwrap_or(""))?;
        let mut seen = HashSet::new();
        users.retain(|user| seen.insert(user.clone()));
        let users: Vec<&str> = users.iter().map(|user| &**user).collect();
        let tags = tags.to_vec();
        let filter = TagFilter { tags: &tags, mode: TagMode::All, not: &[] };
        self.of_users(&server.tenant().name, &users, filter, min_seq).await
    }
}
