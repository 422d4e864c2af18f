//! When to commit.

use std::time::Duration;

/// More events behind than this, and the consumer is catching up rather than live.
const CATCHING_UP_EVENTS: u64 = 10_000;
/// While catching up, memory decides; but no more than this many intervals' work is ever at stake.
const CATCHING_UP_INTERVALS: u32 = 20;

/// What the settings say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) commit_interval: Duration,
    pub(crate) pending_bytes: usize,
}

/// What is to be weighed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Whether a commit would write anything.
    pub(crate) has_pending: bool,
    pub(crate) pending_bytes: usize,
    /// Whether the last commit is still on its way to the disk.
    pub(crate) is_writing: bool,
    pub(crate) lag_events: u64,
    pub(crate) since_last: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    NotYet,
    /// Now, even if that means to wait until the last commit is on disk.
    Commit,
}

impl Pace {
    pub(crate) fn decide(self, load: Load) -> Decision {
        if !load.has_pending {
            return Decision::NotYet;
        }
        if load.is_writing {
            let is_full = load.pending_bytes >= self.pending_bytes;
            return if is_full { Decision::Commit } else { Decision::NotYet };
        }
        // Half of the memory is for the commit being written, half for what is applied meanwhile.
        let is_catching_up = load.lag_events > CATCHING_UP_EVENTS;
        let intervals = if is_catching_up { CATCHING_UP_INTERVALS } else { 1 };
        let is_time = load.since_last >= self.commit_interval.saturating_mul(intervals);
        if is_time || load.pending_bytes >= self.pending_bytes / 2 {
            Decision::Commit
        } else {
            Decision::NotYet
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Load, Pace};

    /// One line a case, with an interval of 250 ms and memory for 1000 bytes:
    /// pending bytes (or `none`), lag, since the last commit, whether one is being written | decision.
    #[track_caller]
    fn check(line: &str) {
        let (load, expected) = line.split_once('|').unwrap();
        let words: Vec<_> = load.split_whitespace().collect();
        let load = Load {
            has_pending: words[0] != "none",
            pending_bytes: words[0].parse().unwrap_or(0),
            lag_events: words[1].parse().unwrap(),
            since_last: Duration::from_millis(words[2].parse().unwrap()),
            is_writing: words[3] == "writing",
        };
        let pace = Pace { commit_interval: Duration::from_millis(250), pending_bytes: 1000 };
        assert_eq!(format!("{:?}", pace.decide(load)), expected.trim(), "{line}");
    }

    #[test]
    fn live_every_interval_if_there_is_anything() {
        check("none      0   999 idle    | NotYet");
        check("   0      0   250 idle    | Commit");
        check("  10      0   249 idle    | NotYet");
        check("  10      0   250 idle    | Commit");
        check("  10  10000   250 idle    | Commit");
        check("  10      0   250 writing | NotYet");
    }

    #[test]
    fn while_catching_up_by_memory() {
        check("  10  10001   250 idle    | NotYet");
        check(" 499  10001  4999 idle    | NotYet");
        check(" 500  10001     0 idle    | Commit");
        check("  10  10001  5000 idle    | Commit");
    }

    #[test]
    fn never_more_memory_than_allowed() {
        check(" 999  10001     0 writing | NotYet");
        check("1000  10001     0 writing | Commit");
        check("1000      0     0 writing | Commit");
    }
}
