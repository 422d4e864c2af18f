//! The events that made one user's counts what they are.

use std::collections::BTreeMap;

use counters::{Account, RoomAccount};
use events::{Body, Prefix, Received, receive};
use oracle::Oracle;
use serde::Serialize;

use crate::cut::{Scope, message_of, name_by_key, room_of};
use crate::start::Start;

/// One event that changed what one user has in one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its stream sequence.
    pub sequence: u64,
    /// When the stream stored it, in milliseconds since the Unix epoch.
    pub stored_ms: u64,
    /// Its kind.
    pub kind: &'static str,
    /// The room.
    pub room: String,
    /// The message that it names.
    pub message: Option<String>,
    /// What it changed: each thing as it was and as it is.
    pub effect: String,
    /// The user's unread messages in the room from then on; `None` if they are no member.
    pub unread: Option<u64>,
}

/// What a user has in a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    head: u64,
    cursor: u64,
    unread: u64,
    mentions: u64,
    muted: bool,
    kept_reads: usize,
    tags: Vec<String>,
}

/// A walk over the log with an eye on one user.
#[derive(Debug)]
pub struct History {
    oracle: Oracle,
    prefix: Prefix,
    scope: Scope,
    tenant: String,
    user: String,
    /// By room, of those in which the user is a member.
    seen: BTreeMap<String, Seen>,
}

impl History {
    /// Of a user in the rooms of the scope.
    pub fn new(start: Start, prefix: Prefix, scope: Scope, tenant: &str, user: &str) -> Self {
        let (tenant, user) = (tenant.to_owned(), user.to_owned());
        let Start { oracle, .. } = start;
        let mut history = Self { oracle, prefix, scope, tenant, user, seen: BTreeMap::new() };
        let rooms: Vec<String> =
            history.oracle.rooms_of(&history.tenant, &history.user).into_iter().map(str::to_owned).collect();
        for room in rooms.into_iter().filter(|room| history.scope.has_room(&history.tenant, room)) {
            if let Some(seen) = history.look(&room) {
                history.seen.insert(room, seen);
            }
        }
        history
    }

    /// The next message of the log: what it changed for the user, if anything.
    pub fn hear(&mut self, sequence: u64, stored_ms: u64, subject: &str, body: &[u8]) -> Vec<Entry> {
        let Received::Event(event) = receive(&self.prefix, subject, body) else { return Vec::new() };
        if event.tenant.as_str() != self.tenant {
            return Vec::new();
        }
        let Some(mut event) = self.scope.cut(event) else { return Vec::new() };
        let room = room_of(&event.body).map(str::to_owned);
        if room.as_ref().is_some_and(|room| !self.scope.has_room(&self.tenant, room)) {
            return Vec::new();
        }
        let message = message_of(&mut event.body).map(|message| message.as_str().to_owned());
        let is_own = matches!(&event.body, Body::MessagePosted(posted) if *posted.sender == *self.user);
        name_by_key(&mut event.body);
        self.oracle.apply(&event, stored_ms);
        let rooms = room.map_or_else(|| self.seen.keys().cloned().collect(), |room| vec![room]);
        let mut entries = Vec::new();
        for room in rooms {
            let now = self.look(&room);
            let before = match &now {
                Some(now) => self.seen.insert(room.clone(), now.clone()),
                None => self.seen.remove(&room),
            };
            if before != now {
                entries.push(Entry {
                    sequence,
                    stored_ms,
                    kind: event.body.kind().as_str(),
                    room,
                    message: message.clone(),
                    effect: effect(before.as_ref(), now.as_ref(), is_own),
                    unread: now.map(|now| now.unread),
                });
            }
        }
        entries
    }

    /// Where an account is not what these events make: a sentence for each room, for people.
    pub fn contradictions(&self, account: &Account) -> Vec<String> {
        let mut rooms: BTreeMap<&str, (Option<&Seen>, Option<&RoomAccount>)> = BTreeMap::new();
        for (room, seen) in &self.seen {
            rooms.entry(room).or_default().0 = Some(seen);
        }
        for room in &account.rooms {
            rooms.entry(&room.room).or_default().1 = Some(room);
        }
        let told = rooms.into_iter().filter_map(|(room, (seen, counted))| {
            let seen = seen.map(|seen| (seen.cursor, seen.unread, seen.mentions));
            let counted =
                counted.map(|counted| (u64::from(counted.cursor), counted.unread, counted.mentions));
            let shown = |said: Option<(u64, u64, u64)>| match said {
                None => "no member".to_owned(),
                Some((cursor, unread, mentions)) => {
                    format!("cursor {cursor}, unread {unread}, mentions {mentions}")
                }
            };
            let sentence = || {
                format!(
                    "room {room} is wrong: the log says {}; the counts say {}",
                    shown(seen),
                    shown(counted)
                )
            };
            (seen != counted).then(sentence)
        });
        told.collect()
    }

    fn look(&self, room: &str) -> Option<Seen> {
        let (oracle, tenant, user) = (&self.oracle, &*self.tenant, &*self.user);
        Some(Seen {
            head: oracle.head(tenant, room)?,
            cursor: oracle.cursor(tenant, user, room)?,
            unread: oracle.unread(tenant, user, room)?,
            mentions: oracle.mentions(tenant, user, room)?,
            muted: oracle.is_muted(tenant, user, room)?,
            kept_reads: oracle.kept_reads(tenant, user, room).len(),
            tags: oracle.tags(tenant, room).into_iter().map(str::to_owned).collect(),
        })
    }
}

fn effect(before: Option<&Seen>, now: Option<&Seen>, is_own: bool) -> String {
    let (Some(before), Some(now)) = (before, now) else {
        return match now {
            Some(Seen { head, cursor, unread, .. }) => {
                format!("joined: head {head}, cursor {cursor}, unread {unread}")
            }
            None => "is no member any more".to_owned(),
        };
    };
    let mut parts = Vec::new();
    if is_own {
        parts.push("own message".to_owned());
    }
    let mut number = |name: &str, before: u64, now: u64| {
        if before != now {
            parts.push(format!("{name} {before} → {now}"));
        }
    };
    number("head", before.head, now.head);
    number("cursor", before.cursor, now.cursor);
    number("unread", before.unread, now.unread);
    number("mentions", before.mentions, now.mentions);
    number("kept reads", before.kept_reads as u64, now.kept_reads as u64);
    if before.muted != now.muted {
        parts.push(if now.muted { "muted" } else { "not muted any more" }.to_owned());
    }
    if before.tags != now.tags {
        let tags = if now.tags.is_empty() { "none".to_owned() } else { now.tags.join(",") };
        parts.push(format!("tags {tags}"));
    }
    parts.join(", ")
}
