//! Rows of new ids, whatever their room: they are added at the end of the tree, where a row costs a
//! fraction of one in the middle. An id stays in one until its page is written whole.

use std::collections::VecDeque;
use std::sync::Arc;

use counters::{Remembered, RoomIndex};
use events::MessageKey;
use hashbrown::HashMap;

use crate::bytes::{BadRow, Cursor, put_int};

/// When a row is long enough.
const ROW_BYTES: usize = 4_000;

/// A room with ids that are in no page.
#[derive(Debug, Clone, Copy)]
struct Unpaged {
    /// None of them is in a row before this one.
    row: u64,
    /// The first of them that is in no row yet.
    next_order: u64,
    is_waiting: bool,
}

/// The rows of new ids, and who has ids in them.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    next_row: u64,
    /// Rows in commits, oldest first, with the rooms of their ids.
    rows: VecDeque<(u64, Vec<RoomIndex>)>,
    ids: usize,
    unpaged: HashMap<RoomIndex, Unpaged>,
    /// Rooms with ids for the next commit, and some that had.
    waiting: Vec<RoomIndex>,
}

impl Journal {
    /// The room has an id, of this order, that is in no page and no row.
    pub(super) fn add(&mut self, room: RoomIndex, order: u64) {
        let new = Unpaged { row: self.next_row, next_order: order, is_waiting: false };
        let unpaged = self.unpaged.entry(room).or_insert(new);
        if !unpaged.is_waiting {
            unpaged.is_waiting = true;
            self.waiting.push(room);
        }
    }

    /// All ids of the room are in pages now, or it is gone. Says whether they were not before.
    pub(super) fn paged(&mut self, room: RoomIndex) -> bool {
        self.unpaged.remove(&room).is_some()
    }

    /// Removes the oldest rows as long as all their ids are in pages, or there are more than
    /// `most_ids`: then `write_page` is told of each room whose page is to be written now.
    pub(super) fn trim(&mut self, most_ids: usize, mut write_page: impl FnMut(RoomIndex)) -> Vec<u64> {
        let mut removed = Vec::new();
        while let Some((number, rooms)) = self.rows.front() {
            let unpaged = &mut self.unpaged;
            let is_here = |room: &RoomIndex| unpaged.get(room).is_some_and(|unpaged| unpaged.row <= *number);
            let here: Vec<RoomIndex> = if self.ids > most_ids {
                rooms.iter().copied().filter(is_here).collect()
            } else if rooms.iter().any(is_here) {
                break;
            } else {
                Vec::new()
            };
            for room in here {
                if unpaged.remove(&room).is_some() {
                    write_page(room);
                }
            }
            self.ids -= rooms.len();
            removed.push(*number);
            self.rows.pop_front();
        }
        removed
    }

    /// Rows for all ids that are in no page and no row; `ids_from` gives those of a room.
    pub(super) fn take_rows(
        &mut self,
        ids_from: impl Fn(RoomIndex, u64) -> Vec<(MessageKey, Remembered)>,
    ) -> Vec<(u64, Arc<[u8]>)> {
        let mut written = Vec::new();
        let (mut row, mut rooms) = (Vec::new(), Vec::new());
        let mut end = |row: &mut Vec<u8>, rooms: &mut Vec<RoomIndex>, journal: &mut Self| {
            if !row.is_empty() {
                written.push((journal.next_row, Arc::from(&**row)));
                row.clear();
                journal.ids += rooms.len();
                journal.rows.push_back((journal.next_row, rooms.as_slice().to_vec()));
                rooms.clear();
                journal.next_row += 1;
            }
        };
        for room in std::mem::take(&mut self.waiting) {
            let Some(unpaged) = self.unpaged.get_mut(&room).filter(|unpaged| unpaged.is_waiting) else {
                continue;
            };
            unpaged.is_waiting = false;
            for (key, remembered) in ids_from(room, unpaged.next_order) {
                unpaged.next_order = remembered.order + 1;
                put(&mut row, room, &key, remembered);
                rooms.push(room);
            }
            if row.len() >= ROW_BYTES {
                end(&mut row, &mut rooms, self);
            }
        }
        end(&mut row, &mut rooms, self);
        written
    }

    /// About how many bytes wait for a commit.
    pub(super) fn weight(&self) -> usize {
        self.waiting.len() * 200
    }

    /// About how many bytes of memory the journal takes.
    pub(super) fn bytes(&self) -> usize {
        self.ids * size_of::<RoomIndex>()
            + self.unpaged.capacity() * 8 / 7 * size_of::<(RoomIndex, Unpaged)>()
    }

    /// A row that was found in the store; rows come in the order in which they were written.
    pub(crate) fn restore(&mut self, number: u64, ids: &[NewId]) -> Result<(), BadRow> {
        self.next_row = number.checked_add(1).ok_or(BadRow)?;
        self.ids += ids.len();
        self.rows.push_back((number, ids.iter().map(|id| id.room).collect()));
        Ok(())
    }

