//! Badges by tag as they would be if nothing from some time on had been posted.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle::Oracle;
use crate::room::{Member, Room};

impl Oracle {
    /// As [`by_tags`](Self::by_tags), but each room's head is the last number n with T(n) before `before_ms` (rule 18).
    /// `None` if that lies among numbers whose times are forgotten, in a room that counts and that the user has not
    /// read up to there.
    pub fn by_tags_before(
        &self,
        tenant: &str,
        user: &str,
        tags: &[&str],
        skip_muted: bool,
        before_ms: u64,
    ) -> Option<(u64, BTreeMap<String, u64>)> {
        let mut rooms = Vec::new();
        for id in self.rooms_of(tenant, user) {
            let room = self.room(tenant, id)?;
            let member = room.members.get(user)?;
            let of_room: BTreeSet<&str> = room.tags.iter().map(String::as_str).collect();
            let is_wanted = if tags.is_empty() {
                !of_room.is_empty()
            } else {
                tags.iter().any(|tag| of_room.contains(tag))
            };
            if !is_wanted {
                continue;
            }
            let unread = if skip_muted && member.muted {
                0
            } else {
                unread_before(room, user, member, self.rules_for(Some(room)).window, before_ms)?
            };
            rooms.push((of_room, unread));
        }
        let of_rooms = rooms.iter().flat_map(|(of_room, _)| of_room.iter().copied());
        let asked: BTreeSet<&str> =
            if tags.is_empty() { of_rooms.collect() } else { tags.iter().copied().collect() };
        let part = |tag: &&str| -> u64 {
            rooms.iter().filter(|(of_room, _)| of_room.contains(tag)).map(|(_, unread)| unread).sum()
        };
        let parts = asked.iter().map(|tag| ((*tag).to_owned(), part(tag))).collect();
        Some((rooms.iter().map(|(_, unread)| unread).sum(), parts))
    }
}

fn unread_before(room: &Room, user: &str, member: &Member, window: usize, before_ms: u64) -> Option<u64> {
    let head =
        room.countable().filter(|message| message.time < before_ms).map(|message| message.number).max();
    let head = head.unwrap_or(0);
    // A forgotten message still has its number, and the oracle its time, but the service has not.
    let has_forgotten = room.messages.len() > window;
    let known = || room.known(window);
    let is_remembered = !has_forgotten || known().any(|message| message.time < before_ms);
    let oldest = known().last().map_or(0, |message| message.number);
    if !is_remembered && member.cursor + 1 < oldest {
        return None;
    }
    let unread = room.countable().filter(|message| message.number <= head && message.is_unread(user, member));
    Some(unread.count() as u64)
}
