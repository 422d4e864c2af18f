//! Remembered message ids: rules 4 to 7 and 18 need order, number and time of every message whose
//! id is known. In memory are whole windows of rooms that are busy, and of others a sketch that is
//! enough to take a new message; both within one budget. What is not there is read when it is
//! next asked for.

mod journal;
mod memory;
mod page;
mod sketch;
mod times;
mod window;

use std::sync::Arc;

use counters::{Remember, Remembered, RoomIndex};
use events::MessageKey;
use hashbrown::HashMap;
use lru::LruCache;

use crate::bytes::BadRow;
use crate::database::Rows;
use crate::error::StoreError;
use crate::keys::{Key, table};
use crate::metrics::Metrics;
pub(crate) use journal::{Journal, NewId, new_ids};
use page::IDS_A_PAGE;
pub(crate) use page::{Growing, ids_of, page_of};
use sketch::Sketch;
pub use times::NumberBefore;
use window::Window;

type Page = (RoomIndex, u32);
type Id = (MessageKey, Remembered);

/// A sixteenth of the budget is for the rooms of ids that are in no page: 4 bytes an id.
const BUDGET_BYTES_A_NEW_ID: usize = 64;

/// What an opened store has in rows of new ids only.
#[derive(Debug, Default)]
pub(crate) struct Unpaged {
    pub(crate) journal: Journal,
    pub(crate) growing: HashMap<RoomIndex, Growing>,
}

/// All windows and sketches: those in memory, and what was evicted before sled had it.
#[derive(Debug)]
pub(crate) struct Ids {
    message_window: u64,
    budget: usize,
    used: usize,
    windows: LruCache<RoomIndex, Window>,
    window_bytes: usize,
    sketches: LruCache<RoomIndex, Sketch>,
    journal: Journal,
    /// Growing pages of rooms that were not used since the store was opened.
    growing: HashMap<RoomIndex, Growing>,
    /// Pages for the next commit.
    pages: HashMap<Page, Arc<[u8]>>,
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
    pub(crate) fn new(message_window: u32, budget: usize, unpaged: Unpaged, metrics: Metrics) -> Self {
        Self {
            message_window: u64::from(message_window),
            budget,
            used: 0,
            windows: LruCache::unbounded(),
            window_bytes: 0,
            sketches: LruCache::unbounded(),
            journal: unpaged.journal,
            growing: unpaged.growing,
            pages: HashMap::new(),
            in_flight: HashMap::new(),
            forgotten: Vec::new(),
            metrics,
        }
    }

    /// What is remembered of an id: the newest message of that id, known or forgotten not long
    /// ago. `posted` is how many messages the room has.
    pub(crate) fn find(
        &mut self,
        rows: &dyn Rows,
        room: RoomIndex,
        posted: u64,
        key: &MessageKey,
    ) -> Result<Option<Remembered>, StoreError> {
        self.bring(rows, room, posted)?;
        let found = if let Some(window) = self.windows.get_mut(&room) {
            let before = window.bytes();
            let found = window.find(key);
            let after = window.bytes();
            self.resized_window(before, after);
            found
        } else {
            self.find_by_sketch(rows, room, posted, key)?
        };
        self.keep_budget(room);
        Ok(found)
    }

    /// Most new ids have a print that no known id has; where one has it, its page is read.
    fn find_by_sketch(
        &mut self,
        rows: &dyn Rows,
        room: RoomIndex,
        posted: u64,
        key: &MessageKey,
    ) -> Result<Option<Remembered>, StoreError> {
        let mut below = posted + 1;
        loop {
            let sketch = self.sketches.get_mut(&room).expect("just brought");
            let Some(order) = sketch.candidate(key, below) else { return Ok(None) };
            let page = page_of(order);
            sketch.pages_read += u8::from(page != sketch.growing.page());
            let row = self.page_row(rows, room, page)?;
            let ids = ids_of(page, &row).map_err(|_| damaged(room, page))?;
            let mut ids = ids.into_iter();
            // What the sketch has a print of is in its page, unless the database gave an older one.
            let (other, found) =
                ids.find(|(_, found)| found.order == order).ok_or_else(|| damaged(room, page))?;
            if other == *key {
                return Ok(Some(found));
            }
            below = order;
        }
    }

