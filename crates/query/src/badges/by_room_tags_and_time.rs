//! `POST /badges/byRoomTagsAndTime`: the badge of each tag, as if nothing from some time on had been posted.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::MutedRooms;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Badges;
use super::body::{self, List};
use super::by_room_tags::{self, ByTags, MOST_BODY_BYTES, TAGS};
use crate::answer::{Found, Refused};
use crate::openapi::{self, Asker, Content, Operation, Property, Reply};
use crate::question::min_seq;
use crate::refusal::Refusal;
use crate::room_tags::RoomTags;

const BEFORE_TIME: List = List::one("beforeTime", Refusal::InvalidBeforeTime);

/// Asks whoever knows the times of messages. Nobody who applies events waits for it longer than for any other question.
pub type AskBeforeTime = Arc<dyn Fn(BeforeTimeQuestion) -> BeforeTimeAnswer + Send + Sync>;
/// The answer on its way.
pub type BeforeTimeAnswer = Pin<Box<dyn Future<Output = Result<BeforeTime, NotBeforeTime>> + Send>>;

/// What is unread by tag, as if nothing from some time on had been posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeforeTimeQuestion {
    /// The tenant.
    pub tenant: String,
    /// The user's id.
    pub user: String,
    /// The tags that are asked for; none: those that the user's rooms have.
    pub tags: Vec<String>,
    /// What is posted counts if its time (rule 18) is before this, in milliseconds since the Unix epoch.
    pub before_ms: u64,
    /// Whether muted rooms are in the sums.
    pub muted_rooms: MutedRooms,
}

/// What is unread by tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeforeTime {
    /// The unread messages of the rooms that have any of the tags; each room counts once.
    pub total: u64,
    /// Each tag with the unread messages of the rooms that have it.
    pub parts: BTreeMap<String, u64>,
    /// Every event up to this stream sequence is in it.
    pub applied: u64,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBeforeTime {
    /// The times that would have to be known are forgotten.
    TooOld,
    /// There is nobody to ask now.
    NotReady,
}

pub(crate) fn operation() -> Operation {
    let before_time = Property {
        name: BEFORE_TIME.name,
        description: "What was posted at this time or later is not counted.".to_owned(),
        is_required: true,
        schema: json!({ "type": "string", "format": "date-time" }),
        example: json!("2024-02-29T12:00:00Z"),
        refusals: vec![BEFORE_TIME.refusal, Refusal::TimeTooOld],
    };
    Operation {
        id: "getBadgesByRoomTagsAndTime",
        summary: "The number of each tag, as if nothing from some time on had been posted",
        description: "Otherwise like `/badges/byRoomTags`.",
        asker: Asker::User,
        parameters: vec![openapi::min_seq()],
        body: Some(Content {
            most_bytes: MOST_BODY_BYTES,
            properties: vec![by_room_tags::tags(), before_time],
        }),
        reply: Reply::like(&ByTags::example()),
    }
}

pub(crate) async fn by_room_tags_and_time(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    let (asked, body) = request.into_parts();
    let found = badges.by_room_tags_and_time(&asked, body, started).await;
    badges.reply(&asked, found, started)
}

impl Badges {
    async fn by_room_tags_and_time(
        &self,
        asked: &Parts,
        body: Body,
        started: Instant,
    ) -> Result<Found, Refused> {
        let (asker, user) = self.admission().asker(&asked.headers).await?;
        let tenant = asker.tenant();
        self.admit(tenant, Some(&user), started)?;
        let body = body::read(&asked.headers, body, MOST_BODY_BYTES).await?;
        let [tags, before_time] = body::lists(&body, &[TAGS, BEFORE_TIME])?;
        let tags = tags.unwrap_or_default();
        let tags = RoomTags::of(tags.iter().map(|tag| &**tag)).map_err(|_| Refusal::InvalidTags)?;
        let before_time = before_time.unwrap_or_default();
        let before_ms = before_time.first().and_then(|text| milliseconds(text));
        let before_ms = before_ms.ok_or(Refusal::InvalidBeforeTime)?;
        let min_seq = min_seq(asked.uri.query().unwrap_or(""))?;
        let question = BeforeTimeQuestion {
            tenant: tenant.name.clone(),
            user: user.to_string(),
            tags: tags.iter().map(str::to_owned).collect(),
            before_ms,
            muted_rooms: self.muted_rooms(),
        };
        // The counts are as fresh as is wanted before anybody is asked.
        let reach = self.read_fresh(min_seq, |reader| reader.applied(), |applied| *applied).await?;
        let passage = self.public.gate.passage().ok_or(Refusal::NotReady)?;
        let found = (self.public.before_time)(question).await;
        if !self.public.gate.is_still(passage) {
            return Err(Refusal::NotReady.into());
        }
        match found {
            Ok(BeforeTime { total, parts, applied }) if applied >= reach => {
                Ok(Found::new(&ByTags { total_badge: total, data: parts }, applied))
            }
            Err(NotBeforeTime::TooOld) => Err(Refusal::TimeTooOld.into()),
            Ok(_) | Err(NotBeforeTime::NotReady) => Err(Refusal::NotReady.into()),
        }
    }
}

/// Since the Unix epoch, rounded up: times of messages are whole milliseconds, and those before this one are the same as
/// those before the next whole one. Before the epoch there is nothing.
fn milliseconds(text: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let rounded_up = -(-time.unix_timestamp_nanos()).div_euclid(1_000_000);
    u64::try_from(rounded_up.max(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:01.5Z", Some(1_500)),
            ("1970-01-01T00:00:00.0001Z", Some(1)),
            ("1970-01-01T00:00:00.001Z", Some(1)),
            ("1970-01-01T00:00:00.0010000001Z", Some(1)),
            ("1970-01-01T00:00:00.001000001Z", Some(2)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1969-12-31T23:59:59Z", Some(0)),
            ("2024-02-29T12:00:00-08:00", Some(1_709_236_800_000)),
            ("2023-02-29T12:00:00Z", None),
            ("2024-02-29", None),
            ("2024-02-29T12:00:00", None),
            ("1709236800000", None),
            ("", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
