//! `GET /me/badge/rooms`: the rooms one by one, in pages.

mod cursor;

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::{Reader, RoomUnread};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::Badges;
use crate::answer::{Found, Refused};
use crate::openapi::{Asker, Operation, Parameter, Reply, filters};
use crate::question::{Question, integer, single};
use crate::refusal::Refusal;
use cursor::Cursor;

/// Rooms of a page if nothing is asked for.
const ROOMS: usize = 100;
/// The most rooms of a page.
const MOST_ROOMS: usize = 1_000;

/// In which order rooms come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// The most unread messages first; as many of them by id.
    Unread,
    /// By id, byte by byte.
    Id,
}

/// Which part of the list is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    sort: Sort,
    limit: usize,
    after: Option<Cursor>,
}

/// `result` of the answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rooms")]
struct List<'a> {
    rooms: Vec<Room<'a>>,
    /// What to ask for as `cursor` to get the next page; null at the end.
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Room<'a> {
    room: &'a str,
    /// Unread messages, whether it is muted or not.
    unread: u64,
    /// Unread messages that mention the user.
    mentions: u64,
    /// As the user has it.
    muted: bool,
    tags: Vec<&'a str>,
}

pub(crate) fn operation() -> Operation {
    let parameter = |name, description: &str, schema: Value, example: Value, refusals| Parameter {
        name,
        place: "query",
        description: format!("{description} Given once at the most."),
        schema,
        example,
        refusals,
    };
    let order = json!({ "type": "string", "enum": ["unread", "id"], "default": "unread" });
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": MOST_ROOMS, "default": ROOMS });
    let by = "The most unread messages first, rooms with as many by id; or by id, byte by byte.";
    let after = "`next` of the page before, with the same `sort`. What it is made of is nobody's business.";
    let cursor = Cursor::after(Sort::Unread, 3, "r1").to_string();
    let mut parameters = filters();
    parameters.extend([
        parameter("sort", by, order, json!("unread"), &[Refusal::InvalidSort]),
        parameter("limit", "The most rooms of a page.", limit, json!(2), &[Refusal::InvalidLimit]),
        parameter("cursor", after, json!({ "type": "string" }), json!(cursor), &[Refusal::InvalidCursor]),
    ]);
    let room = |room, unread, muted, tags| Room { room, unread, mentions: 0, muted, tags };
    let rooms = vec![room("r1", 3, false, vec!["work"]), room("r2", 0, true, Vec::new())];
    Operation {
        id: "getRooms",
        summary: "The rooms one by one, in pages",
        description: "All of the user's rooms that fit the filters, also those without unread messages and muted ones.",
        asker: Asker::User,
        parameters,
        body: None,
        reply: Reply::like(&List { rooms, next: Some(cursor) }),
    }
}

pub(crate) async fn rooms(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    let (asked, _) = request.into_parts();
    let found = badges.rooms(&asked, started).await;
    badges.reply(&asked, found, started)
}

impl Badges {
    async fn rooms(&self, asked: &Parts, started: Instant) -> Result<Found, Refused> {
        let (asker, user) = self.admission().asker(&asked.headers).await?;
        let tenant = asker.tenant();
        self.admit(tenant, Some(&user), started)?;
        let query = asked.uri.query().unwrap_or("");
        let question = Question::parse(query)?;
        let page = Page::parse(query)?;
        let read =
            |reader: &Reader| question.with_filter(|filter| reader.room_list(&tenant.name, &user, filter));
        let list = self.read_fresh(question.min_seq, read, |list| list.applied).await?;
        let (rooms, next) = page.of(list.rooms);
        let rooms = rooms.iter().map(Room::from).collect();
        Ok(Found::new(&List { rooms, next: next.map(|next| next.to_string()) }, list.applied))
    }
}

impl Page {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let sort = match single(query, b"sort").map_err(|_| Refusal::InvalidSort)?.as_deref() {
            None | Some("unread") => Sort::Unread,
            Some("id") => Sort::Id,
            Some(_) => return Err(Refusal::InvalidSort),
        };
        let limit = match single(query, b"limit").map_err(|_| Refusal::InvalidLimit)? {
            None => ROOMS,
            Some(text) => {
                let limit = integer(&text).filter(|limit| (1..=MOST_ROOMS).contains(limit));
                limit.ok_or(Refusal::InvalidLimit)?
            }
        };
        let after = match single(query, b"cursor").map_err(|_| Refusal::InvalidCursor)? {
            None => None,
            Some(text) => Some(Cursor::parse(&text, sort).ok_or(Refusal::InvalidCursor)?),
        };
        Ok(Self { sort, limit, after })
    }

    /// The rooms of this page, and where the next one goes on.
    fn of(&self, mut rooms: Vec<RoomUnread>) -> (Vec<RoomUnread>, Option<Cursor>) {
        if let Some(after) = &self.after {
            rooms
                .retain(|room| self.sort.compare(after.place(), (room.unread, &room.room)) == Ordering::Less);
        }
        let order = |room: &RoomUnread, other: &RoomUnread| {
            self.sort.compare((room.unread, &room.room), (other.unread, &other.room))
        };
        let is_last = rooms.len() <= self.limit;
        if !is_last {
            rooms.select_nth_unstable_by(self.limit, order);
            rooms.truncate(self.limit);
        }
        rooms.sort_unstable_by(order);
        let last = rooms.last().filter(|_| !is_last);
        let next = last.map(|last| Cursor::after(self.sort, last.unread, &last.room));
        (rooms, next)
    }
}

impl Sort {
    fn compare(self, (unread, room): (u64, &str), (other_unread, other): (u64, &str)) -> Ordering {
        match self {
            Self::Unread => other_unread.cmp(&unread).then_with(|| room.cmp(other)),
            Self::Id => room.cmp(other),
        }
    }
}

impl<'a> From<&'a RoomUnread> for Room<'a> {
    fn from(room: &'a RoomUnread) -> Self {
        let RoomUnread { room, tags, unread, mentions, muted } = room;
        let tags = tags.iter().map(|tag| &**tag).collect();
        Self { room, unread: *unread, mentions: *mentions, muted: *muted, tags }
    }
}