    /// Remembers the id of the message just posted. If the room forgets one for it, the answer is
    /// that one.
    pub(crate) fn remember(
        &mut self,
        rows: &dyn Rows,
        remember: &Remember,
    ) -> Result<Option<Id>, StoreError> {
        let Remember { room, key, remembered } = *remember;
        let newest_forgotten = remembered.order.saturating_sub(self.message_window);
        self.bring(rows, room, remembered.order - 1)?;
        self.journal.add(room, remembered.order);
        let (forgotten, dropped) = if let Some(window) = self.windows.get_mut(&room) {
            let before = window.bytes();
            window.push(key, remembered);
            if remembered.order.is_multiple_of(IDS_A_PAGE) {
                let page = page_of(remembered.order);
                self.pages.insert((room, page), window.page_row(page).into());
                self.journal.paged(room);
            }
            let forgotten = window.get(newest_forgotten);
            let dropped = window.drop_forgotten_page(newest_forgotten);
            let after = window.bytes();
            self.resized_window(before, after);
            (forgotten, dropped)
        } else {
            self.remember_by_sketch(rows, remember, newest_forgotten)?
        };
        if let Some(page) = dropped {
            self.pages.remove(&(room, page));
            self.forgotten.push((room, page));
        }
        self.keep_budget(room);
        Ok(forgotten)
    }

    fn remember_by_sketch(
        &mut self,
        rows: &dyn Rows,
        Remember { room, key, remembered }: &Remember,
        newest_forgotten: u64,
    ) -> Result<(Option<Id>, Option<u32>), StoreError> {
        let mut sketch = self.sketches.pop(room).expect("just brought");
        let before = sketch.bytes();
        if sketch.push(key, *remembered) {
            self.pages.insert((*room, sketch.growing.page()), sketch.growing.row().into());
            self.journal.paged(*room);
        }
        let forgotten = if newest_forgotten == 0 {
            None
        } else {
            Some(sketch.forget(newest_forgotten, |page| self.page_row(rows, *room, page))?)
        };
        let dropped = sketch.drop_forgotten_page(newest_forgotten);
        self.used = self.used + sketch.bytes() - before;
        self.sketches.push(*room, sketch);
        Ok((forgotten, dropped))
    }

    /// The room is gone, and its ids with it.
    pub(crate) fn forget_room(&mut self, room: RoomIndex) {
        if let Some(window) = self.windows.pop(&room) {
            self.resized_window(window.bytes(), 0);
        }
        if let Some(sketch) = self.sketches.pop(&room) {
            self.used -= sketch.bytes();
        }
        self.growing.remove(&room);
        self.journal.paged(room);
        self.pages.retain(|(other, _), _| *other != room);
        self.forgotten.retain(|(other, _)| *other != room);
    }

    /// About how many bytes the rows take that are in no commit yet.
    pub(crate) fn weight(&self) -> usize {
        self.journal.weight() + self.pages.len() * 1_300
    }

    /// What has changed since the last call. Call [`written`](Self::written) when sled has it.
    pub(crate) fn take_changes(&mut self) -> PageChanges {
        self.take_changes_but(self.budget / BUDGET_BYTES_A_NEW_ID)
    }

    /// As [`take_changes`](Self::take_changes), but leaves no id in a row of new ids.
    pub(crate) fn take_all(&mut self) -> PageChanges {
        self.take_changes_but(0)
    }

    fn take_changes_but(&mut self, most_new_ids: usize) -> PageChanges {
        let Self { journal, windows, sketches, growing, pages, .. } = self;
        let page = |room| {
            let (page, row): (_, Arc<[u8]>) = if let Some(window) = windows.peek(&room) {
                let page = page_of(window.next_order());
                (page, window.page_row(page).into())
            } else if let Some(growing) = growing.remove(&room) {
                (growing.page(), growing.row().into())
            } else if let Some(sketch) = sketches.peek(&room) {
                (sketch.growing.page(), sketch.growing.row().into())
            } else {
                return;
            };
            pages.insert((room, page), row);
        };
        let removed_rows = journal.trim(most_new_ids, page);
        self.in_flight = std::mem::take(&mut self.pages);
        let pages = self.in_flight.iter().map(|((room, page), row)| (Key::Ids(*room, *page), row.clone()));
        let Self { journal, windows, sketches, .. } = self;
        let journal_rows = journal.take_rows(|room, order| {
            let window = windows.peek(&room).map(|window| window.ids_from(order));
            let sketch = || sketches.peek(&room).map(|sketch| sketch.growing.ids_from(order));
            window.or_else(sketch).unwrap_or_default()
        });
        let new_ids = journal_rows.into_iter().map(|(number, row)| (Key::NewIds(number), row));
        let written = pages.chain(new_ids).collect();
        let forgotten = self.forgotten.drain(..).map(|(room, page)| Key::Ids(room, page));
        let removed = forgotten.chain(removed_rows.into_iter().map(Key::NewIds)).collect();
        PageChanges { written, removed }
    }

    /// Sled has what the last [`take_changes`](Self::take_changes) gave.
    pub(crate) fn written(&mut self) {
        self.in_flight = HashMap::new();
    }
}

fn damaged(room: RoomIndex, page: u32) -> StoreError {
    StoreError::Damaged { key: Key::Ids(room, page).to_bytes() }
}

/// A row in memory is always a good one; one from the store may not be.
impl From<BadRow> for StoreError {
    fn from(_: BadRow) -> Self {
        Self::Damaged { key: vec![table::IDS] }
    }
}
