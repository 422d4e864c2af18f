//! The remembered ids of one room, in memory.

use std::collections::VecDeque;

use counters::Remembered;
use events::MessageKey;
use hashbrown::HashTable;

use super::page::{ENTRIES_A_PAGE, IDS_A_PAGE, Place, ROW_BYTES, first_order, ids_of, page_of};
use crate::bytes::BadRow;

/// Of 28 bytes: with a number of 64 bits in it they would be 32.
#[derive(Debug, Clone, Copy)]
struct Entry {
    key: MessageKey,
    number: u32,
    /// The time, its lower half first; the top bit says that the message is silent.
    time_and_silent: [u32; 2],
}

const SILENT_BIT: u64 = 1 << 63;

impl Entry {
    fn new(key: MessageKey, remembered: Remembered) -> Self {
        let Remembered { number, silent, time, .. } = remembered;
        debug_assert_eq!(time & SILENT_BIT, 0, "no clock shows that");
        let bits = time | if silent { SILENT_BIT } else { 0 };
        Self { key, number, time_and_silent: [low(bits), low(bits >> 32)] }
    }

    fn remembered(self, order: u64) -> Remembered {
        let [low, high] = self.time_and_silent.map(u64::from);
        let bits = high << 32 | low;
        Remembered { order, number: self.number, silent: bits & SILENT_BIT != 0, time: bits & !SILENT_BIT }
    }
}

/// Whole pages of ids, oldest first; the last page may still grow. All ids that are known are
/// here, and perhaps some more: those that share a page with a known one.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The order of the first entry: the first of a page.
    first: u64,
    entries: VecDeque<Entry>,
    /// Orders, cut to 32 bits, by key; made when the window is looked at often enough to be worth it.
    index: Option<Box<HashTable<u32>>>,
    looks: u8,
}

/// A window grows by an eighth, and by so many entries at least.
const LEAST_GROWTH: usize = 4;
/// Looking through so few entries costs less than an index.
const SMALL: usize = 64;
/// A window that is loaded for one look and evicted again needs no index.
const LOOKS_BEFORE_INDEX: u8 = 2;

