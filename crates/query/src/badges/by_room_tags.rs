//! `POST /badges/byRoomTags`: the badge of each tag, and of all of them together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::Reader;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::Badges;
use super::body::{self, List};
use crate::answer::{Found, Refused};
use crate::openapi::{self, Asker, Content, Operation, Property, Reply};
use crate::question::min_seq;
use crate::refusal::Refusal;
use crate::room_tags::RoomTags;

/// More than 32 tags of 128 bytes take, escaped in whichever way.
pub(super) const MOST_BODY_BYTES: usize = 64 * 1024;
/// As sent; only 32 of them may be distinct.
pub(super) const TAGS: List = List { name: "tags", most: 1_000, refusal: Refusal::InvalidTags };

/// `result` of the answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BadgesByTag")]
pub(super) struct ByTags {
    /// Unread messages of the rooms with any of the tags, each room once.
    pub(super) total_badge: u64,
    /// By tag: the unread messages of the rooms that have it.
    pub(super) data: BTreeMap<String, u64>,
}

pub(crate) fn operation() -> Operation {
    Operation {
        id: "getBadgesByRoomTags",
        summary: "The number of each tag, and of all of them together",
        description: "A room with several of the tags is in several parts, and in the total once.",
        asker: Asker::User,
        parameters: vec![openapi::min_seq()],
        body: Some(Content { most_bytes: MOST_BODY_BYTES, properties: vec![tags()] }),
        reply: Reply::like(&ByTags::example()),
    }
}

/// As documents have it.
pub(super) fn tags() -> Property {
    let tags = Property::list(TAGS, &openapi::tag(), false, json!(["work", "urgent"]));
    let description = "At most 32 distinct ones. Left out, null or empty: all tags of the user's rooms.";
    Property { description: description.to_owned(), ..tags }
}

impl ByTags {
    /// As documents show it.
    pub(super) fn example() -> Self {
        let data = [("urgent", 2), ("work", 5)].map(|(tag, badge)| (tag.to_owned(), badge)).into();
        Self { total_badge: 5, data }
    }
}

pub(crate) async fn by_room_tags(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    let (asked, body) = request.into_parts();
    let found = badges.by_room_tags(&asked, body, started).await;
    badges.reply(&asked, found, started)
}

impl Badges {
    async fn by_room_tags(&self, asked: &Parts, body: Body, started: Instant) -> Result<Found, Refused> {
        let (asker, user) = self.admission().asker(&asked.headers).await?;
        let tenant = asker.tenant();
        self.admit(tenant, Some(&user), started)?;
        let body = body::read(&asked.headers, body, MOST_BODY_BYTES).await?;
        let [tags] = body::lists(&body, &[TAGS])?;
        let tags = tags.unwrap_or_default();
        let tags = RoomTags::of(tags.iter().map(|tag| &**tag)).map_err(|_| Refusal::InvalidTags)?;
        let min_seq = min_seq(asked.uri.query().unwrap_or(""))?;
        let read = |reader: &Reader| {
            tags.with_slice(|tags| {
                let tags = Some(tags).filter(|tags| !tags.is_empty());
                reader.by_tags(&tenant.name, &user, tags, self.muted_rooms())
            })
        };
        let found = self.read_fresh(min_seq, read, |by_tags| by_tags.applied).await?;
        Ok(Found::new(&ByTags { total_badge: found.total, data: found.parts }, found.applied))
    }
}
