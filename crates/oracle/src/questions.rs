//! What can be asked. Every answer is counted anew from the messages.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle::Oracle;
use crate::room::{Member, Message, Room};

/// A message that its room still knows by its id (rule 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownMessage<'a> {
    /// The message's id.
    pub message: &'a str,
    /// Its place among all messages ever posted in the room, silent ones included, from 1.
    pub order: u64,
    /// Its number, or the number that a silent message stands for (rule 1).
    pub number: u64,
    /// Whether it is silent.
    pub silent: bool,
    /// T(number) of rule 18, in milliseconds since the Unix epoch; 0 if no number was given yet.
    pub time: u64,
}

impl Oracle {
    /// Rule 2: how many messages of a room are unread for a user; `None` for a non-member.
    pub fn unread(&self, tenant: &str, user: &str, room: &str) -> Option<u64> {
        let (room, member) = self.membership(tenant, user, room)?;
        Some(self.unread_in(room, user, member))
    }

    /// Rule 17: how many unread mentions a user has in a room; `None` for a non-member.
    pub fn mentions(&self, tenant: &str, user: &str, room: &str) -> Option<u64> {
        let (room, member) = self.membership(tenant, user, room)?;
        Some(match self.mistake() {
            None => above(room, member)
                .filter(|message| message.is_unread(user, member) && message.mentions(user, member))
                .count() as u64,
            Some(mistake) => mistake.mentions(room, user, member),
        })
    }

    /// Rules 2, 13 and 14: the sum over the user's rooms that have all of `tags`, muted rooms
    /// included or skipped. 0 for a user without rooms.
    pub fn badge(&self, tenant: &str, user: &str, tags: &[&str], skip_muted: bool) -> u64 {
        let rooms = self.rooms(tenant).filter(|(_, room)| self.has_tags(room, tags));
        let parts = rooms.filter_map(|(_, room)| {
            let member = room.members.get(user)?;
            Some(self.part_of_badge(room, user, member, skip_muted))
        });
        parts.sum()
    }

    /// The badges of all of a tenant's [users](Self::users), in one walk over the rooms.
    pub fn badges(&self, tenant: &str, tags: &[&str], skip_muted: bool) -> BTreeMap<&str, u64> {
        let users = self.users(tenant).into_iter();
        let mut badges: BTreeMap<&str, u64> = users.map(|user| (user, 0)).collect();
        for (_, room) in self.rooms(tenant).filter(|(_, room)| self.has_tags(room, tags)) {
            for (user, member) in &room.members {
                *badges.entry(user).or_default() += self.part_of_badge(room, user, member, skip_muted);
            }
        }
        badges
    }

    /// The tenants that have a room, in the order of their names.
    pub fn tenants(&self) -> Vec<&str> {
        let with_rooms = self.tenants.iter().filter(|(_, rooms)| !rooms.is_empty());
        with_rooms.map(|(tenant, _)| tenant.as_str()).collect()
    }

    /// The rooms that have come into being and are not deleted, in the order of their ids.
    pub fn rooms_of_tenant(&self, tenant: &str) -> Vec<&str> {
        self.rooms(tenant).map(|(room, _)| room.as_str()).collect()
    }

    /// The users who are members of a room, in the order of their ids.
    pub fn users(&self, tenant: &str) -> Vec<&str> {
        let members = self.rooms(tenant).flat_map(|(_, room)| room.members.keys());
        let users: BTreeSet<&str> = members.map(String::as_str).collect();
        users.into_iter().collect()
    }

    /// The rooms of which the user is a member, in the order of their ids.
    pub fn rooms_of(&self, tenant: &str, user: &str) -> Vec<&str> {
        let rooms = self.rooms(tenant);
        let joined = rooms.filter(|(_, room)| room.members.contains_key(user));
        joined.map(|(room, _)| room.as_str()).collect()
    }

    /// Tenant, room and user of every membership.
    pub fn memberships(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let rooms =
            self.tenants.iter().flat_map(|(tenant, rooms)| rooms.iter().map(move |room| (tenant, room)));
        rooms.flat_map(|(tenant, (id, room))| {
            room.members.keys().map(move |user| (tenant.as_str(), id.as_str(), user.as_str()))
        })
    }

    /// How many messages a room has, silent ones included; 0 if there is no such room.
    pub fn message_count(&self, tenant: &str, room: &str) -> u64 {
        self.room(tenant, room).map_or(0, Room::posted_so_far)
    }

    /// Rule 1: the number of countable messages posted so far; `None` if there is no such room.
    pub fn head(&self, tenant: &str, room: &str) -> Option<u64> {
        Some(self.room(tenant, room)?.head)
    }

