//! The badges of any users of a tenant, for its servers: what is asked, and `POST /users/badges`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::{TagFilter, TagMode};
use events::{Id, MAX_ID_BYTES};
use serde_json::json;

use super::Badges;
use super::body::{self, List};
use super::of_tokens::OfUsers;
use crate::answer::{Found, Refused};
use crate::openapi::{self, Asker, Content, Operation, Property, Reply};
use crate::question::min_seq;
use crate::refusal::Refusal;
use crate::room_tags::RoomTags;

/// More than 1,000 users of 256 bytes and 32 tags take, unless nearly all of it is escaped.
pub(super) const MOST_BODY_BYTES: usize = 1024 * 1024;
const USERS: List = List { name: "users", most: 1_000, refusal: Refusal::InvalidUsers };
/// As sent; only 32 of them may be distinct.
const ROOM_TAGS: List = List { name: "roomTags", most: 1_000, refusal: Refusal::InvalidRoomTags };

/// Who is asked about, and which of their rooms.
#[derive(Debug)]
pub(super) struct AboutUsers<'b> {
    /// Each once, in the order in which they were first given.
    pub(super) users: Vec<Cow<'b, str>>,
    pub(super) tags: RoomTags<'b>,
}

impl<'b> AboutUsers<'b> {
    /// Reads the body of a question.
    pub(super) fn parse(body: &'b [u8]) -> Result<Self, Refusal> {
        let [users, tags] = body::lists(body, &[USERS, ROOM_TAGS])?;
        let mut users = users.ok_or(Refusal::InvalidUsers)?;
        if users.iter().any(|user| Id::new(&**user).is_err()) {
            return Err(Refusal::InvalidUsers);
        }
        let tags =
            RoomTags::of(tags.unwrap_or_default().into_iter()).map_err(|_| Refusal::InvalidRoomTags)?;
        let mut seen = HashSet::new();
        users.retain(|user| seen.insert(user.clone()));
        Ok(Self { users, tags })
    }

    /// The same, borrowed from nothing.
    pub(super) fn into_owned(self) -> AboutUsers<'static> {
        let users = self.users.into_iter().map(|user| Cow::Owned(user.into_owned())).collect();
        AboutUsers { users, tags: self.tags.into_owned() }
    }
}

pub(crate) fn operation() -> Operation {
    let mut users = Property::list(USERS, &openapi::text(MAX_ID_BYTES), true, json!(["ann", "bob"]));
    users.description = "Ids, as in the events. Somebody whom nobody has heard of has 0.".to_owned();
    let mut tags = Property::list(ROOM_TAGS, &openapi::tag(), false, json!(["work"]));
    tags.description = "Only rooms with all of these tags. At most 32 distinct ones.".to_owned();
    Operation {
        id: "getBadgesOfUsers",
        summary: "The numbers of any users, for a tenant's servers",
        description: "What a push sender needs to set the number on an icon.",
        asker: Asker::Server,
        parameters: vec![openapi::min_seq()],
        body: Some(Content { most_bytes: MOST_BODY_BYTES, properties: vec![users, tags] }),
        reply: Reply::like(&OfUsers::example()),
    }
}

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
        let about = AboutUsers::parse(&body)?;
        let min_seq = min_seq(asked.uri.query().unwrap_or(""))?;
        if let Some(min_seq) = min_seq {
            self.wait(min_seq).await;
        }
        let (of_users, applied) = self.about_users(&server.tenant().name, &about, min_seq)?;
        Ok(Found::new(&of_users, applied))
    }

    /// What is known about them, if the counts reach to `min_seq`; and how far they reach.
    pub(super) fn about_users<'a>(
        &self,
        tenant: &str,
        about: &'a AboutUsers<'_>,
        min_seq: Option<u64>,
    ) -> Result<(OfUsers<'a>, u64), Refused> {
        about.tags.with_slice(|tags| {
            let filter = TagFilter { tags, mode: TagMode::All, not: &[] };
            self.of_users(tenant, &about.users, filter, min_seq)
        })
    }
}
