//! Work that nobody waits for, as long as nobody does: on a thread of its own that gives way to all others, and a
//! little at a time.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

/// How much the thread gives way, of at most 19: about a tenth of a busy processor is left to it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
/// So long it works at a time,
const WORK: Duration = Duration::from_micros(100);
/// and so long it rests in between. However much it gives way, a processor that has work does not look whether another
/// has threads that wait for it; one that has nothing to do takes them over at once.
const REST: Duration = Duration::from_micros(400);

/// Whether somebody waits for what is done aside. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Urgency(Arc<AtomicBool>);

impl Urgency {
    pub(crate) fn set(&self, is_waited_for: bool) {
        self.0.store(is_waited_for, Ordering::Relaxed);
    }

    fn is_waited_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Work with rests, unless somebody waits for it.
pub(crate) struct Stints<'a> {
    urgency: &'a Urgency,
    begun: Instant,
}

impl<'a> Stints<'a> {
    pub(crate) fn begin(urgency: &'a Urgency) -> Self {
        Self { urgency, begun: Instant::now() }
    }

    /// To be called between two small pieces of work.
    pub(crate) fn rest_if_due(&mut self) {
        if self.begun.elapsed() < WORK {
            return;
        }
        if !self.urgency.is_waited_for() {
            thread::sleep(REST);
        }
        self.begun = Instant::now();
    }
}

/// Also where it does not rest, others get the processor soon.
fn give_way() -> io::Result<()> {
    // Elsewhere it is the whole process that would give way.
    #[cfg(target_os = "linux")]
    rustix::process::nice(NICENESS)?;
    time_slice::ask_for(WORK)
}

/// Does something on a thread that gives way. Who asks waits for it: what gives way once can't take it back, so their
/// own thread stays as it is.
pub(crate) fn aside<T: Send>(act: impl FnOnce() -> T + Send) -> io::Result<T> {
    let give_way_and_act = || {
        if let Err(error) = give_way() {
            tracing::debug!(%error, "the thread that writes a snapshot can't give way");
        }
        act()
    };
    thread::scope(|scope| {
        let acting =
            Builder::new().name("store-snapshot".to_owned()).spawn_scoped(scope, give_way_and_act)?;
        Ok(acting.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_done_aside_gives_way_and_nothing_else_does() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let before = priority();
        assert_eq!(aside(priority).unwrap(), (before + NICENESS).min(19));
        assert_eq!(priority(), before);
    }

    /// How long so many stints take.
    fn time_of(urgency: &Urgency, count: u32) -> Duration {
        let start = Instant::now();
        let mut stints = Stints::begin(urgency);
        for _ in 0..count {
            let begun = stints.begun;
            while stints.begun == begun {
                stints.rest_if_due();
            }
        }
        start.elapsed()
    }

    #[test]
    fn there_are_rests_between_stints_unless_somebody_waits() {
        let (urgency, count) = (Urgency::default(), 20);
        assert!(time_of(&urgency, count) >= (WORK + REST) * count);
        urgency.set(true);
        // Whatever else the machine does: it need not be so each time, but some time.
        let shortest = (0..200).map(|_| time_of(&urgency, 1)).min().unwrap();
        assert!((WORK..WORK + REST).contains(&shortest), "{shortest:?}");
    }
}
