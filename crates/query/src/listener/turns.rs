//! How a thread that answers shares the processor with those who ask, with the database, and with the rest of the
//! service: with few requests it wants each at once, with many as many as possible at a time.

use std::cell::Cell;
use std::thread;
use std::time::Duration;

/// So many requests between two sleeps of a thread are a sign that it is busy.
const BUSY_REQUESTS: u32 = 8;
/// After so many sleeps with fewer requests between them it is not busy any more.
const QUIET_SLEEPS: u32 = 100;
/// How long a thread that is not busy has the processor at a time. A request is some 20 µs of work; and who has been
/// given the processor for longer, a rebuild or a snapshot above all, is interrupted when one arrives.
const SHORT_SLICE: Duration = Duration::from_micros(200);
/// As long as all others: what is interrupted by each request sends fewer of them at a time.
const USUAL_SLICE: Duration = Duration::ZERO;

thread_local! {
    /// Requests since this thread last had nothing to do.
    static REQUESTS: Cell<u32> = const { Cell::new(0) };
    static PACE: Cell<Pace> = const { Cell::new(Pace::Busy { quiet_sleeps: 0 }) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// With so many sleeps one after the other before which there was little to do.
    Busy {
        quiet_sleeps: u32,
    },
    Quiet,
}

impl Pace {
    fn after(self, requests: u32) -> Self {
        match self {
            _ if requests >= BUSY_REQUESTS => Self::Busy { quiet_sleeps: 0 },
            Self::Busy { quiet_sleeps } if quiet_sleeps + 1 < QUIET_SLEEPS => {
                Self::Busy { quiet_sleeps: quiet_sleeps + 1 }
            }
            Self::Busy { .. } | Self::Quiet => Self::Quiet,
        }
    }

    fn slice(self) -> Duration {
        match self {
            Self::Busy { .. } => USUAL_SLICE,
            Self::Quiet => SHORT_SLICE,
        }
    }
}

/// There is a request to answer.
pub(super) fn request() {
    REQUESTS.set(REQUESTS.get().saturating_add(1));
}

/// Before a thread sleeps. Where it is busy, those who share its core may be about to send more requests, which are then
/// answered in one go, without a sleep and a waking for each. With few requests, though, nobody should get ahead of
/// the next.
pub(super) fn before_sleep() {
    let requests = REQUESTS.take();
    let before = PACE.get();
    let pace = before.after(requests);
    PACE.set(pace);
    if pace.slice() != before.slice()
        && let Err(error) = time_slice::ask_for(pace.slice())
    {
        tracing::debug!(%error, "a thread that answers can't ask for other slices of the processor");
    }
    if requests >= BUSY_REQUESTS {
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pace: Pace, turns: &[u32]) -> Pace {
        turns.iter().fold(pace, |pace, requests| pace.after(*requests))
    }

    #[test]
    fn one_busy_turn_makes_busy_and_many_quiet_ones_make_quiet() {
        let begun = PACE.get();
        let nearly = [BUSY_REQUESTS - 1; QUIET_SLEEPS as usize - 1];
        let pace = after(begun, &nearly);
        assert_eq!(pace.slice(), USUAL_SLICE);
        assert_eq!(pace.after(0), Pace::Quiet);
        assert_eq!(after(Pace::Quiet, &[0, 1, BUSY_REQUESTS - 1]).slice(), SHORT_SLICE);
        assert_eq!(after(Pace::Quiet, &[BUSY_REQUESTS]).slice(), USUAL_SLICE);
        // They have to be one after the other.
        assert_eq!(after(after(pace, &[BUSY_REQUESTS]), &nearly).slice(), USUAL_SLICE);
    }

    /// What the kernel says of this thread; `None` where it does not say.
    #[cfg(target_os = "linux")]
    fn slice_in_force() -> Option<Duration> {
        let scheduling = std::fs::read_to_string("/proc/thread-self/sched").ok()?;
        let line = scheduling.lines().find(|line| line.starts_with("se.slice"))?;
        line.rsplit(' ').next()?.parse().ok().map(Duration::from_nanos)
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn a_quiet_thread_has_short_slices_and_a_busy_one_those_of_all() {
        let usual = slice_in_force();
        time_slice::ask_for(SHORT_SLICE).unwrap();
        if slice_in_force() != Some(SHORT_SLICE) {
            eprintln!("skipped: this kernel gives slices of one length to all, or does not say of which");
            return;
        }
        time_slice::ask_for(USUAL_SLICE).unwrap();
        let sleeps = |turns: u32, requests: u32| {
            for _ in 0..turns {
                (0..requests).for_each(|_| request());
                before_sleep();
            }
            slice_in_force()
        };
        assert_eq!(sleeps(QUIET_SLEEPS, 1), Some(SHORT_SLICE));
        assert_eq!(sleeps(1, BUSY_REQUESTS), usual);
        assert_eq!(sleeps(QUIET_SLEEPS - 1, 0), usual);
        assert_eq!(sleeps(1, 0), Some(SHORT_SLICE));
    }
}