    /// The id in that row is in no page.
    pub(crate) fn restore_unpaged(&mut self, row: u64, id: &NewId) {
        let new = Unpaged { row, next_order: 0, is_waiting: false };
        self.unpaged.entry(id.room).or_insert(new).next_order = id.remembered.order + 1;
    }
}

/// An id in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewId {
    pub(crate) room: RoomIndex,
    pub(crate) key: MessageKey,
    pub(crate) remembered: Remembered,
}

fn put(row: &mut Vec<u8>, room: RoomIndex, key: &MessageKey, remembered: Remembered) {
    let Remembered { order, number, silent, time } = remembered;
    put_int(row, u64::from(room.0));
    put_int(row, order);
    row.extend(key.0);
    put_int(row, u64::from(number) << 1 | u64::from(silent));
    put_int(row, time);
}

/// The ids of a row.
pub(crate) fn new_ids(row: &[u8]) -> Result<Vec<NewId>, BadRow> {
    let mut cursor = Cursor::new(row);
    let mut ids = Vec::new();
    while !cursor.is_at_end() {
        let room = RoomIndex(cursor.int32()?);
        let order = cursor.int()?;
        let key = MessageKey(cursor.array()?);
        let value = cursor.int()?;
        let number = u32::try_from(value >> 1).map_err(|_| BadRow)?;
        let remembered = Remembered { order, number, silent: value & 1 == 1, time: cursor.int()? };
        if order == 0 || order == u64::MAX {
            return Err(BadRow);
        }
        ids.push(NewId { room, key, remembered });
    }
    if ids.is_empty() { Err(BadRow) } else { Ok(ids) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomIndex = RoomIndex(5);
    const OTHER: RoomIndex = RoomIndex(6);

    fn id(order: u64) -> (MessageKey, Remembered) {
        let number = u32::try_from(order).unwrap();
        (MessageKey::of(&order.to_string()), Remembered { order, number, silent: order == 2, time: 7 })
    }

    /// One commit's rows, each room having ids up to order 3.
    fn commit(journal: &mut Journal) -> Vec<(u64, Vec<(RoomIndex, u64)>)> {
        let rows = journal.take_rows(|_, from| (from..=3).map(id).collect());
        let ids =
            |row: &[u8]| new_ids(row).unwrap().iter().map(|id| (id.room, id.remembered.order)).collect();
        rows.iter().map(|(number, row)| (*number, ids(row))).collect()
    }

    #[test]
    fn a_row_has_what_is_in_no_page_and_goes_when_all_of_it_is() {
        let mut journal = Journal::default();
        for (room, order) in [(ROOM, 2), (OTHER, 3), (ROOM, 3)] {
            journal.add(room, order);
        }
        assert_eq!(commit(&mut journal), [(0, vec![(ROOM, 2), (ROOM, 3), (OTHER, 3)])]);
        assert_eq!(commit(&mut journal), [], "nothing is new");
        assert!(journal.paged(ROOM));
        assert!(!journal.paged(ROOM));
        assert_eq!(journal.trim(9, |_| panic!("there is place")), [] as [u64; 0], "{OTHER:?} needs the row");
        assert!(journal.paged(OTHER));
        assert_eq!(journal.trim(9, |_| panic!("there is place")), [0]);
    }

    #[test]
    fn what_was_paged_before_its_commit_is_in_no_row() {
        let mut journal = Journal::default();
        journal.add(ROOM, 2);
        journal.paged(ROOM);
        journal.add(ROOM, 3);
        assert_eq!(commit(&mut journal), [(0, vec![(ROOM, 3)])]);
    }

    #[test]
    fn rows_beyond_the_bound_go_once_their_pages_are_written() {
        let mut journal = Journal::default();
        journal.add(ROOM, 3);
        commit(&mut journal);
        journal.add(OTHER, 3);
        commit(&mut journal);
        let mut pages = Vec::new();
        assert_eq!(journal.trim(1, |room| pages.push(room)), [0]);
        assert_eq!(pages, [ROOM]);
        assert!(!journal.paged(ROOM));
        assert!(journal.paged(OTHER));
    }

    #[test]
    fn a_broken_row_is_refused() {
        let (key, remembered) = id(2);
        let mut row = Vec::new();
        put(&mut row, ROOM, &key, remembered);
        assert_eq!(new_ids(&row), Ok(vec![NewId { room: ROOM, key, remembered }]));
        for length in 0..row.len() {
            assert_eq!(new_ids(&row[..length]), Err(BadRow), "cut at {length}");
        }
        row[1] = 0;
        assert_eq!(new_ids(&row), Err(BadRow), "order 0");
        let mut row = Vec::new();
        put(&mut row, ROOM, &key, Remembered { order: u64::MAX, ..remembered });
        assert_eq!(new_ids(&row), Err(BadRow), "no order comes after it");
        assert_eq!(Journal::default().restore(u64::MAX, &[]), Err(BadRow), "no row comes after it");
    }
}
