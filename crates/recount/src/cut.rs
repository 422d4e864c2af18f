//! What of the log a recount needs to hear.

use std::collections::{HashMap, HashSet};

use events::{Body, Event, Id, MessageKey};

/// Whose counts are made.
#[derive(Debug)]
pub enum Scope {
    /// Everybody's.
    Everything,
    /// Those of some users in some rooms.
    Some {
        /// By tenant.
        users: HashMap<String, HashSet<String>>,
        /// By tenant.
        rooms: HashMap<String, HashSet<String>>,
    },
}

fn has(all: &HashMap<String, HashSet<String>>, tenant: &str, id: &str) -> bool {
    all.get(tenant).is_some_and(|ids| ids.contains(id))
}

fn nested<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> HashMap<String, HashSet<String>> {
    let mut nested: HashMap<String, HashSet<String>> = HashMap::new();
    for (tenant, id) in all {
        if !has(&nested, tenant, id) {
            nested.entry(tenant.to_owned()).or_default().insert(id.to_owned());
        }
    }
    nested
}

impl Scope {
    /// These users in these rooms, each with its tenant.
    pub fn some<'a>(
        users: impl Iterator<Item = (&'a str, &'a str)>,
        rooms: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        Self::Some { users: nested(users), rooms: nested(rooms) }
    }

    /// Whether it has this user.
    pub fn has_user(&self, tenant: &str, user: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Some { users, .. } => has(users, tenant, user),
        }
    }

    /// Whether it has this room.
    pub fn has_room(&self, tenant: &str, room: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Some { rooms, .. } => has(rooms, tenant, room),
        }
    }

    pub(crate) fn add_room(&mut self, tenant: &str, room: &str) {
        if let Self::Some { rooms, .. } = self {
            rooms.entry(tenant.to_owned()).or_default().insert(room.to_owned());
        }
    }

    pub(crate) fn remove_room(&mut self, tenant: &str, room: &str) {
        if let Self::Some { rooms, .. } = self
            && let Some(rooms) = rooms.get_mut(tenant)
        {
            rooms.remove(room);
        }
    }

    /// The part of an event that matters; `None` if none does. Its lists are cut down to these users, and its rooms
    /// are not looked at.
    pub(crate) fn cut<'a>(&self, event: Event<'a>) -> Option<Event<'a>> {
        let Self::Some { users, .. } = self else { return Some(event) };
        let Event { tenant, mut body } = event;
        let users = users.get(tenant.as_str());
        let is_in = |user: &Id<'_>| users.is_some_and(|users| users.contains(user.as_str()));
        let matters = match &mut body {
            // Who else posted it, or is named in it, is nobody's count but theirs.
            Body::MessagePosted(posted) => {
                posted.mentions.retain(is_in);
                true
            }
            Body::MessageRecalled(_) | Body::RoomTagged(_) | Body::RoomDeleted(_) => true,
            Body::RoomJoined(joined) => {
                joined.users.retain(is_in);
                !joined.users.is_empty()
            }
            Body::RoomLeft(left) => {
                left.users.retain(is_in);
                !left.users.is_empty()
            }
            Body::MessageRead(read) => is_in(&read.user),
            Body::MessageUnread(unread) => is_in(&unread.user),
            Body::RoomMuted(muted) => is_in(&muted.user),
            Body::UserDeleted(deleted) => is_in(&deleted.user),
        };
        matters.then_some(Event { tenant, body })
    }
}

/// The room an event is about.
pub(crate) fn room_of<'e>(body: &'e Body<'_>) -> Option<&'e str> {
    Some(match body {
        Body::MessagePosted(body) => &body.room,
        Body::MessageRead(body) => &body.room,
        Body::MessageUnread(body) => &body.room,
        Body::MessageRecalled(body) => &body.room,
        Body::RoomJoined(body) => &body.room,
        Body::RoomLeft(body) => &body.room,
        Body::RoomTagged(body) => &body.room,
        Body::RoomMuted(body) => &body.room,
        Body::RoomDeleted(body) => &body.room,
        Body::UserDeleted(_) => return None,
    })
}

/// The message an event is about.
pub(crate) fn message_of<'b, 'e>(body: &'b mut Body<'e>) -> Option<&'b mut Id<'e>> {
    match body {
        Body::MessagePosted(body) => Some(&mut body.message),
        Body::MessageRead(body) => body.upto.as_mut(),
        Body::MessageUnread(body) => Some(&mut body.from),
        Body::MessageRecalled(body) => Some(&mut body.message),
        _ => None,
    }
}

/// Gives a message the name under which a snapshot knows it.
pub(crate) fn name_by_key(body: &mut Body<'_>) {
    if let Some(message) = message_of(body) {
        *message = Id::new(key_name(&MessageKey::of(message))).expect("hexadecimal digits are an id");
    }
}

/// The key as 32 hexadecimal digits.
pub(crate) fn key_name(key: &MessageKey) -> String {
    format!("{:032x}", u128::from_be_bytes(key.0))
}
