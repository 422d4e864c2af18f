//! Notices that the database does not come back: a full or broken disk can make it wait for ever.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::database::{Bytes, RowChanges, Rows, Scan};
use crate::error::StoreError;
use crate::marker::Marker;
use crate::options::GiveUp;

/// How long the marker may take to reach the disk.
const MARKING: Duration = Duration::from_secs(5);

/// When each call that has not returned was made.
type Calls = Arc<Mutex<Vec<Option<Instant>>>>;

/// Rows that are watched: when a call takes longer than the limit, the store is marked dirty and
/// the process is told to give up.
pub(crate) struct Watched {
    rows: Arc<dyn Rows>,
    calls: Calls,
    /// Dropped with the rows, which ends the thread.
    _stop: Sender<()>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Watched").field(&self.rows).finish()
    }
}

impl Watched {
    pub(crate) fn new(rows: Arc<dyn Rows>, limit: Duration, marker: Marker, give_up: GiveUp) -> Self {
        let calls = Calls::default();
        let (stop, stopped) = channel();
        let watched = calls.clone();
        let watch = move || {
            while stopped.recv_timeout(limit / 4) == Err(RecvTimeoutError::Timeout) {
                let hangs = watched.lock().iter().flatten().any(|since| since.elapsed() > limit);
                if hangs {
                    let what = format!(
                        "its database did not answer within {} s (store.write_timeout_s)",
                        limit.as_secs()
                    );
                    mark(marker, what.clone());
                    give_up(&what);
                    return;
                }
            }
        };
        let spawned = std::thread::Builder::new().name("store-watchdog".to_owned()).spawn(watch);
        if let Err(error) = spawned {
            tracing::error!(%error, "the store's watchdog can't be started: a hanging disk will not be noticed");
        }
        Self { rows, calls, _stop: stop }
    }

    fn watch(&self) -> Call<'_> {
        let mut calls = self.calls.lock();
        let place = calls.iter().position(Option::is_none).unwrap_or_else(|| {
            calls.push(None);
            calls.len() - 1
        });
        calls[place] = Some(Instant::now());
        Call { calls: &self.calls, place }
    }
}

/// The disk that hangs may be the marker's too: it gets the word at once, and its sync some time.
fn mark(marker: Marker, what: String) {
    let (marked, is_marked) = channel();
    let mark = move || {
        marker.dirty(&what);
        // Nobody waits any more if this fails.
        let _ = marked.send(());
    };
    if std::thread::Builder::new().name("store-marker".to_owned()).spawn(mark).is_ok() {
        let _ = is_marked.recv_timeout(MARKING);
    }
}

/// A call under way.
struct Call<'a> {
    calls: &'a Calls,
    place: usize,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.lock()[self.place] = None;
    }
}

impl Rows for Watched {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, sled::Error> {
        let _call = self.watch();
        self.rows.get(key)
    }

    fn scan(&self, from: &[u8]) -> Scan<'_> {
        let mut rows = self.rows.scan(from);
        Box::new(std::iter::from_fn(move || {
            let _call = self.watch();
            rows.next()
        }))
    }

    fn apply(&self, changes: RowChanges) -> Result<(), sled::Error> {
        let _call = self.watch();
        self.rows.apply(changes)
    }

    fn fill(&self, rows: Vec<(Bytes, Bytes)>) -> Result<(), sled::Error> {
        let _call = self.watch();
        self.rows.fill(rows)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let _call = self.watch();
        self.rows.sync()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::marker::State;

    #[derive(Debug)]
    struct Slow(Duration);

    impl Rows for Slow {
        fn get(&self, _: &[u8]) -> Result<Option<Bytes>, sled::Error> {
            std::thread::sleep(self.0);
            Ok(None)
        }

        fn scan(&self, _: &[u8]) -> Scan<'_> {
            Box::new(std::iter::empty())
        }

        fn apply(&self, _: RowChanges) -> Result<(), sled::Error> {
            Ok(())
        }

        fn fill(&self, _: Vec<(Bytes, Bytes)>) -> Result<(), sled::Error> {
            Ok(())
        }

        fn sync(&self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn after_a_read_of(takes: Duration, limit: Duration) -> (usize, State) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("marker");
        let (marker, _) = Marker::open(&path).unwrap();
        marker.set(&State::Open).unwrap();
        let given_up = Arc::new(AtomicUsize::new(0));
        let counted = given_up.clone();
        let give_up: GiveUp = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let rows = Watched::new(Arc::new(Slow(takes)), limit, marker, give_up);
        rows.get(b"key").unwrap();
        (given_up.load(Ordering::SeqCst), Marker::open(&path).unwrap().1)
    }

    #[test]
    fn a_call_that_does_not_return_is_noticed_and_one_that_does_is_not() {
        let (given_up, state) = after_a_read_of(Duration::from_millis(500), Duration::from_millis(20));
        assert_eq!(given_up, 1);
        assert!(matches!(state, State::Dirty(reason) if reason.contains("did not answer")));
        let (given_up, state) = after_a_read_of(Duration::from_millis(1), Duration::from_secs(60));
        assert_eq!((given_up, state), (0, State::Open));
    }
}
