//! Notices that the disk does not come back: a full or broken one can make whoever uses it wait for ever.

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

/// When what is watched takes longer than the limit, the store is marked dirty and the process is told to give up.
#[derive(Debug, Clone)]
pub(crate) struct Watchdog {
    calls: Calls,
    /// The thread ends when all clones are dropped.
    _stop: Sender<()>,
}

impl Watchdog {
    pub(crate) fn new(limit: Duration, marker: Marker, give_up: GiveUp) -> Self {
        let calls = Calls::default();
        let (stop, stopped) = channel();
        let watched = calls.clone();
        let watch = move || {
            while stopped.recv_timeout(limit / 4) == Err(RecvTimeoutError::Timeout) {
                let hangs = watched.lock().iter().flatten().any(|since| since.elapsed() > limit);
                if hangs {
                    let what = format!(
                        "its disk did not answer within {} s (store.write_timeout_s)",
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
        Self { calls, _stop: stop }
    }

    /// From now on, until what it returns is dropped.
    pub(crate) fn watch(&self) -> Call<'_> {
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

/// Something that is watched.
pub(crate) struct Call<'a> {
    calls: &'a Calls,
    place: usize,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.lock()[self.place] = None;
    }
}

/// Rows each call of which is watched.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) rows: Arc<dyn Rows>,
    pub(crate) watchdog: Watchdog,
}

impl Rows for Watched {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, sled::Error> {
        let _call = self.watchdog.watch();
        self.rows.get(key)
    }

    fn scan(&self, from: &[u8]) -> Scan<'_> {
        let mut rows = self.rows.scan(from);
        Box::new(std::iter::from_fn(move || {
            let _call = self.watchdog.watch();
            rows.next()
        }))
    }

    fn apply(&self, changes: RowChanges) -> Result<(), sled::Error> {
        let _call = self.watchdog.watch();
        self.rows.apply(changes)
    }

    fn fill(&self, rows: Vec<(Bytes, Bytes)>) -> Result<(), sled::Error> {
        let _call = self.watchdog.watch();
        self.rows.fill(rows)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let _call = self.watchdog.watch();
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
        let watchdog = Watchdog::new(limit, marker, give_up);
        let rows = Watched { rows: Arc::new(Slow(takes)), watchdog };
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
