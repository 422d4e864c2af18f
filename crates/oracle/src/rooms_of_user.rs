//! What can be asked about all rooms of a user at once. Every answer is made of the answers for single rooms.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle::Oracle;

/// Which rooms are asked about, by their tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter<'a> {
    /// The rooms have these; without any, it is all rooms.
    pub tags: &'a [&'a str],
    /// Whether one of `tags` is enough.
    pub any: bool,
    /// The rooms have none of these.
    pub not: &'a [&'a str],
}

impl Filter<'_> {
    /// Whether a room with these tags fits.
    pub fn fits(&self, of_room: &[&str]) -> bool {
        let is_there = |tag: &&str| of_room.contains(tag);
        let has_wanted = match (self.tags, self.any) {
            ([], _) => true,
            (tags, false) => tags.iter().all(is_there),
            (tags, true) => tags.iter().any(is_there),
        };
        has_wanted && !self.not.iter().any(is_there)
    }
}

/// One of a user's rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomOfUser<'a> {
    /// The room's id.
    pub room: &'a str,
    /// Its tags, in order.
    pub tags: Vec<&'a str>,
    /// Rule 2.
    pub unread: u64,
    /// Rule 17.
    pub mentions: u64,
    /// Whether the user muted it.
    pub muted: bool,
}

/// Sums over rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Unread messages.
    pub unread: u64,
    /// Rooms with unread messages.
    pub rooms: u64,
    /// Unread mentions.
    pub mentions: u64,
}

impl Sums {
    fn of<'a>(rooms: impl Iterator<Item = &'a RoomOfUser<'a>>) -> Self {
        let mut sums = Self::default();
        for room in rooms {
            sums.unread += room.unread;
            sums.mentions += room.mentions;
            if room.unread > 0 {
                sums.rooms += 1;
            }
        }
        sums
    }
}

impl Oracle {
    /// The user's rooms that fit, in the order of their ids.
    pub fn room_list(&self, tenant: &str, user: &str, filter: Filter<'_>) -> Vec<RoomOfUser<'_>> {
        let rooms = self.rooms_of(tenant, user).into_iter().map(|room| RoomOfUser {
            room,
            tags: self.tags(tenant, room),
            unread: self.unread(tenant, user, room).unwrap_or_default(),
            mentions: self.mentions(tenant, user, room).unwrap_or_default(),
            muted: self.is_muted(tenant, user, room).unwrap_or_default(),
        });
        rooms.filter(|room| filter.fits(&room.tags)).collect()
    }

    /// The sums over the rooms that fit and count, and over those that fit and are muted.
    pub fn summary(&self, tenant: &str, user: &str, filter: Filter<'_>, skip_muted: bool) -> (Sums, Sums) {
        let rooms = self.room_list(tenant, user, filter);
        let counted = rooms.iter().filter(|room| !(skip_muted && room.muted));
        (Sums::of(counted), Sums::of(rooms.iter().filter(|room| room.muted)))
    }

    /// The sum over the rooms that have any of these tags, and for each tag the sum over those that have it. Without
    /// tags, it is all tags of the user's rooms.
    pub fn by_tags(
        &self,
        tenant: &str,
        user: &str,
        tags: &[&str],
        skip_muted: bool,
    ) -> (u64, BTreeMap<String, u64>) {
        let rooms = self.room_list(tenant, user, Filter::default());
        let of_rooms = rooms.iter().flat_map(|room| room.tags.iter().copied());
        let tags: BTreeSet<&str> =
            if tags.is_empty() { of_rooms.collect() } else { tags.iter().copied().collect() };
        let counts = |room: &&RoomOfUser<'_>| !(skip_muted && room.muted);
        let has_any = |room: &&RoomOfUser<'_>| room.tags.iter().any(|tag| tags.contains(tag));
        let total = rooms.iter().filter(counts).filter(has_any).map(|room| room.unread).sum();
        let part = |tag: &&str| -> u64 {
            let with_tag = rooms.iter().filter(counts).filter(|room| room.tags.contains(tag));
            with_tag.map(|room| room.unread).sum()
        };
        (total, tags.iter().map(|tag| ((*tag).to_owned(), part(tag))).collect())
    }
}
