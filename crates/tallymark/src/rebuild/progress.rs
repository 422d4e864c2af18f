//! How far a rebuild got.

use std::time::{Duration, Instant};

use crate::progress::{self, rate};

/// What is shown while events are counted.
pub(super) struct Progress {
    start: u64,
    target: u64,
    shown: progress::Progress,
}

impl Progress {
    /// Begins after sequence `start`, and is to come to `target`.
    pub(super) fn start(start: u64, target: u64, now: Instant) -> Self {
        Self { start, target, shown: progress::Progress::start(Some(target.saturating_sub(start)), now) }
    }

    /// Shows the present state. Often called, seldom seen.
    pub(super) fn show(&mut self, applied: u64, now: Instant) {
        let (done, target) = (applied.saturating_sub(self.start), self.target);
        self.shown.show(done, now, |elapsed| text(applied, done, target, elapsed));
    }

    /// Writes a line that stays.
    pub(super) fn note(&self, text: &str) {
        self.shown.note(text);
    }

    /// Ends the show.
    pub(super) fn finish(self, applied: u64, now: Instant) {
        let events = applied.saturating_sub(self.start);
        self.shown.finish(now, |elapsed| {
            let seconds = elapsed.as_secs_f64();
            format!("{events} events in {seconds:.1} s ({:.0} events/s)", rate(events, elapsed))
        });
    }
}

fn text(applied: u64, done: u64, target: u64, elapsed: Duration) -> String {
    format!("sequence {applied} of {target}, {:.0} events/s", rate(done, elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_place_and_rate() {
        let at = |applied: u64, ms| text(applied, applied - 1_000, 5_000, Duration::from_millis(ms));
        assert_eq!(at(2_000, 500), "sequence 2000 of 5000, 2000 events/s");
        assert_eq!(at(1_000, 500), "sequence 1000 of 5000, 0 events/s");
    }
}
