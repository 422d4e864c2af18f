//! Remembered message ids: rules 4 to 7 and 18 need order, number and time of every message whose
//! id is known. Windows of busy rooms are in memory, within one budget; the others are loaded by
//! one range scan when they are next asked for.

mod window;

use std::sync::Arc;

use counters::{Remember, Remembered, RoomIndex};
use events::MessageKey;
use hashbrown::{HashMap, HashSet};
use lru::LruCache;

use crate::error::StoreError;
use crate::keys::{Key, room_prefix, table};
use crate::metrics::Metrics;
use window::Window;
pub(crate) use window::{ids_of, page_of};

type Page = (RoomIndex, u32);

/// All windows: those in memory, and what was evicted before sled had it.
#[derive(Debug)]
pub(crate) struct Ids {
    message_window: u64,
    budget: usize,
    used: usize,
    resident: LruCache<RoomIndex, Window>,
    /// Rooms with a resident window that has dirty pages.
    dirty: HashSet<RoomIndex>,
    /// Pages that were evicted before they were in a commit; the next commit takes them.
    evicted: HashMap<Page, Arc<[u8]>>,
    /// Pages in a commit that sled may not have yet.
    in_flight: HashMap<Page, Arc<[u8]>>,
    /// Pages whose messages are all forgotten, to be removed by the next commit.
    forgotten: Vec<Page>,
    metrics: Metrics,
}

/// What the next commit has to write and to remove.
#[derive(Debug, Default)]
pub(crate) struct PageChanges {
    pub(crate) written: Vec<(Key, Arc<[u8]>)>,
    pub(crate) removed: Vec<Key>,
}

impl Ids {
    pub(crate) fn new(message_window: u32, budget: usize, metrics: Metrics) -> Self {
        Self {
            message_window: u64::from(message_window),
            budget,
            used: 0,
            resident: LruCache::unbounded(),
            dirty: HashSet::new(),
            evicted: HashMap::new(),
            in_flight: HashMap::new(),
            forgotten: Vec::new(),
            metrics,
        }
    }

    /// What is remembered of an id: the newest message of that id, known or forgotten not long
    /// ago. `posted` is how many messages the room has.
    pub(crate) fn find(
        &mut self,
        tree: &sled::Tree,
        room: RoomIndex,
        posted: u64,
        key: &MessageKey,
    ) -> Result<Option<Remembered>, StoreError> {
        self.change(tree, room, posted, |window| window.find(key))
    }

    /// Remembers the id of the message just posted. If the room forgets one for it, the answer is
    /// that one.
    pub(crate) fn remember(
        &mut self,
        tree: &sled::Tree,
        remember: &Remember,
    ) -> Result<Option<(MessageKey, Remembered)>, StoreError> {
        let Remember { room, key, remembered } = *remember;
        let newest_forgotten = remembered.order.saturating_sub(self.message_window);
        let (forgotten, dropped) = self.change(tree, room, remembered.order - 1, |window| {
            window.push(key, remembered);
            window.make_dirty(page_of(remembered.order));
            (window.get(newest_forgotten), window.drop_forgotten_page(newest_forgotten))
        })?;
        self.dirty.insert(room);
        if let Some(page) = dropped {
            self.evicted.remove(&(room, page));
            self.forgotten.push((room, page));
        }
        Ok(forgotten)
    }

    /// The room is gone, and its ids with it.
    pub(crate) fn forget_room(&mut self, room: RoomIndex) {
        if let Some(window) = self.resident.pop(&room) {
            self.used -= window.bytes();
        }
        self.dirty.remove(&room);
        self.evicted.retain(|(other, _), _| *other != room);
        self.forgotten.retain(|(other, _)| *other != room);
    }

    /// About how many bytes the pages take that are in no commit yet.
    pub(crate) fn weight(&self) -> usize {
        // A dirty room has one page to write in most cases, half full.
        self.dirty.len() * 700 + self.evicted.len() * 1_300
    }

    /// What has changed since the last call. Call [`written`](Self::written) when sled has it.
    pub(crate) fn take_changes(&mut self) -> PageChanges {
        let mut pages: HashMap<Page, Arc<[u8]>> = std::mem::take(&mut self.evicted);
        for room in self.dirty.drain() {
            let Some(window) = self.resident.peek_mut(&room) else { continue };
            for page in window.dirty_pages() {
                pages.insert((room, page), window.page_row(page).into());
            }
            window.dirty_from = None;
        }
        self.in_flight = pages;
        PageChanges {
            written: self
                .in_flight
                .iter()
                .map(|((room, page), row)| (Key::Ids(*room, *page), row.clone()))
                .collect(),
            removed: self.forgotten.drain(..).map(|(room, page)| Key::Ids(room, page)).collect(),
        }
    }

    /// Sled has what the last [`take_changes`](Self::take_changes) gave.
    pub(crate) fn written(&mut self) {
        self.in_flight = HashMap::new();
    }

    fn change<R>(
        &mut self,
        tree: &sled::Tree,
        room: RoomIndex,
        posted: u64,
        change: impl FnOnce(&mut Window) -> R,
    ) -> Result<R, StoreError> {
        if self.resident.peek(&room).is_none() {
            let window = self.load(tree, room, posted)?;
            self.used += window.bytes();
            self.resident.push(room, window);
        } else {
            self.metrics.window_hits.inc();
        }
        let window = self.resident.get_mut(&room).expect("just found or loaded");
        let before = window.bytes();
        let answer = change(window);
        self.used = self.used + window.bytes() - before;
        self.keep_budget();
        Ok(answer)
    }

    fn load(&self, tree: &sled::Tree, room: RoomIndex, posted: u64) -> Result<Window, StoreError> {
        if posted == 0 {
            return Ok(Window::starting_at_page(0));
        }
        self.metrics.window_loads.inc();
        let first = page_of(posted.saturating_sub(self.message_window) + 1);
        let last = page_of(posted);
        let mut window = Window::starting_at_page(first);
        let start = Key::Ids(room, first).to_bytes();
        let mut rows = tree.range(start..).peekable();
        for page in first..=last {
            let id = (room, page);
            let key = Key::Ids(room, page).to_bytes();
            let is_it =
                |row: &sled::Result<(sled::IVec, _)>| row.as_ref().map_or(true, |(found, _)| **found == *key);
            let stored = rows.next_if(is_it).transpose()?;
            let row: &[u8] = if let Some(row) = self.evicted.get(&id).or_else(|| self.in_flight.get(&id)) {
                row
            } else if let Some((_, row)) = &stored {
                row
            } else {
                return Err(StoreError::Damaged { key });
            };
            window.push_page(page, row).map_err(|_| StoreError::Damaged { key })?;
        }
        if window.next_order() != posted + 1 {
            return Err(StoreError::Damaged { key: room_prefix(table::IDS, room).to_vec() });
        }
        Ok(window)
    }

    /// The window that was used last stays, however large it is.
    fn keep_budget(&mut self) {
        while self.used > self.budget && self.resident.len() > 1 {
            let Some((room, window)) = self.resident.pop_lru() else { return };
            self.used -= window.bytes();
            self.metrics.window_evictions.inc();
            if self.dirty.remove(&room) {
                for page in window.dirty_pages() {
                    self.evicted.insert((room, page), window.page_row(page).into());
                }
            }
        }
        self.metrics.window_bytes.set(i64::try_from(self.used).unwrap_or(i64::MAX));
    }
}
