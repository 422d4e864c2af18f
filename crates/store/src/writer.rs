//! The thread that writes: one atomic batch at a time, each brought to the disk before the next.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use counters::RoomIndex;

use crate::error::StoreError;
use crate::generation::sync_dir;
use crate::keys::{Key, TABLES_BY_ROOM, room_prefix};
use crate::metrics::Metrics;

/// Everything one commit does.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) sequence: u64,
    pub(crate) written: Vec<(Key, Arc<[u8]>)>,
    pub(crate) removed: Vec<Key>,
    /// All that lies under these rooms is removed too.
    pub(crate) deleted_rooms: Vec<RoomIndex>,
}

/// The stream sequence up to which everything is on disk. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Durable(Arc<AtomicU64>);

impl Durable {
    /// Moves only after a real fsync.
    pub fn sequence(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    batches: Option<SyncSender<Batch>>,
    results: Receiver<Result<(), StoreError>>,
    is_busy: bool,
    thread: Option<JoinHandle<()>>,
    durable: Durable,
}

impl Writer {
    pub(crate) fn start(tree: sled::Tree, path: &Path, durable_now: u64, metrics: Metrics) -> Self {
        let (batches, incoming) = sync_channel::<Batch>(1);
        let (outgoing, results) = sync_channel(1);
        let durable = Durable(Arc::new(AtomicU64::new(durable_now)));
        metrics.durable_sequence.set(i64::try_from(durable_now).unwrap_or(i64::MAX));
        let (path, visible) = (path.to_owned(), durable.clone());
        let run = move || {
            for batch in incoming {
                let start = Instant::now();
                let result = write(&tree, &path, &batch, &metrics);
                if result.is_ok() {
                    visible.0.store(batch.sequence, Ordering::Release);
                    metrics.durable_sequence.set(i64::try_from(batch.sequence).unwrap_or(i64::MAX));
                    metrics.commit_seconds.observe(start.elapsed().as_secs_f64());
                }
                if outgoing.send(result).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(run).ok();
        Self { batches: Some(batches), results, is_busy: false, thread, durable }
    }

    pub(crate) fn durable(&self) -> Durable {
        self.durable.clone()
    }

    /// Hands a batch over. The writer must not be busy.
    pub(crate) fn write(&mut self, batch: Batch) -> Result<(), StoreError> {
        let batches = self.batches.as_ref().ok_or(StoreError::WriterGone)?;
        batches.send(batch).map_err(|_| StoreError::WriterGone)?;
        self.is_busy = true;
        Ok(())
    }

    /// Whether a batch is on its way. When one has just arrived, `arrived` is called.
    pub(crate) fn is_busy(&mut self, arrived: impl FnOnce()) -> Result<bool, StoreError> {
        if self.is_busy {
            match self.results.try_recv() {
                Ok(result) => {
                    self.is_busy = false;
                    result?;
                    arrived();
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Err(StoreError::WriterGone),
            }
        }
        Ok(false)
    }

    /// Waits until no batch is on its way.
    pub(crate) fn wait(&mut self, arrived: impl FnOnce()) -> Result<(), StoreError> {
        if self.is_busy {
            let result = self.results.recv().map_err(|_| StoreError::WriterGone)?;
            self.is_busy = false;
            result?;
            arrived();
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was seen as `WriterGone` by whoever waited for it.
            let _ = thread.join();
        }
    }
}

fn write(tree: &sled::Tree, path: &Path, batch: &Batch, metrics: &Metrics) -> Result<(), StoreError> {
    let mut rows = sled::Batch::default();
    let (mut count, mut bytes) = (0, 0);
    for room in &batch.deleted_rooms {
        for table in TABLES_BY_ROOM {
            for key in tree.scan_prefix(room_prefix(table, *room)).keys() {
                rows.remove(key?);
                count += 1;
            }
        }
    }
    for key in &batch.removed {
        rows.remove(key.to_bytes());
        count += 1;
    }
    for (key, row) in &batch.written {
        let key = key.to_bytes();
        bytes += key.len() as u64 + row.len() as u64;
        rows.insert(key, &**row);
        count += 1;
    }
    tree.apply_batch(rows)?;
    bring_to_disk(tree, path)?;
    metrics.commits.inc();
    metrics.commit_rows.inc_by(count);
    metrics.commit_bytes.inc_by(bytes);
    Ok(())
}

/// Sled's own flush only starts the transfer; the device has it after a sync of the same file.
pub(crate) fn bring_to_disk(tree: &sled::Tree, path: &Path) -> Result<(), StoreError> {
    tree.flush()?;
    let sync = || {
        File::open(path.join("db"))?.sync_all()?;
        sync_dir(path)
    };
    sync().map_err(|error| StoreError::Sync(Arc::new(error)))
}
