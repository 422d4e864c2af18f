//! The rooms of one user: what a badge walks.

use events::MessageKey;

use crate::cursors::Cursors;
use crate::{Numbers, RoomIndex};

/// One user's memberships, as parallel arrays sorted by room. The plain membership is two small
/// numbers; what few have lies in `extras`, sorted by room too.
#[derive(Debug, Default)]
pub(crate) struct Memberships {
    pub(crate) rooms: Vec<RoomIndex>,
    pub(crate) cursors: Cursors,
    pub(crate) extras: Box<[Extra]>,
}

/// What a membership has beyond its cursor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Extra {
    pub(crate) room: RoomIndex,
    pub(crate) muted: bool,
    /// Numbers of the member's own messages (rule 2).
    pub(crate) own: Numbers,
    /// Numbers of messages that name the member (rule 17).
    pub(crate) mentioned: Numbers,
    /// Reads that wait for their message, in the order in which they were first kept (rule 6).
    pub(crate) kept_reads: Vec<MessageKey>,
}

impl Extra {
    fn of(room: RoomIndex) -> Self {
        let (own, mentioned) = (Numbers::default(), Numbers::default());
        Self { room, muted: false, own, mentioned, kept_reads: Vec::new() }
    }

    fn is_plain(&self) -> bool {
        !self.muted && self.own.is_empty() && self.mentioned.is_empty() && self.kept_reads.is_empty()
    }
}

impl Memberships {
    /// Of memberships that are sorted by room, each room once.
    pub(crate) fn new(members: impl ExactSizeIterator<Item = (RoomIndex, u32)>) -> Self {
        let mut memberships = Self { rooms: Vec::with_capacity(members.len()), ..Self::default() };
        memberships.cursors.resize(members.len());
        for (place, (room, cursor)) in members.enumerate() {
            memberships.rooms.push(room);
            memberships.cursors.set(place, cursor);
        }
        memberships
    }

    pub(crate) fn position(&self, room: RoomIndex) -> Option<usize> {
        self.rooms.binary_search(&room).ok()
    }

    pub(crate) fn cursor(&self, room: RoomIndex) -> Option<u32> {
        self.position(room).map(|position| self.cursors.get(position))
    }

    /// `false` if the user is a member already. When the arrays would have to grow, entries of
    /// dead rooms make place first: nothing else ever visits them.
    pub(crate) fn insert(
        &mut self,
        room: RoomIndex,
        cursor: u32,
        is_dead: impl Fn(RoomIndex) -> bool,
    ) -> bool {
        let Err(mut position) = self.rooms.binary_search(&room) else { return false };
        if self.rooms.len() == self.cursors.places() {
            self.retain(|room| !is_dead(room));
            position = self.rooms.partition_point(|other| *other < room);
        }
        if self.rooms.len() == self.cursors.places() {
            // Doubling would leave a quarter of all memory unused.
            let more = self.rooms.len() / 4 + 2;
            self.rooms.reserve_exact(more);
            self.cursors.resize(self.rooms.len() + more);
        }
        self.cursors.insert(position, self.rooms.len(), cursor);
        self.rooms.insert(position, room);
        true
    }

    pub(crate) fn remove(&mut self, room: RoomIndex) -> Option<(u32, Extra)> {
        let position = self.position(room)?;
        let cursor = self.cursors.remove(position, self.rooms.len());
        self.rooms.remove(position);
        let extra = match self.extras.binary_search_by_key(&room, |extra| extra.room) {
            Ok(position) => self.change_extras(|extras| extras.remove(position)),
            Err(_) => Extra::of(room),
        };
        Some((cursor, extra))
    }

    pub(crate) fn extra(&self, room: RoomIndex) -> Option<&Extra> {
        let position = self.extras.binary_search_by_key(&room, |extra| extra.room).ok()?;
        Some(&self.extras[position])
    }

    /// Changes what a membership has beyond its cursor. The caller knows that there is one.
    pub(crate) fn change_extra<R>(&mut self, room: RoomIndex, change: impl FnOnce(&mut Extra) -> R) -> R {
        let position = match self.extras.binary_search_by_key(&room, |extra| extra.room) {
            Ok(position) => position,
            Err(position) => {
                self.change_extras(|extras| {
                    extras.reserve_exact(1);
                    extras.insert(position, Extra::of(room));
                });
                position
            }
        };
        let answer = change(&mut self.extras[position]);
        if self.extras[position].is_plain() {
            self.change_extras(|extras| extras.remove(position));
        }
        answer
    }

    /// They take no more memory than they need: they are few, and those who have them many.
    fn change_extras<R>(&mut self, change: impl FnOnce(&mut Vec<Extra>) -> R) -> R {
        let mut extras = std::mem::take(&mut self.extras).into_vec();
        let answer = change(&mut extras);
        self.extras = extras.into_boxed_slice();
        answer
    }

    fn retain(&mut self, keep: impl Fn(RoomIndex) -> bool) {
        let mut kept = 0;
        for position in 0..self.rooms.len() {
            if keep(self.rooms[position]) {
                self.rooms[kept] = self.rooms[position];
                self.cursors.set(kept, self.cursors.get(position));
                kept += 1;
            }
        }
        self.rooms.truncate(kept);
        self.change_extras(|extras| extras.retain(|extra| keep(extra.room)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_rooms_make_place_before_the_arrays_grow() {
        let mut memberships = Memberships::default();
        for room in 0..4 {
            assert!(memberships.insert(RoomIndex(room), room, |_| false));
        }
        memberships.cursors.resize(4);
        memberships.change_extra(RoomIndex(1), |extra| extra.muted = true);
        assert!(memberships.insert(RoomIndex(4), 4, |room| room.0 < 2));
        assert_eq!(memberships.rooms, [2, 3, 4].map(RoomIndex));
        assert_eq!([0, 1, 2].map(|place| memberships.cursors.get(place)), [2, 3, 4]);
        assert!(memberships.extras.is_empty());
    }
}
