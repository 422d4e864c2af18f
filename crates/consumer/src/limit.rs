//! How fast events may be applied.

use std::num::NonZero;
use std::time::{Duration, Instant};

/// Keeps the rate of events below a bound, by waiting.
#[derive(Debug)]
pub(crate) struct Limit {
    /// How long one event takes at the bound.
    each: Option<Duration>,
    /// When the next event may be applied.
    next: Instant,
}

impl Limit {
    pub(crate) fn new(most_per_second: Option<NonZero<u32>>, now: Instant) -> Self {
        Self { each: most_per_second.map(|most| Duration::from_secs(1) / most.get()), next: now }
    }

    /// So many events at the most are to be applied at once, so that no wait is long.
    pub(crate) fn most_at_once(most_per_second: Option<NonZero<u32>>) -> usize {
        most_per_second.map_or(usize::MAX, |most| (most.get() / 10).max(1) as usize)
    }

    /// So many events were applied. Waits as long as they should have taken.
    pub(crate) fn wait_for(&mut self, events: usize) {
        let wait = self.after(events, Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
    }

    /// Time in which nothing came is not made up for.
    fn after(&mut self, events: usize, now: Instant) -> Duration {
        let Some(each) = self.each else { return Duration::ZERO };
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        self.next = self.next.max(now) + each.saturating_mul(events);
        self.next.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_take_as_long_as_the_bound_says() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut limit = Limit::new(NonZero::new(1_000), start);
        assert_eq!(limit.after(100, start), Duration::from_millis(100));
        assert_eq!(limit.after(100, at(150)), Duration::from_millis(100), "nothing is made up for");
        assert_eq!(limit.after(10, at(200)), Duration::from_millis(60));
        let mut limit = Limit::new(None, start);
        assert_eq!(limit.after(1_000_000, start), Duration::ZERO);
        let at_once = |most| Limit::most_at_once(NonZero::new(most));
        assert_eq!([at_once(1), at_once(20), at_once(50_000), at_once(0)], [1, 2, 5_000, usize::MAX]);
    }
}
