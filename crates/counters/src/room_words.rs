//! What a badge needs of every room, as one atomic word a room in a dense array that grows while
//! others read.

use std::slice::from_ref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::RoomIndex;
use crate::tag_sets::TagSetIndex;

/// The head, the tag set and whether any number was recalled: read in one load, so they always
/// belong to the same moment. A dead room's word is [`RoomWord::default`]: no messages, no tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RoomWord {
    pub(crate) head: u32,
    pub(crate) tag_set: TagSetIndex,
    pub(crate) has_recalled: bool,
}

const RECALLED_BIT: u64 = 1 << 31;

impl RoomWord {
    fn pack(self) -> u64 {
        let recalled = if self.has_recalled { RECALLED_BIT } else { 0 };
        u64::from(self.head) << 32 | recalled | u64::from(self.tag_set.0)
    }

    #[allow(clippy::cast_possible_truncation, reason = "each half is masked to its width")]
    fn unpack(word: u64) -> Self {
        Self {
            head: (word >> 32) as u32,
            tag_set: TagSetIndex((word & (RECALLED_BIT - 1)) as u32),
            has_recalled: word & RECALLED_BIT != 0,
        }
    }
}

/// Bucket 0 holds the first 2^16 rooms, each further one as many as all before it.
const FIRST_BUCKET_BITS: u32 = 16;
const BUCKETS: usize = 17;
/// So many words are loaded before anything is done with them, which lets the processor load them beside each other: a walk over
/// many rooms takes a fifth less time.
const AT_ONCE: usize = 4;

/// The words of all rooms. Buckets never move, so that readers need no lock.
#[derive(Debug)]
pub(crate) struct RoomWords {
    buckets: [OnceLock<Box<[AtomicU64]>>; BUCKETS],
}

impl RoomWords {
    pub(crate) fn new() -> Self {
        Self { buckets: [const { OnceLock::new() }; BUCKETS] }
    }

    fn bucket(room: RoomIndex) -> usize {
        (u32::BITS - (room.0 >> FIRST_BUCKET_BITS).leading_zeros()) as usize
    }

    /// The first room of a bucket.
    fn start(bucket: usize) -> usize {
        if bucket == 0 { 0 } else { 1 << (FIRST_BUCKET_BITS as usize + bucket - 1) }
    }

    fn place(room: RoomIndex) -> (usize, usize) {
        let bucket = Self::bucket(room);
        (bucket, room.0 as usize - Self::start(bucket))
    }

    /// A room nobody has written yet reads as a dead one.
    pub(crate) fn load(&self, room: RoomIndex) -> RoomWord {
        let (bucket, offset) = Self::place(room);
        match self.buckets[bucket].get() {
            Some(words) => RoomWord::unpack(words[offset].load(Ordering::Acquire)),
            None => RoomWord::default(),
        }
    }

    /// Hands out the words of rooms by ascending index, some at a time, with their rooms and what is `beside` those. What many need
    /// of the way to a word, the bucket, is looked up once for all of its rooms.
    #[inline]
    pub(crate) fn each<T>(
        &self,
        mut rooms: &[u32],
        mut beside: &[T],
        mut each: impl FnMut(&[u32], &[T], &[RoomWord]),
    ) {
        while let Some(first) = rooms.first() {
            let bucket = Self::bucket(RoomIndex(*first));
            let is_last_bucket = rooms.last().is_some_and(|room| Self::bucket(RoomIndex(*room)) == bucket);
            let end = if is_last_bucket {
                rooms.len()
            } else {
                rooms.partition_point(|room| Self::bucket(RoomIndex(*room)) == bucket)
            };
            let words = self.buckets[bucket].get().map_or(&[][..], |words| words);
            // A bucket has a power of two of places, and begins at a multiple of that.
            let mask = words.len().wrapping_sub(1);
            let word = |room: &u32| {
                let word = words.get(*room as usize & mask);
                RoomWord::unpack(word.map_or(0, |word| word.load(Ordering::Acquire)))
            };
            let ((some_rooms, last_rooms), (some_beside, last_beside)) =
                (rooms[..end].as_chunks::<AT_ONCE>(), beside[..end].as_chunks::<AT_ONCE>());
            for (rooms, beside) in some_rooms.iter().zip(some_beside) {
                each(rooms, beside, &rooms.each_ref().map(word));
            }
            for (room, beside) in last_rooms.iter().zip(last_beside) {
                each(from_ref(room), from_ref(beside), &[word(room)]);
            }
            (rooms, beside) = (&rooms[end..], &beside[end..]);
        }
    }

    pub(crate) fn store(&self, room: RoomIndex, word: RoomWord) {
        let (bucket, offset) = Self::place(room);
        let words = self.buckets[bucket].get_or_init(|| {
            let length = 1 << (FIRST_BUCKET_BITS as usize + bucket.saturating_sub(1));
            (0..length).map(|_| AtomicU64::new(0)).collect()
        });
        words[offset].store(word.pack(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let words = RoomWords::new();
        for index in (0..5_000).chain([1 << 20, (1 << 20) + 1]) {
            let word =
                RoomWord { head: index + 1, tag_set: TagSetIndex(index), has_recalled: index % 2 == 0 };
            words.store(RoomIndex(index), word);
        }
        for index in (0..5_000).chain([1 << 20, (1 << 20) + 1]) {
            let word =
                RoomWord { head: index + 1, tag_set: TagSetIndex(index), has_recalled: index % 2 == 0 };
            assert_eq!(words.load(RoomIndex(index)), word, "room {index}");
        }
        assert_eq!(words.load(RoomIndex(5_001)), RoomWord::default());
        assert_eq!(words.load(RoomIndex(u32::MAX)), RoomWord::default());
    }

    #[test]
    fn sorted_rooms_get_their_words_in_turn() {
        let words = RoomWords::new();
        let rooms = [0, 5, (1 << 16) - 1, 1 << 16, (1 << 16) + 9, (1 << 17) + 3, 1 << 20];
        // Nobody has written to the last bucket but one.
        for room in rooms.into_iter().filter(|room| *room != (1 << 17) + 3) {
            let word = RoomWord { head: room + 1, tag_set: TagSetIndex(2), has_recalled: room == 5 };
            words.store(RoomIndex(room), word);
        }
        for length in 0..=rooms.len() {
            let mut found = Vec::new();
            let places: Vec<usize> = (0..length).collect();
            words.each(&rooms[..length], &places, |rooms, places, words| {
                assert!(rooms.len() == places.len() && places.len() == words.len());
                found.extend(
                    rooms
                        .iter()
                        .zip(places)
                        .zip(words)
                        .map(|((room, place), word)| (RoomIndex(*room), *place, *word)),
                );
            });
            let expected = places
                .iter()
                .map(|place| (RoomIndex(rooms[*place]), *place, words.load(RoomIndex(rooms[*place]))));
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_widest_values_survive_packing() {
        let word = RoomWord { head: u32::MAX, tag_set: TagSetIndex((1 << 31) - 1), has_recalled: true };
        assert_eq!(RoomWord::unpack(word.pack()), word);
    }
}
