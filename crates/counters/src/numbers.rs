//! Sets of message numbers: the exceptions to `head - cursor`.

use std::ops::RangeInclusive;

use roaring::RoaringBitmap;

/// A set of message numbers of one room, compressed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers(RoaringBitmap);

impl Numbers {
    /// Adds a number; `false` if it was there already.
    pub fn insert(&mut self, number: u32) -> bool {
        self.0.insert(number)
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u32) -> bool {
        self.0.contains(number)
    }

    /// Whether there is no number in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter()
    }

    /// The numbers within a range, ascending.
    pub fn iter_within(&self, range: RangeInclusive<u32>) -> impl Iterator<Item = u32> + '_ {
        self.0.range(range)
    }

    pub(crate) fn count_within(&self, range: RangeInclusive<u32>) -> u64 {
        self.0.range_cardinality(range)
    }

    /// Removes all numbers up to and including `last` and hands each to `removed`.
    pub(crate) fn remove_up_to(&mut self, last: u32, mut removed: impl FnMut(u32)) {
        if self.0.min().is_none_or(|first| first > last) {
            return;
        }
        self.0.range(..=last).for_each(&mut removed);
        self.0.remove_range(..=last);
    }
}

impl FromIterator<u32> for Numbers {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

impl Extend<u32> for Numbers {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, numbers: I) {
        self.0.extend(numbers);
    }
}
