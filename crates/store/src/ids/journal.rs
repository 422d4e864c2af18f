//! New ids of all rooms, in the order of posting: rows that are added to the end of the tree, where
//! a row costs a fraction of one in the middle. An id is here until its page is written.

use std::collections::VecDeque;
use std::sync::Arc;

use counters::{Remembered, RoomIndex};
use events::MessageKey;
use hashbrown::HashMap;

use crate::bytes::{BadRow, Cursor, put_int};

/// When a row is long enough.
const ROW_BYTES: usize = 4_000;

/// The rows of new ids, and who has ids in them.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The row that is being filled.
    row: Vec<u8>,
    rooms: Vec<RoomIndex>,
    number: u64,
    /// Rows that are in no commit yet.
    full: Vec<(u64, Vec<u8>, Vec<RoomIndex>)>,
    /// Rows that are in a commit, oldest first, with the rooms of their ids.
    rows: VecDeque<(u64, Vec<RoomIndex>)>,
    ids: usize,
    /// The row with the first id of a room that is in no page.
    begins: HashMap<RoomIndex, u64>,
}

impl Journal {
    pub(super) fn add(&mut self, room: RoomIndex, key: &MessageKey, remembered: Remembered) {
        let Remembered { order, number, silent, time } = remembered;
        put_int(&mut self.row, u64::from(room.0));
        put_int(&mut self.row, order);
        self.row.extend(key.0);
        put_int(&mut self.row, u64::from(number) << 1 | u64::from(silent));
        put_int(&mut self.row, time);
        self.rooms.push(room);
        self.begins.entry(room).or_insert(self.number);
        if self.row.len() >= ROW_BYTES {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        if !self.row.is_empty() {
            let (row, rooms) = (std::mem::take(&mut self.row), std::mem::take(&mut self.rooms));
            self.full.push((self.number, row, rooms));
            self.number += 1;
        }
    }

    /// All ids of the room are in pages, or it is gone. Says whether they were not before.
    pub(super) fn paged(&mut self, room: RoomIndex) -> bool {
        self.begins.remove(&room).is_some()
    }

    /// Removes the oldest rows as long as all their ids are in pages, or there are more than
    /// `most_ids`: then `page` is told of each room whose page is to be written now.
    pub(super) fn trim(&mut self, most_ids: usize, mut page: impl FnMut(RoomIndex)) -> Vec<u64> {
        let mut removed = Vec::new();
        while let Some((number, rooms)) = self.rows.front() {
            let begins = &mut self.begins;
            let is_here = |begins: &HashMap<_, _>, room| begins.get(room).is_some_and(|row| row <= number);
            if self.ids > most_ids {
                for room in rooms {
                    if is_here(begins, room) {
                        page(*room);
                        begins.remove(room);
                    }
                }
            } else if rooms.iter().any(|room| is_here(begins, room)) {
                break;
            }
            self.ids -= rooms.len();
            removed.push(*number);
            self.rows.pop_front();
        }
        removed
    }

    /// The rows that are in no commit yet.
    pub(super) fn take_rows(&mut self) -> impl Iterator<Item = (u64, Arc<[u8]>)> + use<> {
        self.end_row();
        let full = std::mem::take(&mut self.full);
        for (number, _, rooms) in &full {
            self.ids += rooms.len();
            self.rows.push_back((*number, rooms.clone()));
        }
        full.into_iter().map(|(number, row, _)| (number, row.into()))
    }

    /// About how many bytes wait for a commit.
    pub(super) fn weight(&self) -> usize {
        self.row.len() + self.full.len() * ROW_BYTES
    }

    /// About how many bytes of memory the lists of rooms take.
    pub(super) fn bytes(&self) -> usize {
        self.ids * size_of::<RoomIndex>() + self.begins.capacity() * 8 / 7 * 17
    }

    /// A row that was found in the store; rows come in the order in which they were written.
    pub(crate) fn restore(&mut self, number: u64, ids: &[NewId]) {
        self.number = number + 1;
        self.ids += ids.len();
        self.rows.push_back((number, ids.iter().map(|id| id.room).collect()));
    }

    /// The room has an id in that row that is in no page.
    pub(crate) fn restore_room(&mut self, room: RoomIndex, number: u64) {
        self.begins.entry(room).or_insert(number);
    }
}

/// An id in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewId {
    pub(crate) room: RoomIndex,
    pub(crate) key: MessageKey,
    pub(crate) remembered: Remembered,
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
        if order == 0 {
            return Err(BadRow);
        }
        ids.push(NewId { room, key, remembered });
    }
    if ids.is_empty() { Err(BadRow) } else { Ok(ids) }
}