/// The keys are cryptographic hashes already.
fn hash(key: &MessageKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// A window is shorter than 2^32, so the lower half of an order tells it apart.
#[allow(clippy::cast_possible_truncation, reason = "the upper half is not wanted")]
fn low(order: u64) -> u32 {
    order as u32
}

impl Window {
    pub(super) fn starting_at_page(page: u32) -> Self {
        Self { first: first_order(page), ..Self::default() }
    }

    /// About how many bytes of memory the window takes.
    pub(super) fn bytes(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |index| index.capacity() * 8 / 7 * 5);
        size_of::<Self>() + 64 + self.entries.capacity() * size_of::<Entry>() + index
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageKey, Remembered)> {
        (self.first..self.next_order()).filter_map(|order| self.get(order))
    }

    pub(super) fn ids_from(&self, order: u64) -> Vec<(MessageKey, Remembered)> {
        (order..self.next_order()).filter_map(|order| self.get(order)).collect()
    }

    pub(super) fn next_order(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn entry(&self, order: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(order.checked_sub(self.first)?).ok()?)
    }

    pub(super) fn get(&self, order: u64) -> Option<(MessageKey, Remembered)> {
        let entry = self.entry(order)?;
        Some((entry.key, entry.remembered(order)))
    }

    /// The newest message of that id.
    pub(super) fn find(&mut self, key: &MessageKey) -> Option<Remembered> {
        if self.index.is_none() && self.entries.len() > SMALL {
            self.looks = self.looks.saturating_add(1);
            if self.looks > LOOKS_BEFORE_INDEX {
                self.build_index();
            }
        }
        let order = match &self.index {
            Some(index) => {
                let first = low(self.first);
                let offset = |order: u32| order.wrapping_sub(first);
                let is_it = |order: &u32| self.entries[offset(*order) as usize].key == *key;
                self.first + u64::from(offset(*index.find(hash(key), is_it)?))
            }
            None => self.first + self.entries.iter().rposition(|entry| entry.key == *key)? as u64,
        };
        self.get(order).map(|(_, remembered)| remembered)
    }

    fn build_index(&mut self) {
        self.index = Some(Box::new(HashTable::with_capacity(self.entries.len() + SMALL)));
        for position in 0..self.entries.len() {
            self.put_into_index(self.first + position as u64);
        }
    }

    /// A newer message takes the place of a forgotten one with the same id.
    fn put_into_index(&mut self, order: u64) {
        let Self { index: Some(index), entries, first, .. } = self else { return };
        let first = low(*first);
        let key_of = |order: u32| entries[order.wrapping_sub(first) as usize].key;
        let key = key_of(low(order));
        match index.find_mut(hash(&key), |other| key_of(*other) == key) {
            Some(place) => *place = low(order),
            None => {
                index.insert_unique(hash(&key), low(order), |other| hash(&key_of(*other)));
            }
        }
    }

    /// Adds the next message.
    pub(super) fn push(&mut self, key: MessageKey, remembered: Remembered) {
        debug_assert_eq!(remembered.order, self.next_order(), "ids are remembered in the order of posting");
        let order = remembered.order;
        if self.entries.len() == self.entries.capacity() {
            // Doubling would leave half of a window's memory unused once it is full. Most rooms are small.
            self.entries.reserve_exact(self.entries.len() / 8 + LEAST_GROWTH);
        }
        self.entries.push_back(Entry::new(key, remembered));
        self.put_into_index(order);
    }

    /// Drops the first page if all its messages are forgotten, and says which page that was.
    pub(super) fn drop_forgotten_page(&mut self, newest_forgotten: u64) -> Option<u32> {
        if self.first + IDS_A_PAGE - 1 > newest_forgotten || self.entries.len() < ENTRIES_A_PAGE {
            return None;
        }
        let page = page_of(self.first);
        for order in self.first..self.first + IDS_A_PAGE {
            let Some(key) = self.entry(order).map(|entry| entry.key) else { continue };
            if let Some(index) = &mut self.index
                && let Ok(entry) = index.find_entry(hash(&key), |other| *other == low(order))
            {
                entry.remove();
            }
        }
        self.entries.drain(..ENTRIES_A_PAGE);
        self.first += IDS_A_PAGE;
        Some(page)
    }

    /// One page as a row.
    pub(super) fn page_row(&self, page: u32) -> Vec<u8> {
        let mut row = Vec::with_capacity(ROW_BYTES);
        let mut place = Place::start_of(page);
        for (key, remembered) in (place.order..place.order + IDS_A_PAGE).map_while(|order| self.get(order)) {
            place.put(&mut row, &key, remembered);
        }
        row
    }

    /// Adds the ids of the page that comes next.
    pub(super) fn push_page(&mut self, page: u32, row: &[u8]) -> Result<(), BadRow> {
        if self.next_order() != first_order(page) {
            return Err(BadRow);
        }
        for (key, remembered) in ids_of(page, row)? {
            if remembered.time & SILENT_BIT != 0 {
                return Err(BadRow);
            }
            self.push(key, remembered);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: u64) -> MessageKey {
        MessageKey::of(&name.to_string())
    }

    fn window(orders: std::ops::RangeInclusive<u64>) -> Window {
        let mut window = Window::starting_at_page(page_of(*orders.start()));
        for order in orders {
            let number = u32::try_from(order / 2).unwrap();
            window.push(key(order), Remembered { order, number, silent: order % 2 == 1, time: order * 10 });
        }
        window
    }

    #[test]
    fn every_id_is_found_with_and_without_index() {
        let mut window = window(129..=1_000);
        for pass in 0..4 {
            for order in 129..=1_000 {
                assert_eq!(window.find(&key(order)).map(|found| found.order), Some(order), "pass {pass}");
            }
            assert_eq!(window.find(&key(1)), None);
            assert_eq!(window.find(&key(1_001)), None);
        }
        assert!(window.index.is_some());
    }

    #[test]
    fn the_newest_of_equal_ids_is_found_and_outlives_the_older() {
        for index_first in [true, false] {
            let mut window = window(1..=200);
            if index_first {
                window.build_index();
            }
            window.push(key(3), Remembered { order: 201, number: 200, silent: false, time: 9_999 });
            assert_eq!(window.find(&key(3)).map(|found| found.order), Some(201));
            assert_eq!(window.drop_forgotten_page(63), None, "order 64 is not forgotten");
            assert_eq!(window.drop_forgotten_page(64), Some(0));
            assert_eq!(window.find(&key(3)).map(|found| found.order), Some(201));
            assert_eq!(window.find(&key(4)), None);
            assert_eq!(window.find(&key(65)).map(|found| found.order), Some(65));
        }
    }

    #[test]
    fn pages_survive_as_rows() {
        let full = window(1..=150);
        let mut read = Window::starting_at_page(0);
        for page in 0..=2 {
            read.push_page(page, &full.page_row(page)).unwrap();
        }
        assert_eq!(read.next_order(), 151);
        for order in 1..=150 {
            assert_eq!(read.get(order), full.get(order));
        }
        let row = full.page_row(1);
        assert_eq!(Window::starting_at_page(0).push_page(1, &row), Err(BadRow), "page 0 is missing");
        for length in [0, 1, 16, 17, row.len() - 1] {
            let cut = ids_of(1, &row[..length]);
            assert!(cut.is_err() || cut.unwrap().len() < 64, "cut at {length}");
        }
        let mut long = row.clone();
        long.extend([0; 18]);
        assert!(ids_of(1, &long).is_err(), "65 ids");
    }

    #[test]
    fn the_longest_time_is_one_that_leaves_a_bit() {
        for (time, is_good) in [(SILENT_BIT - 1, true), (SILENT_BIT, false)] {
            let remembered = Remembered { order: 1, number: 1, silent: true, time };
            let mut row = Vec::new();
            Place::start_of(0).put(&mut row, &key(1), remembered);
            let mut window = Window::starting_at_page(0);
            assert_eq!(window.push_page(0, &row).is_ok(), is_good, "{time}");
            assert_eq!(window.get(1), is_good.then_some((key(1), remembered)));
        }
        assert_eq!(size_of::<Entry>(), 28);
    }
}
