//! The rooms of one user: what a badge walks.

use events::MessageKey;

use crate::room_cursors::RoomCursors;
use crate::{Numbers, RoomIndex};

/// One user's memberships. The plain membership is two small numbers; what few have lies in `extras`, sorted by room.
#[derive(Debug, Default)]
pub(crate) struct Memberships {
    pub(crate) plain: RoomCursors,
    pub(crate) extras: Box<[Extra]>,
}

/// What a membership has beyond its cursor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Extra {
    pub(crate) room: RoomIndex,
    pub(crate) muted: bool,
    /// Numbers of the member's own messages (rule 2).
    pub(crate) own: Numbers,
    /// `None` where there is nothing in it.
    rest: Option<Box<Rest>>,
}

/// What fewer have.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Rest {
    /// Numbers of messages that name the member (rule 17).
    pub(crate) mentioned: Numbers,
    /// Reads that wait for their message, in the order in which they were first kept (rule 6).
    pub(crate) kept_reads: Vec<MessageKey>,
}

impl Extra {
    fn of(room: RoomIndex) -> Self {
        Self { room, muted: false, own: Numbers::default(), rest: None }
    }

    fn is_plain(&self) -> bool {
        !self.muted && self.own.is_empty() && self.rest.is_none()
    }

    /// Numbers of messages that name the member; `None` if there are none.
    pub(crate) fn mentioned(&self) -> Option<&Numbers> {
        self.rest.as_ref().map(|rest| &rest.mentioned)
    }

    /// Reads that wait for their message, oldest first.
    pub(crate) fn kept_reads(&self) -> &[MessageKey] {
        self.rest.as_ref().map_or(&[], |rest| &rest.kept_reads)
    }

    pub(crate) fn change_rest<R>(&mut self, change: impl FnOnce(&mut Rest) -> R) -> R {
        let rest = self.rest.get_or_insert_default();
        let answer = change(rest);
        if rest.mentioned.is_empty() && rest.kept_reads.is_empty() {
            self.rest = None;
        }
        answer
    }
}

impl Memberships {
    /// Of memberships that are sorted by room, each room once.
    pub(crate) fn new(members: impl ExactSizeIterator<Item = (RoomIndex, u32)> + Clone) -> Self {
        Self { plain: RoomCursors::new(members), extras: Box::default() }
    }

    pub(crate) fn position(&self, room: RoomIndex) -> Option<usize> {
        self.plain.find(room).ok()
    }

    pub(crate) fn cursor(&self, room: RoomIndex) -> Option<u32> {
        self.position(room).map(|position| self.plain.get(position))
    }

    /// `false` if the user is a member already. When more memory would be needed, entries of
    /// dead rooms make place first: nothing else ever visits them.
    pub(crate) fn insert(
        &mut self,
        room: RoomIndex,
        cursor: u32,
        is_dead: impl Fn(RoomIndex) -> bool,
    ) -> bool {
        let Err(mut position) = self.plain.find(room) else { return false };
        if self.plain.is_full() {
            self.plain.retain(|room| !is_dead(room));
            self.change_extras(|extras| extras.retain(|extra| !is_dead(extra.room)));
            position = self.plain.indexes().partition_point(|other| *other < room.0);
        }
        self.plain.insert(position, room, cursor);
        true
    }

    pub(crate) fn remove(&mut self, room: RoomIndex) -> Option<(u32, Extra)> {
        let cursor = self.plain.remove(self.position(room)?);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_rooms_make_place_before_more_memory_is_taken() {
        let mut memberships = Memberships::default();
        for room in 0..4 {
            assert!(memberships.insert(RoomIndex(room), room, |_| false));
        }
        assert!(memberships.plain.is_full());
        memberships.change_extra(RoomIndex(1), |extra| extra.muted = true);
        assert!(memberships.insert(RoomIndex(4), 4, |room| room.0 < 2));
        assert_eq!(memberships.plain.indexes(), [2, 3, 4]);
        assert_eq!([0, 1, 2].map(|place| memberships.plain.get(place)), [2, 3, 4]);
        assert!(memberships.extras.is_empty());
    }

    #[test]
    fn what_is_empty_again_takes_no_memory() {
        let mut memberships = Memberships::new([(RoomIndex(0), 0)].into_iter());
        let extra = |memberships: &mut Memberships, change: fn(&mut Rest)| {
            memberships.change_extra(RoomIndex(0), |extra| extra.change_rest(change));
        };
        extra(&mut memberships, |rest| assert!(rest.mentioned.insert(7)));
        assert!(memberships.extra(RoomIndex(0)).unwrap().mentioned().unwrap().contains(7));
        extra(&mut memberships, |rest| rest.mentioned.remove_up_to(7, |_| ()));
        assert!(memberships.extras.is_empty());
    }
}
