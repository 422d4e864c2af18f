//! An event and the state that it meets, as the situations of `coverage` look at them.

use std::collections::{BTreeSet, HashSet};

use events::{Body, Event, Id, MessagePosted};
use oracle::{KnownMessage, Oracle};

/// An event that is about to be applied, and the state that it meets.
pub(crate) struct Scene<'a> {
    pub(crate) oracle: &'a Oracle,
    pub(crate) past: &'a Past,
    pub(crate) body: &'a Body<'a>,
    pub(crate) stored_ms: u64,
    pub(crate) tenant: &'a str,
    pub(crate) room: &'a str,
}

/// What happened before and is in the state no more.
#[derive(Default)]
pub(crate) struct Past {
    pub(crate) posted: BTreeSet<[String; 3]>,
    pub(crate) left: BTreeSet<[String; 3]>,
    pub(crate) deleted: BTreeSet<[String; 2]>,
}

impl Past {
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        let text = ToString::to_string;
        let tenant = event.tenant.to_string();
        match &event.body {
            Body::MessagePosted(e) => {
                self.posted.insert([tenant, text(&e.room), text(&e.message)]);
            }
            Body::RoomLeft(e) => {
                let users = e.users.iter();
                self.left.extend(users.map(|user| [tenant.clone(), text(&e.room), text(user)]));
            }
            Body::RoomDeleted(e) => {
                self.deleted.insert([tenant, text(&e.room)]);
            }
            Body::UserDeleted(e) => {
                self.deleted.insert([tenant, text(&e.user)]);
            }
            _ => {}
        }
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn new(oracle: &'a Oracle, past: &'a Past, event: &'a Event<'_>, stored_ms: u64) -> Self {
        let room = match &event.body {
            Body::MessagePosted(e) => &*e.room,
            Body::MessageRead(e) => &*e.room,
            Body::MessageUnread(e) => &*e.room,
            Body::MessageRecalled(e) => &*e.room,
            Body::RoomJoined(e) => &*e.room,
            Body::RoomLeft(e) => &*e.room,
            Body::RoomTagged(e) => &*e.room,
            Body::RoomMuted(e) => &*e.room,
            Body::RoomDeleted(e) => &*e.room,
            Body::UserDeleted(_) => "",
        };
        Self { oracle, past, body: &event.body, stored_ms, tenant: event.tenant.as_str(), room }
    }

    pub(crate) fn known(&self, message: &str) -> Option<KnownMessage<'_>> {
        let mut known = self.oracle.known_messages(self.tenant, self.room).into_iter();
        known.find(|known| known.message == message)
    }

    pub(crate) fn was_posted(&self, message: &str) -> bool {
        let key = [self.tenant, self.room, message].map(str::to_owned);
        self.past.posted.contains(&key)
    }

    pub(crate) fn is_forgotten(&self, message: &str) -> bool {
        self.was_posted(message) && self.known(message).is_none()
    }

    pub(crate) fn is_member(&self, user: &str) -> bool {
        self.oracle.cursor(self.tenant, user, self.room).is_some()
    }

    pub(crate) fn cursor(&self, user: &str) -> u64 {
        self.oracle.cursor(self.tenant, user, self.room).unwrap_or(0)
    }

    pub(crate) fn head(&self) -> u64 {
        self.oracle.head(self.tenant, self.room).unwrap_or(0)
    }

    pub(crate) fn kept_reads(&self, user: &str) -> Vec<&str> {
        self.oracle.kept_reads(self.tenant, user, self.room)
    }

    pub(crate) fn kept_recalls(&self) -> Vec<&str> {
        self.oracle.kept_recalls(self.tenant, self.room)
    }

    pub(crate) fn own(&self, user: &str) -> Vec<u64> {
        self.oracle.own_numbers(self.tenant, user, self.room)
    }

    pub(crate) fn members(&self) -> Vec<&str> {
        let users = self.oracle.users(self.tenant).into_iter();
        users.filter(|user| self.is_member(user)).collect()
    }

    pub(crate) fn unread(&self, user: &str) -> u64 {
        self.oracle.unread(self.tenant, user, self.room).unwrap_or(0)
    }

    pub(crate) fn posted(&self, holds: impl Fn(&MessagePosted<'_>) -> bool) -> bool {
        matches!(self.body, Body::MessagePosted(e) if self.known(&e.message).is_none() && holds(e))
    }

    /// A read up to a named message by a member.
    pub(crate) fn read(&self, holds: impl Fn(&str, &str) -> bool) -> bool {
        match self.body {
            Body::MessageRead(e) => {
                let upto = e.upto.as_deref();
                self.is_member(&e.user) && upto.is_some_and(|upto| holds(&e.user, upto))
            }
            _ => false,
        }
    }

    /// An unread from a known message by a member.
    pub(crate) fn marked(&self, holds: impl Fn(&str, KnownMessage<'_>) -> bool) -> bool {
        match self.body {
            Body::MessageUnread(e) if self.is_member(&e.user) => {
                self.known(&e.from).is_some_and(|from| holds(&e.user, from))
            }
            _ => false,
        }
    }

    /// A recall of a known message.
    pub(crate) fn recalled(&self, holds: impl Fn(KnownMessage<'_>) -> bool) -> bool {
        match self.body {
            Body::MessageRecalled(e) => self.known(&e.message).is_some_and(holds),
            _ => false,
        }
    }

    pub(crate) fn recalled_early(&self, holds: impl Fn(&str) -> bool) -> bool {
        matches!(self.body, Body::MessageRecalled(e)
            if self.known(&e.message).is_none() && holds(&e.message))
    }

    pub(crate) fn joined(&self, holds: impl Fn(&str) -> bool) -> bool {
        matches!(self.body, Body::RoomJoined(e) if e.users.iter().any(|user| holds(user)))
    }

    pub(crate) fn left(&self, holds: impl Fn(&str) -> bool) -> bool {
        matches!(self.body, Body::RoomLeft(e) if e.users.iter().any(|user| holds(user)))
    }
}

pub(crate) fn has_duplicates(ids: &[Id<'_>]) -> bool {
    ids.iter().collect::<HashSet<_>>().len() < ids.len()
}

pub(crate) fn anybody(scene: &Scene<'_>, holds: impl Fn(&str) -> bool) -> bool {
    scene.members().into_iter().any(holds)
}

pub(crate) fn anybody_keeps(scene: &Scene<'_>, posted: &MessagePosted<'_>) -> bool {
    anybody(scene, |user| scene.kept_reads(user).contains(&&*posted.message))
}
