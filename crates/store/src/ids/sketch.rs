//! What stays in memory of a room's remembered ids when its window does not.

use std::collections::VecDeque;

use counters::Remembered;
use events::MessageKey;

use super::page::{ENTRIES_A_PAGE, Growing, IDS_A_PAGE, Place, first_order, page_of};
use super::window::Window;
use crate::bytes::{BadRow, Cursor};

/// Two bytes of every id, which prove most new ids new, and whole only the ids that posting itself
/// needs: those of the page that grows, and those that will be forgotten next.
#[derive(Debug)]
pub(super) struct Sketch {
    /// The order of the first print: the first of a page.
    first: u64,
    prints: VecDeque<u16>,
    pub(super) growing: Growing,
    /// Some ids of a page, from the one that is forgotten next.
    forgetting: Option<(Place, Vec<u8>)>,
    /// How often a page had to be read to tell an id from another of the same print.
    pub(super) pages_read: u8,
}

/// So many ids that will be forgotten next are kept at once. Fewer take less memory, and have the page read more often.
const FORGETTING: usize = ENTRIES_A_PAGE / 2;

fn print(key: &MessageKey) -> u16 {
    let [a, b, ..] = key.0;
    u16::from_le_bytes([a, b])
}

/// The last place of a value, 32 compared at a time.
fn last_place(prints: &[u16], wanted: u16) -> Option<usize> {
    let mut end = prints.len();
    for chunk in prints.rchunks(32) {
        if chunk.iter().fold(false, |found, print| found | (*print == wanted)) {
            let start = end - chunk.len();
            return chunk.iter().rposition(|print| *print == wanted).map(|place| start + place);
        }
        end -= chunk.len();
    }
    None
}

impl Sketch {
    pub(super) fn of(window: &Window) -> Self {
        let page = page_of(window.next_order());
        let mut growing = Growing::new(page);
        let mut prints = VecDeque::with_capacity(window.len());
        for (key, remembered) in window.iter() {
            prints.push_back(print(&key));
            if remembered.order >= first_order(page) {
                growing.put(&key, remembered);
            }
        }
        Self { first: window.first(), prints, growing, forgetting: None, pages_read: 0 }
    }

    /// About how many bytes of memory the sketch takes.
    pub(super) fn bytes(&self) -> usize {
        let forgetting = self.forgetting.as_ref().map_or(0, |(_, rest)| rest.capacity());
        size_of::<Self>() + 64 + self.prints.capacity() * 2 + self.growing.bytes() + forgetting
    }

    fn next_order(&self) -> u64 {
        self.first + self.prints.len() as u64
    }

    /// The newest message below an order that may have this id.
    pub(super) fn candidate(&self, key: &MessageKey, below: u64) -> Option<u64> {
        let (older, newer) = self.prints.as_slices();
        let length = usize::try_from(below.min(self.next_order()).checked_sub(self.first)?).ok()?;
        let newer = &newer[..length.saturating_sub(older.len())];
        let older = &older[..length.min(older.len())];
        let wanted = print(key);
        let place = last_place(newer, wanted).map(|place| older.len() + place);
        Some(self.first + place.or_else(|| last_place(older, wanted))? as u64)
    }

    /// Adds the next message. Says whether the growing page is full with it.
    pub(super) fn push(&mut self, key: &MessageKey, remembered: Remembered) -> bool {
        if self.growing.is_full() {
            self.growing = Growing::new(page_of(remembered.order));
        }
        if self.prints.len() == self.prints.capacity() {
            self.prints.reserve_exact(ENTRIES_A_PAGE);
        }
        self.prints.push_back(print(key));
        self.growing.put(key, remembered);
        self.growing.is_full()
    }

    /// The message of this order, which is now forgotten; `page` gives a page's row.
    pub(super) fn forget<E: From<BadRow>>(
        &mut self,
        order: u64,
        page: impl FnOnce(u32) -> Result<Vec<u8>, E>,
    ) -> Result<(MessageKey, Remembered), E> {
        let (mut place, mut rest) = match self.forgetting.take().filter(|(place, _)| place.order == order) {
            Some(forgetting) => forgetting,
            None => {
                let number = page_of(order);
                let row =
                    if number == self.growing.page() { self.growing.row().to_vec() } else { page(number)? };
                let mut place = Place::start_of(number);
                let mut cursor = Cursor::new(&row);
                while place.order < order {
                    place.take(&mut cursor)?;
                }
                let (rest, mut end) = (cursor.rest(), place);
                for _ in 0..FORGETTING {
                    if !cursor.is_at_end() {
                        end.take(&mut cursor)?;
                    }
                }
                (place, rest[..rest.len() - cursor.rest().len()].to_vec())
            }
        };
        let mut cursor = Cursor::new(&rest);
        let forgotten = place.take(&mut cursor)?;
        let used = rest.len() - cursor.rest().len();
        rest.drain(..used);
        if rest.capacity() > 2 * rest.len() {
            rest.shrink_to_fit();
        }
        self.forgetting = (!rest.is_empty()).then_some((place, rest));
        Ok(forgotten)
    }

    /// Drops the prints of the first page if all its messages are forgotten, and says which page that was.
    pub(super) fn drop_forgotten_page(&mut self, newest_forgotten: u64) -> Option<u32> {
        if self.first + IDS_A_PAGE - 1 > newest_forgotten || self.prints.len() < ENTRIES_A_PAGE {
            return None;
        }
        let page = page_of(self.first);
        self.prints.drain(..ENTRIES_A_PAGE);
        self.first += IDS_A_PAGE;
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(order: u64) -> MessageKey {
        MessageKey::of(&order.to_string())
    }

    fn remembered(order: u64) -> Remembered {
        Remembered { order, number: u32::try_from(order).unwrap(), silent: false, time: order * 10 }
    }

    fn window(orders: std::ops::RangeInclusive<u64>) -> Window {
        let mut window = Window::starting_at_page(page_of(*orders.start()));
        for order in orders {
            window.push(key(order), remembered(order));
        }
        window
    }

    #[test]
    fn every_id_is_among_the_candidates_newest_first() {
        let mut sketch = Sketch::of(&window(65..=500));
        for order in 501..=1_000 {
            assert_eq!(sketch.push(&key(order), remembered(order)), order % 64 == 0);
        }
        assert_eq!(sketch.drop_forgotten_page(127), None);
        assert_eq!(sketch.drop_forgotten_page(128), Some(1));
        for order in 129..=1_000 {
            let mut below = 1_001;
            let mut candidates = std::iter::from_fn(|| {
                below = sketch.candidate(&key(order), below)?;
                Some(below)
            });
            assert!(candidates.any(|candidate| candidate == order), "{order}");
            assert_eq!(sketch.candidate(&key(order), 129), None, "{order}");
        }
        let strangers = (10_000..11_000).filter(|order| sketch.candidate(&key(*order), 1_001).is_some());
        assert!(strangers.count() < 50, "some 13 of 1,000 new ids share a print with one of 872");
    }

    #[test]
    fn ids_are_forgotten_in_their_order_reading_half_a_page_at_once() {
        let window = window(1..=150);
        let mut sketch = Sketch::of(&window);
        let mut pages = Vec::new();
        for order in 60..=150 {
            let forgotten = sketch.forget::<BadRow>(order, |page| {
                pages.push(page);
                Ok(window.page_row(page))
            });
            assert_eq!(forgotten, Ok((key(order), remembered(order))));
        }
        assert_eq!(pages, [0, 1, 1], "the third still grows");
    }
}
