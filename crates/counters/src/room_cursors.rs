//! The rooms of one user, and how far they have read in each.

use crate::RoomIndex;

/// Rooms by ascending index, each with its cursor, in one piece of memory: first the rooms, four bytes each, then the cursors, two
/// bytes each as long as none is above 65,535, else four. Either half may have places that are not in use yet.
#[derive(Debug, Default)]
pub(crate) struct RoomCursors {
    memory: Box<[u32]>,
    used: u32,
    is_wide: bool,
}

/// The cursors of one user, in the order of their rooms.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cursors<'a> {
    Narrow(&'a [u16]),
    Wide(&'a [u32]),
}

const BYTES_NARROW: usize = 6;
const BYTES_WIDE: usize = 8;

/// What allocators hand out for so many bytes: powers of two, and three sizes between each and the next. Memory that grows in these
/// steps leaves none of that unused; doubling would leave a quarter.
fn block_of(bytes: usize) -> usize {
    bytes.next_multiple_of((bytes.next_power_of_two() / 8).max(16))
}

impl RoomCursors {
    /// Of rooms that are sorted, each once.
    pub(crate) fn new(members: impl ExactSizeIterator<Item = (RoomIndex, u32)> + Clone) -> Self {
        let (rooms, cursors) = (members.clone().map(|(room, _)| room.0), members.map(|(_, cursor)| cursor));
        let (mut all, used) = (Self::default(), rooms.len());
        let is_wide = cursors.clone().any(|cursor| u16::try_from(cursor).is_err());
        all.rebuild(used, is_wide);
        all.used = u32::try_from(used).expect("indexes of rooms are that short");
        all.memory.iter_mut().zip(rooms).for_each(|(place, room)| *place = room);
        match all.narrow_mut() {
            #[allow(clippy::cast_possible_truncation, reason = "none is longer")]
            Some(places) => places.iter_mut().zip(cursors).for_each(|(place, cursor)| *place = cursor as u16),
            None => all.wide_mut().iter_mut().zip(cursors).for_each(|(place, cursor)| *place = cursor),
        }
        all
    }

    pub(crate) fn len(&self) -> usize {
        self.used as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// How many fit in.
    fn places(&self) -> usize {
        if self.is_wide { self.memory.len() / 2 } else { self.memory.len() / 3 * 2 }
    }

    /// Whether the next one needs more memory.
    pub(crate) fn is_full(&self) -> bool {
        self.len() == self.places()
    }

    /// The indexes of the rooms, ascending.
    pub(crate) fn indexes(&self) -> &[u32] {
        &self.memory[..self.len()]
    }

    /// The rooms, ascending.
    pub(crate) fn rooms(&self) -> impl DoubleEndedIterator<Item = RoomIndex> {
        self.indexes().iter().copied().map(RoomIndex)
    }

    /// The cursors, in the order of the rooms.
    pub(crate) fn cursors(&self) -> Cursors<'_> {
        let cursors = &self.memory[self.places()..];
        if self.is_wide {
            Cursors::Wide(&cursors[..self.len()])
        } else {
            Cursors::Narrow(&bytemuck::cast_slice(cursors)[..self.len()])
        }
    }

    /// Where the room is, or where it would have to be.
    pub(crate) fn find(&self, room: RoomIndex) -> Result<usize, usize> {
        self.indexes().binary_search(&room.0)
    }

    pub(crate) fn get(&self, place: usize) -> u32 {
        match self.cursors() {
            Cursors::Narrow(cursors) => cursors[place].into(),
            Cursors::Wide(cursors) => cursors[place],
        }
    }

    pub(crate) fn set(&mut self, place: usize, cursor: u32) {
        let used = self.len();
        match (self.narrow_mut(), u16::try_from(cursor)) {
            (Some(cursors), Ok(cursor)) => cursors[..used][place] = cursor,
            (Some(_), Err(_)) => {
                self.rebuild(self.places(), true);
                self.set(place, cursor);
            }
            (None, _) => self.wide_mut()[..used][place] = cursor,
        }
    }

    /// Puts a room at the place where it has to be.
    pub(crate) fn insert(&mut self, place: usize, room: RoomIndex, cursor: u32) {
        let used = self.len();
        if self.is_full() {
            let each = if self.is_wide { BYTES_WIDE } else { BYTES_NARROW };
            self.rebuild(block_of((used + 2) * each) / (2 * each) * 2, self.is_wide);
        }
        self.memory.copy_within(place..used, place + 1);
        self.memory[place] = room.0;
        match self.narrow_mut() {
            Some(cursors) => cursors.copy_within(place..used, place + 1),
            None => self.wide_mut().copy_within(place..used, place + 1),
        }
        self.used += 1;
        self.set(place, cursor);
    }

    /// Takes the room at this place, and returns its cursor.
    pub(crate) fn remove(&mut self, place: usize) -> u32 {
        let (cursor, used) = (self.get(place), self.len());
        self.memory.copy_within(place + 1..used, place);
        match self.narrow_mut() {
            Some(cursors) => cursors.copy_within(place + 1..used, place),
            None => self.wide_mut().copy_within(place + 1..used, place),
        }
        self.used -= 1;
        cursor
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(RoomIndex) -> bool) {
        let mut kept = 0;
        for place in 0..self.len() {
            let room = self.memory[place];
            if keep(RoomIndex(room)) {
                self.memory[kept] = room;
                self.set(kept, self.get(place));
                kept += 1;
            }
        }
        self.used = u32::try_from(kept).expect("no more than there were");
    }

    /// The cursors, of places that are not in use too; `None` if they take four bytes.
    fn narrow_mut(&mut self) -> Option<&mut [u16]> {
        let places = self.places();
        (!self.is_wide).then(|| bytemuck::cast_slice_mut(&mut self.memory[places..]))
    }

    /// The cursors, of places that are not in use too, where they take four bytes.
    fn wide_mut(&mut self) -> &mut [u32] {
        let places = self.places();
        &mut self.memory[places..]
    }

    /// The same in other memory.
    fn rebuild(&mut self, places: usize, is_wide: bool) {
        // The cursors begin and end with four bytes.
        let places = places.next_multiple_of(2);
        let length = if is_wide { places * 2 } else { places / 2 * 3 };
        let before = std::mem::replace(
            self,
            Self { memory: vec![0; length].into_boxed_slice(), used: self.used, is_wide },
        );
        self.memory[..before.len()].copy_from_slice(before.indexes());
        for place in 0..before.len() {
            self.set(place, before.get(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(found: &RoomCursors) -> Vec<(u32, u32)> {
        (0..found.len()).map(|place| (found.indexes()[place], found.get(place))).collect()
    }

    #[test]
    fn either_width_holds_what_it_was_given() {
        // The first cursor that needs four bytes comes by `set` or by `insert`, to some place, or not at all.
        for wide_step in 0..40 {
            let (mut found, mut plain) = (RoomCursors::default(), Vec::new());
            for step in 0..35_u32 {
                let cursor = if step == wide_step { 65_536 } else { 65_535 - step };
                let room = step * 7 % 32;
                match (step % 5, found.find(RoomIndex(room))) {
                    (0..3, Err(place)) => {
                        found.insert(place, RoomIndex(room), cursor);
                        plain.insert(place, (room, cursor));
                    }
                    (0..4, Ok(place)) => {
                        found.set(place, cursor);
                        plain[place].1 = cursor;
                    }
                    (_, Ok(place) | Err(place)) => {
                        let place = place % plain.len();
                        assert_eq!(found.remove(place), plain.remove(place).1);
                    }
                }
                assert_eq!(all(&found), plain, "step {step}, wide at {wide_step}");
                assert!(plain.is_sorted());
            }
            let is_narrow = matches!(found.cursors(), Cursors::Narrow(_));
            assert_eq!(is_narrow, wide_step >= 35 || wide_step % 5 >= 3, "wide at {wide_step}");
        }
    }

    #[test]
    fn what_is_kept_keeps_its_cursor() {
        for cursor in [3, 70_000] {
            let mut found = RoomCursors::new((0..7).map(|room| (RoomIndex(room), room * cursor)));
            found.retain(|room| room.0 % 3 == 1);
            assert_eq!(all(&found), [(1, cursor), (4, 4 * cursor)]);
            assert_eq!(found.rooms().collect::<Vec<_>>(), [1, 4].map(RoomIndex));
        }
    }

    #[test]
    fn it_grows_in_steps_of_what_allocators_hand_out() {
        assert_eq!(
            [1, 16, 17, 64, 65, 128, 129, 257, 320, 321].map(block_of),
            [16, 16, 32, 64, 80, 128, 160, 320, 320, 384]
        );
        let mut found = RoomCursors::default();
        let mut sizes = Vec::new();
        for room in 0..60 {
            found.insert(room as usize, RoomIndex(room), 0);
            sizes.push(size_of_val(&*found.memory));
        }
        sizes.dedup();
        assert_eq!(sizes, [12, 24, 48, 60, 72, 96, 108, 120, 156, 192, 216, 252, 312, 384]);
    }

    /// What is promised of memory is six bytes a membership.
    #[test]
    fn a_room_takes_six_bytes_and_eight_with_a_large_cursor() {
        let mut found = RoomCursors::new((0..50).map(|room| (RoomIndex(room), 65_535)));
        assert_eq!(size_of_val(&*found.memory), 300);
        found.set(0, 65_536);
        assert_eq!(size_of_val(&*found.memory), 400);
    }
}
