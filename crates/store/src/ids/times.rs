//! Rule 18 looked at from the other side: which number was the last before a time.

use counters::{Remembered, RoomIndex};

use super::page::page_of;
use super::{Ids, damaged, ids_of};
use crate::database::Rows;
use crate::error::StoreError;

/// The last number of a room whose time is before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberBefore {
    /// This one; 0 if none is.
    Is(u32),
    /// This one at the most: the times of the numbers up to it are forgotten.
    AtMost(u32),
}

impl Ids {
    /// Looks among the messages that the room knows; `posted` is how many it has. What is in memory stays as it is:
    /// a question brings nothing in.
    pub(crate) fn number_before(
        &self,
        rows: &dyn Rows,
        room: RoomIndex,
        posted: u64,
        time: u64,
    ) -> Result<NumberBefore, StoreError> {
        let first_known = posted.saturating_sub(self.message_window) + 1;
        if posted == 0 {
            return Ok(NumberBefore::Is(0));
        }
        // Times only grow in the order of posting, and so do numbers. Everything up to `before` is before that
        // time, and nothing from `after` on.
        let (mut before, mut after) = (first_known - 1, posted + 1);
        let (mut last, mut next) = (None, None);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let page = self.ids_around(rows, room, middle)?;
            let known = page.iter().filter(|known| before < known.order && known.order < after);
            let is_before = |known: &&&Remembered| known.time < time;
            let known: Vec<&Remembered> = known.collect();
            if let Some(found) = known.iter().rfind(is_before) {
                (before, last) = (found.order, Some(found.number));
            }
            if let Some(found) = known.iter().find(|known| known.time >= time) {
                (after, next) = (found.order, Some(found.number));
            }
            if known.is_empty() {
                return Err(damaged(room, page_of(middle)));
            }
        }
        Ok(match (last, next) {
            (Some(last), _) => NumberBefore::Is(last),
            (None, Some(next)) if first_known > 1 => NumberBefore::AtMost(next.saturating_sub(1)),
            (None, _) => NumberBefore::Is(0),
        })
    }

    /// The message of that order, and perhaps some beside it.
    fn ids_around(
        &self,
        rows: &dyn Rows,
        room: RoomIndex,
        order: u64,
    ) -> Result<Vec<Remembered>, StoreError> {
        if let Some((_, remembered)) = self.windows.peek(&room).and_then(|window| window.get(order)) {
            return Ok(vec![remembered]);
        }
        let page = page_of(order);
        let row = self.page_row(rows, room, page)?;
        let ids = ids_of(page, &row).map_err(|_| damaged(room, page))?;
        Ok(ids.into_iter().map(|(_, remembered)| remembered).collect())
    }
}
