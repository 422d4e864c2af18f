//! How much is to be done.

use std::path::PathBuf;
use std::time::Instant;

/// What all parts need to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// From which all chance is drawn.
    pub seed: u64,
    /// The `tallymark` to be tortured.
    pub executable: PathBuf,
    /// How many runs go on at once, where they need not wait for each other.
    pub jobs: usize,
    /// Only damage whose name contains this.
    pub kind: Option<String>,
    /// Only the run of this number.
    pub run: Option<usize>,
}

impl Plan {
    /// All chance drawn from a seed, and everything done.
    pub fn new(seed: u64, executable: PathBuf) -> Self {
        Self { seed, executable, jobs: 1, kind: None, run: None }
    }

    pub(crate) fn wants(&self, run: usize, kind: &str) -> bool {
        let is_kind = self.kind.as_deref().is_none_or(|wanted| kind.contains(wanted));
        is_kind && self.run.is_none_or(|wanted| wanted == run)
    }
}

/// So many runs, but none that begins after the deadline.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// How many runs.
    pub runs: usize,
    /// Until when.
    pub deadline: Option<Instant>,
}

impl Amount {
    /// Whether there is time for one more.
    pub fn has_time(&self) -> bool {
        self.deadline.is_none_or(|deadline| Instant::now() < deadline)
    }
}
