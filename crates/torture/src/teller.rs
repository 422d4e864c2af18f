//! How far a part has got, told to whoever waits for it.

use std::time::{Duration, Instant};

/// Between two lines.
const TELL_INTERVAL: Duration = Duration::from_secs(10);

/// Tells on standard error how far a part has got.
#[derive(Debug)]
pub(crate) struct Teller {
    part: &'static str,
    begun: Instant,
    told: Instant,
}

impl Teller {
    /// A part begins.
    pub(crate) fn new(part: &'static str) -> Self {
        Self { part, begun: Instant::now(), told: Instant::now() }
    }

    /// Tells it, unless something was told a moment ago.
    pub(crate) fn tell(&mut self, how_far: impl FnOnce() -> String) {
        if self.told.elapsed() >= TELL_INTERVAL {
            self.now(&how_far());
        }
    }

    /// Tells it at once.
    #[allow(clippy::print_stderr, reason = "a person waits for hours and wants to see it go on")]
    pub(crate) fn now(&mut self, how_far: &str) {
        self.told = Instant::now();
        eprintln!("{:6.0} s  {}: {how_far}", self.took().as_secs_f64(), self.part);
    }

    /// Since it began.
    pub(crate) fn took(&self) -> Duration {
        self.begun.elapsed()
    }
}