    /// The room's tags in order, empty if there is no such room.
    pub fn tags(&self, tenant: &str, room: &str) -> Vec<&str> {
        let room = self.room(tenant, room);
        room.map_or_else(Vec::new, |room| room.tags.iter().map(String::as_str).collect())
    }

    /// How far the user has read; `None` for a non-member.
    pub fn cursor(&self, tenant: &str, user: &str, room: &str) -> Option<u64> {
        Some(self.membership(tenant, user, room)?.1.cursor)
    }

    /// Whether the user muted the room; `None` for a non-member.
    pub fn is_muted(&self, tenant: &str, user: &str, room: &str) -> Option<bool> {
        Some(self.membership(tenant, user, room)?.1.muted)
    }

    /// Rule 2: the numbers of the messages that are the user's own, recalled or not, ascending.
    pub fn own_numbers(&self, tenant: &str, user: &str, room: &str) -> Vec<u64> {
        self.membership(tenant, user, room)
            .map_or_else(Vec::new, |(room, member)| numbers(room, |message| message.is_own(user, member)))
    }

    /// The numbers of the room's recalled messages, ascending.
    pub fn recalled_numbers(&self, tenant: &str, room: &str) -> Vec<u64> {
        let room = self.room(tenant, room);
        room.map_or_else(Vec::new, |room| numbers(room, |message| message.recalled))
    }

    /// Rule 4: the messages that the room knows by their ids, in order of posting.
    pub fn known_messages(&self, tenant: &str, room: &str) -> Vec<KnownMessage<'_>> {
        let Some(room) = self.room(tenant, room) else {
            return Vec::new();
        };
        let window = self.rules_for(Some(room)).window;
        known(room, window)
    }

    /// Rule 6: the messages of which the user's read is kept, the longest kept first.
    pub fn kept_reads(&self, tenant: &str, user: &str, room: &str) -> Vec<&str> {
        let membership = self.membership(tenant, user, room);
        membership.map_or_else(Vec::new, |(_, member)| texts(&member.kept_reads))
    }

    /// Rule 6: the messages of which the recall is kept, the longest kept first.
    pub fn kept_recalls(&self, tenant: &str, room: &str) -> Vec<&str> {
        let room = self.room(tenant, room);
        room.map_or_else(Vec::new, |room| texts(&room.kept_recalls))
    }

    fn has_tags(&self, room: &Room, tags: &[&str]) -> bool {
        match self.mistake() {
            None => tags.iter().all(|tag| room.tags.contains(*tag)),
            Some(mistake) => mistake.has_tags(room, tags),
        }
    }

    fn part_of_badge(&self, room: &Room, user: &str, member: &Member, skip_muted: bool) -> u64 {
        let skip_muted = match self.mistake() {
            None => skip_muted,
            Some(mistake) => mistake.skip_muted(skip_muted),
        };
        if skip_muted && member.muted { 0 } else { self.unread_in(room, user, member) }
    }

    fn unread_in(&self, room: &Room, user: &str, member: &Member) -> u64 {
        match self.mistake() {
            None => above(room, member).filter(|message| message.is_unread(user, member)).count() as u64,
            Some(mistake) => mistake.unread(room, user, member, self.rules_for(Some(room))),
        }
    }

    fn rooms(&self, tenant: &str) -> impl Iterator<Item = (&String, &Room)> {
        self.tenants.get(tenant).into_iter().flatten()
    }

    fn membership(&self, tenant: &str, user: &str, room: &str) -> Option<(&Room, &Member)> {
        let room = self.room(tenant, room)?;
        Some((room, room.members.get(user)?))
    }
}

impl<'a> KnownMessage<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            message: &message.id,
            order: message.order,
            number: message.number,
            silent: message.silent,
            time: message.time,
        }
    }
}

/// The known messages, in order of posting.
pub(crate) fn known(room: &Room, window: usize) -> Vec<KnownMessage<'_>> {
    let mut known: Vec<_> = room.known(window).map(KnownMessage::of).collect();
    known.reverse();
    known
}

/// The messages above a cursor: only these can be unread. They lie in the order of their numbers.
fn above<'a>(room: &'a Room, member: &Member) -> impl Iterator<Item = &'a Message> {
    let first = room.messages.partition_point(|message| message.number <= member.cursor);
    room.messages[first..].iter()
}

pub(crate) fn count(room: &Room, which: impl Fn(&Message) -> bool) -> u64 {
    room.messages.iter().filter(|message| which(message)).count() as u64
}

/// The numbers of those countable messages, ascending because messages lie in order of posting.
fn numbers(room: &Room, which: impl Fn(&Message) -> bool) -> Vec<u64> {
    let chosen = room.countable().filter(|message| which(message));
    chosen.map(|message| message.number).collect()
}

pub(crate) fn texts(kept: &[String]) -> Vec<&str> {
    kept.iter().map(String::as_str).collect()
}
