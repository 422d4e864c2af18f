//! Pages: 64 remembered ids of consecutive order, and their form as rows.

use counters::Remembered;
use events::MessageKey;

use crate::bytes::{BadRow, Cursor, put_int};

/// How many ids one row holds.
pub(super) const IDS_A_PAGE: u64 = 64;
pub(super) const ENTRIES_A_PAGE: usize = 64;
/// About how long the row of a full page is.
pub(super) const ROW_BYTES: usize = ENTRIES_A_PAGE * 19;

/// The page that the message of this order is in. Orders begin at 1.
pub(crate) fn page_of(order: u64) -> u32 {
    u32::try_from((order - 1) / IDS_A_PAGE).unwrap_or(u32::MAX)
}

pub(super) fn first_order(page: u32) -> u64 {
    u64::from(page) * IDS_A_PAGE + 1
}

/// Where a row of ids is being read or written: each id is stored as the growth since the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) order: u64,
    number: u32,
    time: u64,
}

impl Place {
    /// Before the first id of a page.
    pub(super) fn start_of(page: u32) -> Self {
        Self { order: first_order(page), number: 0, time: 0 }
    }

    /// Adds the next id: the key, how much the number grew (and whether it is silent), and how much
    /// the time grew.
    pub(super) fn put(&mut self, row: &mut Vec<u8>, key: &MessageKey, remembered: Remembered) {
        debug_assert_eq!(self.order, remembered.order, "ids are remembered in the order of posting");
        row.extend(key.0);
        put_int(row, u64::from(remembered.number - self.number) << 1 | u64::from(remembered.silent));
        put_int(row, remembered.time - self.time);
        *self = Self { order: remembered.order + 1, number: remembered.number, time: remembered.time };
    }

    /// Takes the next id.
    pub(super) fn take(&mut self, row: &mut Cursor<'_>) -> Result<(MessageKey, Remembered), BadRow> {
        let key = MessageKey(row.array()?);
        let value = row.int()?;
        let grown = u32::try_from(value >> 1).map_err(|_| BadRow)?;
        let order = self.order;
        let number = self.number.checked_add(grown).ok_or(BadRow)?;
        let time = self.time.checked_add(row.int()?).ok_or(BadRow)?;
        *self = Self { order: order + 1, number, time };
        Ok((key, Remembered { order, number, silent: value & 1 == 1, time }))
    }
}

/// The ids of a page's row.
pub(crate) fn ids_of(page: u32, row: &[u8]) -> Result<Vec<(MessageKey, Remembered)>, BadRow> {
    let mut cursor = Cursor::new(row);
    let mut ids = Vec::with_capacity(ENTRIES_A_PAGE);
    let mut place = Place::start_of(page);
    while !cursor.is_at_end() && ids.len() < ENTRIES_A_PAGE {
        ids.push(place.take(&mut cursor)?);
    }
    cursor.end()?;
    if ids.is_empty() { Err(BadRow) } else { Ok(ids) }
}

/// A page that still grows, as a row.
#[derive(Debug, Clone)]
pub(crate) struct Growing {
    row: Vec<u8>,
    place: Place,
}

impl Growing {
    /// An empty page.
    pub(crate) fn new(page: u32) -> Self {
        Self { row: Vec::new(), place: Place::start_of(page) }
    }

    /// A page that has some ids already.
    pub(crate) fn from_row(page: u32, row: &[u8]) -> Result<Self, BadRow> {
        let mut cursor = Cursor::new(row);
        let mut place = Place::start_of(page);
        while !cursor.is_at_end() {
            place.take(&mut cursor)?;
        }
        Ok(Self { row: row.to_vec(), place })
    }

    pub(crate) fn next_order(&self) -> u64 {
        self.place.order
    }

    pub(crate) fn page(&self) -> u32 {
        // Once full, it is still this page until the next begins.
        if self.row.is_empty() { page_of(self.place.order) } else { page_of(self.place.order - 1) }
    }

    pub(crate) fn put(&mut self, key: &MessageKey, remembered: Remembered) {
        // Rooms are many, and most of their pages are not full: room for a few ids at a time.
        if self.row.capacity() - self.row.len() < ROW_BYTES / ENTRIES_A_PAGE * 2 {
            self.row.reserve_exact(ROW_BYTES / 4);
        }
        self.place.put(&mut self.row, key, remembered);
    }

    /// Adds an id that was read: it may be one that can't come next.
    pub(crate) fn add(&mut self, key: &MessageKey, remembered: Remembered) -> Result<(), BadRow> {
        let Place { order, number, time } = self.place;
        if remembered.order != order || remembered.number < number || remembered.time < time {
            return Err(BadRow);
        }
        self.put(key, remembered);
        Ok(())
    }

    pub(crate) fn is_full(&self) -> bool {
        !self.row.is_empty() && (self.place.order - 1).is_multiple_of(IDS_A_PAGE)
    }

    pub(crate) fn row(&self) -> &[u8] {
        &self.row
    }

    pub(super) fn ids_from(&self, order: u64) -> Vec<(MessageKey, Remembered)> {
        let ids = ids_of(self.page(), &self.row).unwrap_or_default();
        ids.into_iter().filter(|(_, remembered)| remembered.order >= order).collect()
    }

    pub(super) fn bytes(&self) -> usize {
        self.row.capacity()
    }
}
