//! Waiting for an event to be in the counts.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::Answers;

/// Where requests wait for an event. All clones are one.
///
/// Whoever applies events says so, and waits for nobody: they look at one number, and wake at the most one task,
/// [`wake`](Self::wake), which wakes the others.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The first sequence that is waited for; the highest number if none is.
    first: AtomicU64,
    some_arrived: Notify,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By sequence; those who wait for the same one in the order of their coming.
    by_sequence: BTreeMap<(u64, u64), oneshot::Sender<()>>,
    came: u64,
}

impl Default for Shared {
    fn default() -> Self {
        Self { first: AtomicU64::new(u64::MAX), some_arrived: Notify::new(), waiting: Mutex::default() }
    }
}

impl Arrivals {
    /// Nobody waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything up to this sequence is in the counts: to be said after each batch of events, and when other counts
    /// take the place of those before.
    pub fn arrived(&self, sequence: u64) {
        // Pairs with the fence in `wait`: who begins to wait is seen here, or sees what has arrived.
        fence(Ordering::SeqCst);
        if sequence >= self.0.first.load(Ordering::Relaxed) {
            self.0.some_arrived.notify_one();
        }
    }

    /// Wakes whoever has waited long enough, as long as it runs: once in a service.
    pub async fn wake(self, answers: Answers) -> Infallible {
        loop {
            self.0.some_arrived.notified().await;
            let after = answers.applied().unwrap_or(0).saturating_add(1);
            let arrived = self.0.change(|waiting| {
                let later = waiting.by_sequence.split_off(&(after, 0));
                std::mem::replace(&mut waiting.by_sequence, later)
            });
            for waiter in arrived.into_values() {
                // Whoever waited may be gone.
                let _ = waiter.send(());
            }
        }
    }

    /// Waits until this sequence is in the counts, but no longer than that. The counts themselves say afterwards
    /// how far they reach.
    pub(crate) async fn wait(&self, sequence: u64, answers: &Answers, longest: Duration) {
        let is_there = || answers.applied().is_some_and(|applied| applied >= sequence);
        if is_there() {
            return;
        }
        let (arrives, arrived) = oneshot::channel();
        let place = self.0.change(|waiting| {
            waiting.came += 1;
            let key = (sequence, waiting.came);
            waiting.by_sequence.insert(key, arrives);
            Place { shared: &self.0, key }
        });
        fence(Ordering::SeqCst);
        if !is_there() {
            // Woken, or out of time.
            let _ = tokio::time::timeout(longest, arrived).await;
        }
        drop(place);
    }
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        let mut waiting = self.waiting.lock();
        let changed = change(&mut waiting);
        let first = waiting.by_sequence.first_key_value().map_or(u64::MAX, |((sequence, _), _)| *sequence);
        self.first.store(first, Ordering::Relaxed);
        changed
    }
}

/// One who waits, until they go.
struct Place<'a> {
    shared: &'a Shared,
    key: (u64, u64),
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.change(|waiting| waiting.by_sequence.remove(&self.key));
    }
}

#[cfg(test)]
mod tests {
    use counters::{Counters, Policies};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    fn first(arrivals: &Arrivals) -> u64 {
        arrivals.0.first.load(Ordering::SeqCst)
    }

    fn start() -> (Counters, Answers, Arrivals) {
        let counters = Counters::new(Policies::default());
        let (answers, arrivals) = (Answers::from(counters.reader()), Arrivals::new());
        tokio::spawn(arrivals.clone().wake(answers.clone()));
        (counters, answers, arrivals)
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_their_event_is_there() {
        let (mut counters, answers, arrivals) = start();
        let waiters: Vec<_> = [3, 1, 2, 3]
            .into_iter()
            .map(|sequence| {
                let (arrivals, answers) = (arrivals.clone(), answers.clone());
                tokio::spawn(async move {
                    arrivals.wait(sequence, &answers, LONG).await;
                    answers.applied().expect("there are counts") >= sequence
                })
            })
            .collect();
        while arrivals.0.waiting.lock().by_sequence.len() < 4 {
            tokio::task::yield_now().await;
        }
        for sequence in 1..=3 {
            counters.advance(sequence);
            arrivals.arrived(sequence);
        }
        for waiter in waiters {
            assert!(waiter.await.expect("no panic"), "woken too early");
        }
        assert_eq!(first(&arrivals), u64::MAX, "nobody waits any more");
    }

    #[tokio::test]
    async fn nobody_waits_for_what_is_there_or_for_ever() {
        let (mut counters, answers, arrivals) = start();
        counters.advance(7);
        tokio::time::timeout(LONG, arrivals.wait(7, &answers, LONG * 2)).await.expect("no wait");
        arrivals.wait(8, &answers, SHORT).await;
        assert_eq!(first(&arrivals), u64::MAX);
        // Whoever asked may also hang up.
        let gone = tokio::time::timeout(SHORT, arrivals.wait(9, &answers, LONG)).await;
        assert!(gone.is_err());
        assert_eq!(first(&arrivals), u64::MAX);
    }

    /// The event comes in the very moment in which somebody begins to wait, again and again.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_arrival_is_missed() {
        let (mut counters, answers, arrivals) = start();
        let (asked, told) = std::sync::mpsc::channel();
        let applier = arrivals.clone();
        let thread = std::thread::spawn(move || {
            for sequence in told {
                counters.advance(sequence);
                applier.arrived(sequence);
            }
        });
        for sequence in 1..=20_000 {
            asked.send(sequence).expect("it listens");
            let waited = tokio::time::timeout(LONG / 4, arrivals.wait(sequence, &answers, LONG)).await;
            assert!(waited.is_ok(), "an arrival was missed: {sequence}");
        }
        drop(asked);
        thread.join().expect("no panic");
    }
}
