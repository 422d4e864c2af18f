//! What a consumer does beside counting.

use std::fmt;

use counters::Counters;
use tokio::sync::watch;

/// Whether this is the consumer that answers are given from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// It copies malformed events to the stream of dead letters, and writes snapshots.
    Live,
    /// Another one does that. Dead letters wait until the other has copied them; no snapshot is written.
    Standby,
}

impl Duty {
    /// As long as there is nobody to change it.
    pub fn for_ever(self) -> watch::Receiver<Self> {
        watch::channel(self).1
    }
}

/// What is done when everything up to a sequence is applied and nothing beyond it: told the counters as they are then, it says up to
/// where to go on, further than that, or `None` to end. It is not told again after the end. Where the sequence lies among some that are accepted as lost,
/// what is applied reaches to their end.
pub type Reached = Box<dyn FnMut(&Counters) -> Option<u64> + Send>;

/// Where to stand still.
pub struct Until {
    /// The stream sequence.
    pub sequence: u64,
    /// What to do there.
    pub reached: Reached,
}

impl Until {
    /// Consuming ends when everything up to this sequence is applied.
    pub fn end_at(sequence: u64) -> Self {
        Self { sequence, reached: Box::new(|_| None) }
    }
}

impl fmt::Debug for Until {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Until").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}
