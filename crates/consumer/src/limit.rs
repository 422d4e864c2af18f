//! How fast events may come.

use std::num::NonZero;
use std::time::{Duration, Instant};

/// Keeps the rate of events below a bound, by having whoever pulls them wait.
#[derive(Debug)]
pub(crate) struct Limit {
    most_per_second: Option<NonZero<u32>>,
    /// When the next event may come.
    next: Instant,
}

/// So much time in which fewer events came is made up for.
const SLACK: Duration = Duration::from_millis(100);
/// What may come in this time is asked for at once: the server sends that without a pause, and others wait for it
/// meanwhile. Who is further from the server than that, 4 ms, gets fewer than the bound.
const PULLS_PER_SECOND: u32 = 250;
/// Fewer messages are no burden for anybody.
const FEWEST_PULLED: u32 = 100;

impl Limit {
    pub(crate) fn new(most_per_second: Option<NonZero<u32>>, now: Instant) -> Self {
        Self { most_per_second, next: now }
    }

    /// So many events are to be handed on together at the most.
    pub(crate) fn most_together(&self) -> usize {
        self.most_per_second.map_or(usize::MAX, |most| (most.get() / PULLS_PER_SECOND).max(1) as usize)
    }

    /// So many events are to be asked for at once at the most.
    pub(crate) fn most_pulled(&self) -> usize {
        self.most_together().max(FEWEST_PULLED as usize)
    }

    /// So many events came.
    pub(crate) fn came(&mut self, events: usize, now: Instant) {
        let Some(most) = self.most_per_second else { return };
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        let take = Duration::from_secs(1).saturating_mul(events) / most.get();
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        self.next = self.next.max(earliest) + take;
    }

    /// Waits until the next event may come. Nothing is lost where this is given up.
    pub(crate) async fn passed(&self) {
        if self.most_per_second.is_some() {
            tokio::time::sleep_until(self.next.into()).await;
        }
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
        limit.came(100, start);
        assert_eq!(limit.next, at(100));
        limit.came(100, at(150));
        assert_eq!(limit.next, at(200), "what was late is made up for");
        limit.came(10, at(1_000));
        assert_eq!(limit.next, at(910), "but not all of it");
        limit.came(u32::MAX as usize + 1, at(1_000));
        assert!(limit.next > at(4_294_967_000));
    }

    #[test]
    fn little_is_asked_for_at_once() {
        let now = Instant::now();
        let together = |most| Limit::new(NonZero::new(most), now).most_together();
        assert_eq!([together(1), together(60), together(50_000), together(0)], [1, 1, 200, usize::MAX]);
        let pulled = |most| Limit::new(NonZero::new(most), now).most_pulled();
        assert_eq!([pulled(1), pulled(50_000), pulled(0)], [100, 200, usize::MAX]);
    }
}
