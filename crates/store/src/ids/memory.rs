//! Which rooms have their ids in memory, and in which form; and how they get there.

use std::iter::Peekable;

use counters::RoomIndex;

use super::page::{Growing, page_of};
use super::sketch::Sketch;
use super::window::Window;
use super::{Ids, damaged};
use crate::database::{Bytes, Rows, Scan};
use crate::error::StoreError;
use crate::keys::{Key, room_prefix, table};

/// Sketches may take all of the budget but this part of it.
const WINDOWS_PART: usize = 16;
/// A sketch for which so many pages had to be read becomes a window.
const MOST_PAGES_READ: u8 = 2;

impl Ids {
    /// Makes sure that the room has a window or a sketch in memory.
    pub(super) fn bring(&mut self, rows: &dyn Rows, room: RoomIndex, posted: u64) -> Result<(), StoreError> {
        let is_in_memory = match self.sketches.peek(&room) {
            Some(sketch) => sketch.pages_read <= MOST_PAGES_READ,
            None => self.windows.contains(&room),
        };
        if is_in_memory {
            self.metrics.window_hits.inc();
            return Ok(());
        }
        let window = self.load(rows, room, posted)?;
        self.growing.remove(&room);
        let is_wanted = self.sketches.pop(&room).inspect(|sketch| self.used -= sketch.bytes()).is_some();
        if is_wanted || posted == 0 || self.used + window.bytes() <= self.budget {
            self.resized_window(0, window.bytes());
            self.windows.push(room, window);
        } else {
            let sketch = Sketch::of(&window);
            self.used += sketch.bytes();
            self.sketches.push(room, sketch);
        }
        Ok(())
    }

    fn load(&self, rows: &dyn Rows, room: RoomIndex, posted: u64) -> Result<Window, StoreError> {
        if posted == 0 {
            return Ok(Window::starting_at_page(0));
        }
        self.metrics.window_loads.inc();
        let first = page_of(posted.saturating_sub(self.message_window) + 1);
        let last = page_of(posted);
        let mut window = Window::starting_at_page(first);
        // Made when it is needed: a room whose ids are all in the page that grows needs no look at sled.
        let mut stored: Option<Peekable<Scan<'_>>> = None;
        for page in first..=last {
            if let Some(row) = self.waiting(room, page) {
                window.push_page(page, row).map_err(|_| damaged(room, page))?;
                continue;
            }
            let key = Key::Ids(room, page).to_bytes();
            let stored = stored.get_or_insert_with(|| rows.scan(&key).peekable());
            // A page that waits may also be there, as it was.
            let is_before =
                |row: &Result<(Bytes, Bytes), _>| row.as_ref().is_ok_and(|(found, _)| **found < *key);
            while stored.next_if(is_before).is_some() {}
            match stored.next().transpose()? {
                Some((found, row)) if *found == *key => {
                    window.push_page(page, &row).map_err(|_| damaged(room, page))?;
                }
                _ => return Err(damaged(room, page)),
            }
        }
        if window.next_order() != posted + 1 {
            return Err(StoreError::Damaged { key: room_prefix(table::IDS, room).to_vec() });
        }
        Ok(window)
    }

    /// A page that sled may not have as it is now.
    fn waiting(&self, room: RoomIndex, page: u32) -> Option<&[u8]> {
        let growing = self.sketches.peek(&room).map(|sketch| &sketch.growing);
        let growing = growing.or_else(|| self.growing.get(&room)).filter(|growing| growing.page() == page);
        let waiting = || self.pages.get(&(room, page)).or_else(|| self.in_flight.get(&(room, page)));
        growing.map(Growing::row).or_else(|| waiting().map(|row| &**row))
    }

    pub(super) fn page_row(
        &self,
        rows: &dyn Rows,
        room: RoomIndex,
        page: u32,
    ) -> Result<Vec<u8>, StoreError> {
        if let Some(row) = self.waiting(room, page) {
            return Ok(row.to_vec());
        }
        let row = rows.get(&Key::Ids(room, page).to_bytes())?;
        row.map(|row| row.to_vec()).ok_or_else(|| damaged(room, page))
    }

    pub(super) fn resized_window(&mut self, before: usize, after: usize) {
        self.used = self.used + after - before;
        self.window_bytes = self.window_bytes + after - before;
    }

    /// Windows become sketches while they take more than their part; then sketches go. The room
    /// in use stays, however large it is.
    pub(super) fn keep_budget(&mut self, in_use: RoomIndex) {
        while self.used + self.journal.bytes() > self.budget {
            let window = self.windows.peek_lru().map(|(room, _)| *room).filter(|room| *room != in_use);
            let sketch = self.sketches.peek_lru().map(|(room, _)| *room).filter(|room| *room != in_use);
            match (window, sketch) {
                (Some(room), sketch)
                    if sketch.is_none() || self.window_bytes > self.budget / WINDOWS_PART =>
                {
                    self.draw(room);
                }
                (_, Some(room)) => self.evict(room),
                (_, None) => break,
            }
            self.metrics.window_evictions.inc();
        }
        let bytes = self.used + self.journal.bytes();
        self.metrics.window_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// A sketch takes the place of the window.
    fn draw(&mut self, room: RoomIndex) {
        let Some(window) = self.windows.pop(&room) else { return };
        let sketch = Sketch::of(&window);
        self.resized_window(window.bytes(), 0);
        self.used += sketch.bytes();
        self.sketches.push(room, sketch);
    }

    fn evict(&mut self, room: RoomIndex) {
        let Some(sketch) = self.sketches.pop(&room) else { return };
        self.used -= sketch.bytes();
        if self.journal.paged(room) {
            self.pages.insert((room, sketch.growing.page()), sketch.growing.row().into());
        }
    }
}
