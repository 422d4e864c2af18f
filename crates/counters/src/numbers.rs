//! Sets of message numbers: the exceptions to `head - cursor`.

use std::ops::RangeInclusive;

use roaring::RoaringBitmap;

/// A set of message numbers of one room, compressed.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers(Form);

/// Which form a set has follows from how many numbers it has.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    /// Up to [`MOST_FEW`], ascending: four bytes each, where the least bitmap takes 200.
    Few(Box<[u32]>),
    Many(Box<RoaringBitmap>),
}

const MOST_FEW: usize = 32;

impl Default for Numbers {
    fn default() -> Self {
        Self(Form::Few(Box::default()))
    }
}

impl Numbers {
    /// Adds a number; `false` if it was there already.
    pub fn insert(&mut self, number: u32) -> bool {
        match &mut self.0 {
            Form::Many(numbers) => numbers.insert(number),
            Form::Few(numbers) => {
                let Err(place) = numbers.binary_search(&number) else { return false };
                let mut more = std::mem::take(numbers).into_vec();
                more.reserve_exact(1);
                more.insert(place, number);
                self.0 = if more.len() > MOST_FEW {
                    Form::Many(Box::new(more.into_iter().collect()))
                } else {
                    Form::Few(more.into_boxed_slice())
                };
                true
            }
        }
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u32) -> bool {
        match &self.0 {
            Form::Few(numbers) => numbers.binary_search(&number).is_ok(),
            Form::Many(numbers) => numbers.contains(number),
        }
    }

    /// Whether there is no number in the set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many numbers there are.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Form::Few(numbers) => numbers.len() as u64,
            Form::Many(numbers) => numbers.len(),
        }
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.iter_within(0..=u32::MAX)
    }

    /// The numbers within a range, ascending.
    pub fn iter_within(&self, range: RangeInclusive<u32>) -> impl Iterator<Item = u32> + '_ {
        let (few, many) = match &self.0 {
            Form::Few(numbers) => (within(numbers, range), None),
            Form::Many(numbers) => (&[][..], Some(numbers.range(range))),
        };
        few.iter().copied().chain(many.into_iter().flatten())
    }

    pub(crate) fn count_within(&self, range: RangeInclusive<u32>) -> u64 {
        match &self.0 {
            Form::Few(numbers) => within(numbers, range).len() as u64,
            Form::Many(numbers) => numbers.range_cardinality(range),
        }
    }

    /// Removes all numbers up to and including `last` and hands each to `removed`.
    pub(crate) fn remove_up_to(&mut self, last: u32, mut removed: impl FnMut(u32)) {
        match &mut self.0 {
            Form::Few(numbers) => {
                let (gone, left) = numbers.split_at(numbers.partition_point(|number| *number <= last));
                gone.iter().copied().for_each(&mut removed);
                if !gone.is_empty() {
                    self.0 = Form::Few(left.into());
                }
            }
            Form::Many(numbers) => {
                if numbers.min().is_none_or(|first| first > last) {
                    return;
                }
                numbers.range(..=last).for_each(&mut removed);
                numbers.remove_range(..=last);
                if numbers.len() <= MOST_FEW as u64 {
                    self.0 = Form::Few(numbers.iter().collect());
                }
            }
        }
    }
}

/// The part of ascending numbers that is within a range.
fn within(numbers: &[u32], range: RangeInclusive<u32>) -> &[u32] {
    let start = numbers.partition_point(|number| number < range.start());
    let rest = &numbers[start..];
    &rest[..rest.partition_point(|number| number <= range.end())]
}

impl FromIterator<u32> for Numbers {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut few: Vec<u32> = numbers.into_iter().collect();
        few.sort_unstable();
        few.dedup();
        Self(if few.len() > MOST_FEW {
            Form::Many(Box::new(few.into_iter().collect()))
        } else {
            Form::Few(few.into_boxed_slice())
        })
    }
}

impl Extend<u32> for Numbers {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, numbers: I) {
        if self.is_empty() {
            *self = numbers.into_iter().collect();
        } else {
            for number in numbers {
                self.insert(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What either form says is what a plain set says.
    fn check(numbers: &Numbers, plain: &BTreeSet<u32>) {
        assert_eq!(numbers.len(), plain.len() as u64);
        assert_eq!(numbers.is_empty(), plain.is_empty());
        assert!(numbers.iter().eq(plain.iter().copied()));
        for range in [0..=u32::MAX, 0..=0, 40..=700, 650..=650, 5_000..=9_000] {
            let expected: Vec<u32> = plain.range(range.clone()).copied().collect();
            assert_eq!(numbers.iter_within(range.clone()).collect::<Vec<_>>(), expected, "{range:?}");
            assert_eq!(numbers.count_within(range.clone()), expected.len() as u64, "{range:?}");
        }
        assert!((0..1_000).all(|number| numbers.contains(number) == plain.contains(&number)));
        assert_eq!(*numbers, plain.iter().copied().collect(), "a set is the same however it came to be");
        let twice = plain.iter().rev().chain(plain).copied();
        assert_eq!(*numbers, twice.collect(), "in any order, and some twice");
    }

    #[test]
    fn both_forms_say_what_a_plain_set_says() {
        let (mut numbers, mut plain) = (Numbers::default(), BTreeSet::new());
        check(&numbers, &plain);
        // In an order that is not theirs, and some of them twice.
        for step in 0..120_u32 {
            let number = step * 37 % 101 * 9;
            assert_eq!(numbers.insert(number), plain.insert(number), "{number}");
            check(&numbers, &plain);
        }
        assert_eq!(plain.len(), 101);
        for last in [0, 3, 300, 580, 620, 620, 621, 850, 899, 900, 5_000] {
            let mut removed = Vec::new();
            numbers.remove_up_to(last, |number| removed.push(number));
            let left = plain.split_off(&(last + 1));
            assert!(removed.iter().eq(&plain), "up to {last}");
            plain = left;
            check(&numbers, &plain);
        }
        assert!(plain.is_empty());
    }
}
