//! Ranges of stream sequences that are missing.

use std::fmt;

/// Stream sequences, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first.
    pub first: u64,
    /// The last, not below the first.
    pub last: u64,
}

impl Gap {
    /// Whether each of its sequences is in one of these ranges.
    pub(crate) fn is_within(self, ranges: &[Self]) -> bool {
        let mut next = self.first;
        while next <= self.last {
            let Some(range) = ranges.iter().find(|range| range.first <= next && next <= range.last) else {
                return false;
            };
            let Some(after) = range.last.checked_add(1) else { return true };
            next = after;
        }
        true
    }
}

/// As the setting `nats.accepted_gaps` has it.
impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::Gap;

    fn ranges(text: &str) -> Vec<Gap> {
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap();
            Gap { first: first.parse().unwrap(), last: last.parse().unwrap() }
        };
        text.split_whitespace().map(range).collect()
    }

    /// One line a case: the gap, the accepted ranges, whether it is accepted.
    fn check(line: &str) {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let gap = ranges(fields[0])[0];
        assert_eq!(gap.is_within(&ranges(fields[1])), fields[2] == "accepted", "{line}");
    }

    #[test]
    fn a_gap_is_accepted_when_all_of_it_was_named() {
        check("5-7 |             | refused");
        check("5-7 | 5-7         | accepted");
        check("5-7 | 1-9         | accepted");
        check("5-7 | 5-6         | refused");
        check("5-7 | 6-7         | refused");
        check("5-7 | 7-9 1-6     | accepted");
        check("5-7 | 1-5 7-9     | refused");
        check("5-7 | 5-6 5-6 6-8 | accepted");
        check("5-18446744073709551615 | 5-18446744073709551615 | accepted");
    }
}
