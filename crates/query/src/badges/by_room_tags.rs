//! `POST /badges/byRoomTags`: the badge of each tag, and of all of them together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::Reader;
use serde::Serialize;

use super::Badges;
use super::body::{self, List};
use crate::answer::{Found, Refused};
use crate::question::min_seq;
use crate::refusal::Refusal;
use crate::room_tags::RoomTags;

/// More than 32 tags of 128 bytes take, escaped in whichever way.
pub(super) const MOST_BODY_BYTES: usize = 64 * 1024;
/// As sent; only 32 of them may be distinct.
pub(super) const TAGS: List = List { name: "tags", most: 1_000, refusal: Refusal::InvalidTags };

/// `result` of the answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ByTags {
    pub(super) total_badge: u64,
    pub(super) data: BTreeMap<String, u64>,
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
