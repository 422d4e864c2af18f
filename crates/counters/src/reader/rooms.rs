//! Questions that look at a user's rooms one by one. Each is answered from one walk, in which each room is looked at
//! once: whatever an answer says of a room, in a part or in a sum, is of the same moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::Reader;
use crate::RoomIndex;
use crate::policies::MutedRooms;
use crate::shared::{Mentions, Seen};
use crate::tag_filter::{TagFilter, Wanted, remembered};
use crate::tag_sets::{TagNames, TagSetIndex, TagSets};

/// Sums over rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Unread messages.
    pub unread: u64,
    /// Rooms with unread messages.
    pub rooms: u64,
    /// Unread messages that mention the user (rule 17).
    pub mentions: u64,
}

/// What is unread in all, and in muted rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The rooms that count (rule 13).
    pub counted: Sums,
    /// The muted rooms, whether or not they count.
    pub muted: Sums,
    /// Every event up to this stream sequence is in it.
    pub applied: u64,
}

/// What is unread by tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByTags {
    /// The unread messages of the rooms that have any of the tags; each room counts once.
    pub total: u64,
    /// Each tag with the unread messages of the rooms that have it.
    pub parts: BTreeMap<String, u64>,
    /// Every event up to this stream sequence is in it.
    pub applied: u64,
}

/// One of a user's rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomUnread {
    /// The room's id.
    pub room: Arc<str>,
    /// Its tags, sorted.
    pub tags: Arc<[Box<str>]>,
    /// Unread messages.
    pub unread: u64,
    /// Those of them that mention the user (rule 17).
    pub mentions: u64,
    /// Whether the user muted it.
    pub muted: bool,
}

/// A user's rooms, in no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomList {
    /// The rooms.
    pub rooms: Vec<RoomUnread>,
    /// Every event up to this stream sequence is in it.
    pub applied: u64,
}

/// A room on the way.
struct Step {
    room: RoomIndex,
    is_muted: bool,
    seen: Seen,
}

impl Sums {
    fn add(&mut self, seen: Seen) {
        self.unread += seen.unread;
        self.rooms += u64::from(seen.unread > 0);
        self.mentions += seen.mentions;
    }
}

impl Reader {
    /// What is unread in the rooms that fit the filter, in all and in muted ones.
    pub fn summary(&self, tenant: &str, user: &str, filter: &TagFilter<'_>, muted: MutedRooms) -> Summary {
        let applied = self.applied();
        let (mut counted, mut in_muted) = (Sums::default(), Sums::default());
        self.each_room(tenant, user, filter, Mentions::Counted, |step, _| {
            if step.is_muted {
                in_muted.add(step.seen);
            }
            if !(step.is_muted && muted == MutedRooms::Skip) {
                counted.add(step.seen);
            }
        });
        Summary { counted, muted: in_muted, applied }
    }

    /// The user's rooms that fit the filter, those without anything unread and muted ones among them.
    pub fn room_list(&self, tenant: &str, user: &str, filter: &TagFilter<'_>) -> RoomList {
        let applied = self.applied();
        let mut rooms = Vec::new();
        self.each_room(tenant, user, filter, Mentions::Counted, |step, tag_sets| {
            let Step { room, is_muted: muted, seen } = step;
            // A room without a name was deleted a moment ago.
            if let Some(room) = self.shared.names.get(room) {
                let tags = TagNames::clone(tag_sets.names(seen.word.tag_set));
                rooms.push(RoomUnread { room, tags, unread: seen.unread, mentions: seen.mentions, muted });
            }
        });
        RoomList { rooms, applied }
    }

    /// What is unread in the rooms with each of these tags, and in those with any of them; `None`: the tags that the
    /// user's rooms have.
    pub fn by_tags(&self, tenant: &str, user: &str, tags: Option<&[&str]>, muted: MutedRooms) -> ByTags {
        let applied = self.applied();
        // Rooms with the same tags are in the same parts.
        let mut sums = HashMap::<TagSetIndex, (TagNames, u64)>::new();
        self.each_room(tenant, user, &TagFilter::default(), Mentions::Uncounted, |step, tag_sets| {
            let set = step.seen.word.tag_set;
            let (_, sum) = sums.entry(set).or_insert_with(|| (tag_sets.names(set).clone(), 0));
            if !(step.is_muted && muted == MutedRooms::Skip) {
                *sum += step.seen.unread;
            }
        });
        let mut parts: BTreeMap<String, u64> = BTreeMap::new();
        parts.extend(tags.unwrap_or_default().iter().map(|tag| ((*tag).to_owned(), 0)));
        let mut total = 0;
        for (names, sum) in sums.into_values() {
            let mut is_in_total = false;
            for name in names.iter() {
                if tags.is_none_or(|tags| tags.contains(&&**name)) {
                    *parts.entry(name.to_string()).or_default() += sum;
                    is_in_total = true;
                }
            }
            total += if is_in_total { sum } else { 0 };
        }
        ByTags { total, parts, applied }
    }

    /// Calls `each` with the id of each room of the user, while events of that user wait.
    pub fn rooms(&self, tenant: &str, user: &str, mut each: impl FnMut(&str)) {
        self.shared.users.with(tenant, user, |user| {
            for room in user.memberships.read().plain.rooms() {
                // A room without a name is gone.
                if let Some(id) = self.shared.names.get(room) {
                    each(&id);
                }
            }
        });
    }

    /// Looks at each room that fits the filter. No tag set changes its meaning meanwhile.
    fn each_room(
        &self,
        tenant: &str,
        user: &str,
        filter: &TagFilter<'_>,
        mentions: Mentions,
        mut each: impl FnMut(Step, &TagSets),
    ) {
        let tag_sets = self.shared.tag_sets.read();
        let wanted = Wanted::new(filter, &tag_sets);
        let mut fits = remembered(|set| wanted.fits(&tag_sets, set));
        self.shared.users.with(tenant, user, |user| {
            let memberships = user.memberships.read();
            for (place, room) in memberships.plain.rooms().enumerate() {
                let (cursor, extra) = (memberships.plain.get(place), memberships.extra(room));
                if let Some(seen) = self.shared.look(room, cursor, extra, mentions, &mut fits) {
                    let is_muted = extra.is_some_and(|extra| extra.muted);
                    each(Step { room, is_muted, seen }, &tag_sets);
                }
            }
        });
    }
}
