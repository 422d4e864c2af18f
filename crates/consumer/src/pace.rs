//! When to commit, and when to write a snapshot.

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
    /// `None`: snapshots are written only when asked for, and at the end.
    pub(crate) snapshot_interval: Option<Duration>,
}

/// What is to be weighed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Whether a commit would write anything.
    pub(crate) has_pending: bool,
    pub(crate) pending_bytes: usize,
    /// Whether the last commit or a snapshot is still on its way to the disk.
    pub(crate) is_writing: bool,
    /// Whether the disk has room for what a commit writes.
    pub(crate) has_space: bool,
    pub(crate) lag_events: u64,
    /// Whether all events were applied once that were there at the start. Until then nobody is
    /// answered, so nothing may take time from applying.
    pub(crate) is_caught_up: bool,
    pub(crate) since_commit: Duration,
    /// Whether anything was committed that is in no snapshot.
    pub(crate) has_news: bool,
    pub(crate) since_snapshot: Duration,
    /// Whether somebody asked for a snapshot of everything applied.
    pub(crate) is_snapshot_wanted: bool,
    /// Whether all that was applied then is committed. More may come in all the time.
    pub(crate) is_wanted_committed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    NotYet,
    Commit,
    /// Of what was committed last.
    Snapshot,
    /// What is being written keeps the next commit waiting.
    Hurry,
    /// No more memory may be taken, and nothing can be written now.
    Full,
}

impl Pace {
    pub(crate) fn decide(self, load: Load) -> Decision {
        if load.is_writing || !load.has_space {
            let is_commit_due = load.pending_bytes >= self.pending_bytes / 2 || !load.is_caught_up;
            return if !load.has_pending {
                Decision::NotYet
            } else if load.pending_bytes >= self.pending_bytes {
                Decision::Full
            } else if load.is_writing && is_commit_due {
                Decision::Hurry
            } else {
                Decision::NotYet
            };
        }
        if load.is_snapshot_wanted {
            let is_to_come = load.has_pending && !load.is_wanted_committed;
            return if is_to_come { Decision::Commit } else { Decision::Snapshot };
        }
        if load.has_news && self.snapshot_interval.is_some_and(|interval| load.since_snapshot >= interval) {
            return Decision::Snapshot;
        }
        if !load.has_pending {
            return Decision::NotYet;
        }
        // Half of the memory is for the commit being written, half for what is applied meanwhile.
        let is_catching_up = load.lag_events > CATCHING_UP_EVENTS || !load.is_caught_up;
        let intervals = if is_catching_up { CATCHING_UP_INTERVALS } else { 1 };
        let is_time = load.since_commit >= self.commit_interval.saturating_mul(intervals);
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

    /// One line a case, with a commit every 250 ms, memory for 1000 bytes and a snapshot a minute:
    /// pending bytes (or `none`), lag, ms since the last commit, what else is so | decision.
    #[track_caller]
    fn check(line: &str) {
        let (load, expected) = line.split_once('|').unwrap();
        let words: Vec<_> = load.split_whitespace().collect();
        let is_said = |word| words[3..].contains(&word);
        let load = Load {
            has_pending: words[0] != "none",
            pending_bytes: words[0].parse().unwrap_or(0),
            lag_events: words[1].parse().unwrap(),
            is_caught_up: !is_said("starting"),
            since_commit: Duration::from_millis(words[2].parse().unwrap()),
            is_writing: is_said("writing"),
            has_space: !is_said("no-space"),
            has_news: is_said("news"),
            since_snapshot: Duration::from_secs(if is_said("minute") { 60 } else { 59 }),
            is_snapshot_wanted: is_said("wanted"),
            is_wanted_committed: is_said("committed"),
        };
        let pace = Pace {
            commit_interval: Duration::from_millis(250),
            pending_bytes: 1000,
            snapshot_interval: Some(Duration::from_secs(60)),
        };
        assert_eq!(format!("{:?}", pace.decide(load)), expected.trim(), "{line}");
        let pace = Pace { snapshot_interval: None, ..pace };
        let is_by_time = expected.trim() == "Snapshot" && !is_said("wanted");
        assert!(!is_by_time || format!("{:?}", pace.decide(load)) != "Snapshot", "{line}, without interval");
    }

    #[test]
    fn live_every_interval_if_there_is_anything() {
        check("none      0   999         | NotYet");
        check("   0      0   250         | Commit");
        check("  10      0   249         | NotYet");
        check("  10      0   250         | Commit");
        check("  10  10000   250         | Commit");
        check("  10      0   250 writing | NotYet");
    }

    #[test]
    fn while_catching_up_by_memory() {
        check("  10  10001   250 | NotYet");
        check(" 499  10001  4999 | NotYet");
        check(" 500  10001     0 | Commit");
        check("  10  10001  5000 | Commit");
        check("  10      9   250 starting | NotYet");
        check("  10      9  5000 starting | Commit");
    }

    #[test]
    fn never_more_memory_than_allowed() {
        check(" 999  10001     0 writing  | Hurry");
        check("1000  10001     0 writing  | Full");
        check("1000      0     0 writing  | Full");
        check("1000      0     0          | Commit");
    }

    #[test]
    fn what_is_written_gives_way_until_it_is_in_the_way() {
        check(" 499  10001  9999 writing          | NotYet");
        check(" 500      0     0 writing          | Hurry");
        check("  10      0     0 writing starting | Hurry");
        check("none      0     0 writing starting | NotYet");
        check(" 999      0     0 writing no-space | Hurry");
        check(" 999      0     0 no-space         | NotYet");
    }

    #[test]
    fn nothing_is_written_to_a_full_disk() {
        check("  10      0   999 no-space                    | NotYet");
        check(" 999      0   999 no-space news minute wanted | NotYet");
        check("1000      0   999 no-space                    | Full");
    }

    #[test]
    fn a_snapshot_between_two_commits() {
        check("  10      0   999 news minute         | Snapshot");
        check("none      0   999 news minute         | Snapshot");
        check("none      0   999 news                | NotYet");
        check("none      0   999 minute              | NotYet");
        check("  10      0   999 news                | Commit");
        check("  10      0   999 news minute writing | NotYet");
    }

    #[test]
    fn a_snapshot_that_is_asked_for_has_everything() {
        check("  10      0     0 wanted         | Commit");
        check("  10      0     0 wanted committed         | Snapshot");
        check("  10      0     0 wanted committed writing | NotYet");
        check("none      0     0 wanted         | Snapshot");
        check("none      0     0 wanted writing | NotYet");
    }
}
