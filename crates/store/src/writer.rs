//! The thread that writes: one atomic batch at a time, each brought to the disk before the next;
//! and, between two of them, snapshots.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use counters::RoomIndex;

use crate::aside::{Urgency, aside};
use crate::checkpoint::Checkpoint;
use crate::database::{Database, RowChanges, Rows, scan_prefix};
use crate::error::StoreError;
use crate::keys::{Key, TABLES_BY_ROOM, room_prefix};
use crate::marker::Marker;
use crate::metrics::{Metrics, gauge};
use crate::open::message;
use crate::snapshot::{self, Shelf, SnapshotFile, Target, WriteError};
use crate::watchdog::Watchdog;

/// Everything one commit does.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) sequence: u64,
    pub(crate) written: Vec<(Key, Arc<[u8]>)>,
    pub(crate) removed: Vec<Key>,
    /// All that lies under these rooms is removed too.
    pub(crate) deleted_rooms: Vec<RoomIndex>,
}

/// What the thread is given to do.
#[derive(Debug)]
pub(crate) enum Job {
    Commit(Batch),
    /// All rows are as of this checkpoint.
    Snapshot(Checkpoint),
}

/// What the thread has done.
#[derive(Debug)]
pub(crate) enum Done {
    Commit,
    /// The snapshots there are now; `None` if none could be written, which was logged.
    Snapshot(Option<Vec<SnapshotFile>>),
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

/// Writes, wherever it runs.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) rows: Arc<dyn Rows>,
    pub(crate) marker: Marker,
    pub(crate) metrics: Metrics,
    pub(crate) durable: Durable,
    pub(crate) snapshots: Snapshots,
    urgency: Urgency,
}

/// Where snapshots go.
#[derive(Debug)]
pub(crate) struct Snapshots {
    pub(crate) shelf: Shelf,
    pub(crate) kept: usize,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) data_dir: PathBuf,
    pub(crate) reserve_bytes: u64,
    pub(crate) watchdog: Watchdog,
}

impl Worker {
    pub(crate) fn new(
        rows: Arc<dyn Rows>,
        marker: Marker,
        metrics: Metrics,
        durable_now: u64,
        snapshots: Snapshots,
    ) -> Self {
        metrics.durable_sequence.set(gauge(durable_now));
        let durable = Durable(Arc::new(AtomicU64::new(durable_now)));
        Self { rows, marker, metrics, durable, snapshots, urgency: Urgency::default() }
    }

    /// An error is final: what is on disk is not known any more, and the next process is told.
    pub(crate) fn work(&self, job: Job) -> Result<Done, StoreError> {
        let work = || match job {
            Job::Commit(batch) => self.commit(batch).map(|()| Done::Commit),
            Job::Snapshot(checkpoint) => self.snapshot(&checkpoint).map(Done::Snapshot),
        };
        let done = catch_unwind(AssertUnwindSafe(work));
        let done = done.unwrap_or_else(|panic| Err(StoreError::Panicked(message(&*panic))));
        done.inspect_err(|error| self.marker.dirty(&error.to_string()))
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let start = Instant::now();
        let sequence = batch.sequence;
        let (changes, bytes) = self.changes(batch)?;
        let count = changes.len() as u64;
        self.rows.apply(changes)?;
        self.rows.sync()?;
        self.durable.0.store(sequence, Ordering::Release);
        let metrics = &self.metrics;
        metrics.durable_sequence.set(gauge(sequence));
        metrics.commits.inc();
        metrics.commit_rows.inc_by(count);
        metrics.commit_bytes.inc_by(bytes);
        metrics.commit_seconds.observe(start.elapsed().as_secs_f64());
        Ok(())
    }

    fn changes(&self, batch: Batch) -> Result<(RowChanges, u64), StoreError> {
        let mut changes = RowChanges::new();
        let mut bytes = 0;
        for room in &batch.deleted_rooms {
            for table in TABLES_BY_ROOM {
                for row in scan_prefix(&*self.rows, &room_prefix(table, *room)) {
                    changes.push((row?.0.to_vec(), None));
                }
            }
        }
        changes.extend(batch.removed.iter().map(|key| (key.to_bytes(), None)));
        for (key, row) in batch.written {
            let key = key.to_bytes();
            bytes += (key.len() + row.len()) as u64;
            changes.push((key, Some(row)));
        }
        Ok((changes, bytes))
    }

    fn snapshot(&self, checkpoint: &Checkpoint) -> Result<Option<Vec<SnapshotFile>>, StoreError> {
        let Snapshots { shelf, kept, database, data_dir, reserve_bytes, watchdog } = &self.snapshots;
        let start = Instant::now();
        tracing::info!(sequence = checkpoint.position.applied, "writing a snapshot");
        let has_space = || database.free_bytes(data_dir).map_or(true, |free| free >= *reserve_bytes);
        let target = Target { shelf, has_space: &has_space, watchdog, urgency: &self.urgency };
        let written = aside(|| snapshot::write(&*self.rows, checkpoint, &target));
        let file = match written.unwrap_or_else(|error| Err(WriteError::Io { path: data_dir.clone(), error }))
        {
            Ok(file) => file,
            Err(WriteError::Damage(damage)) => return Err(StoreError::NotAsCommitted(damage)),
            Err(error) => {
                tracing::error!(%error, "no snapshot could be written; the next one is tried as usual");
                self.metrics.snapshots_failed.inc();
                return Ok(None);
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(sequence = file.sequence, bytes = file.bytes, seconds, "snapshot written");
        self.metrics.snapshot_written(file.sequence, file.bytes, seconds);
        let _call = watchdog.watch();
        let left = shelf.trim(&file, *kept).or_else(|error| {
            tracing::error!(%error, "old snapshots could not be removed");
            shelf.snapshots()
        });
        Ok(left.ok())
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    link: Link,
    is_busy: bool,
    /// Of the job it is busy with.
    urgency: Urgency,
    durable: Durable,
}

#[derive(Debug)]
enum Link {
    Thread {
        jobs: Option<SyncSender<Job>>,
        results: Receiver<Result<Done, StoreError>>,
        thread: Option<JoinHandle<()>>,
    },
    /// The simulation says when the job is done.
    #[cfg(feature = "simulation")]
    Stepped(Box<Stepped>),
}

#[cfg(feature = "simulation")]
#[derive(Debug)]
struct Stepped {
    worker: Worker,
    job: Option<Job>,
    done: Option<Result<Done, StoreError>>,
}

impl Writer {
    pub(crate) fn start(worker: Worker) -> Self {
        let (jobs, incoming) = sync_channel::<Job>(1);
        let (outgoing, results) = sync_channel(1);
        let (durable, urgency) = (worker.durable.clone(), worker.urgency.clone());
        let run = move || {
            for job in incoming {
                if outgoing.send(worker.work(job)).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new().name("store".to_owned()).spawn(run).ok();
        let link = Link::Thread { jobs: Some(jobs), results, thread };
        Self { link, is_busy: false, urgency, durable }
    }

    #[cfg(feature = "simulation")]
    pub(crate) fn stepped(worker: Worker) -> Self {
        let (durable, urgency) = (worker.durable.clone(), worker.urgency.clone());
        let link = Link::Stepped(Box::new(Stepped { worker, job: None, done: None }));
        Self { link, is_busy: false, urgency, durable }
    }

    pub(crate) fn durable(&self) -> Durable {
        self.durable.clone()
    }

    /// Hands a job over. The writer must not be busy.
    pub(crate) fn give(&mut self, new: Job) -> Result<(), StoreError> {
        match &mut self.link {
            Link::Thread { jobs, .. } => {
                self.urgency.set(false);
                let jobs = jobs.as_ref().ok_or(StoreError::WriterGone)?;
                jobs.send(new).map_err(|_| StoreError::WriterGone)?;
            }
            #[cfg(feature = "simulation")]
            Link::Stepped(stepped) => {
                // By whoever takes the step.
                self.urgency.set(true);
                stepped.job = Some(new);
            }
        }
        self.is_busy = true;
        Ok(())
    }

    /// Does the job that was handed over.
    #[cfg(feature = "simulation")]
    pub(crate) fn step(&mut self) {
        if let Link::Stepped(stepped) = &mut self.link
            && let Some(job) = stepped.job.take()
        {
            stepped.done = Some(stepped.worker.work(job));
        }
    }

    /// What the next step does.
    #[cfg(feature = "simulation")]
    pub(crate) fn next_step(&self) -> Option<crate::simulated::Stage> {
        let Link::Stepped(stepped) = &self.link else { return None };
        Some(match stepped.job.as_ref()? {
            Job::Commit(_) => crate::simulated::Stage::Committing,
            Job::Snapshot(_) => crate::simulated::Stage::Snapshotting,
        })
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// What was done, if it is done.
    pub(crate) fn poll(&mut self) -> Result<Option<Done>, StoreError> {
        self.result_within(Duration::ZERO)
    }

    /// What is on its way is done as fast as can be from now on.
    pub(crate) fn hurry(&self) {
        self.urgency.set(true);
    }

    /// Waits for what is on its way.
    pub(crate) fn wait(&mut self) -> Result<Option<Done>, StoreError> {
        self.wait_at_most(Duration::MAX)
    }

    /// What was done, if it is done within this time.
    pub(crate) fn wait_at_most(&mut self, limit: Duration) -> Result<Option<Done>, StoreError> {
        #[cfg(feature = "simulation")]
        self.step();
        self.hurry();
        self.result_within(limit)
    }

    fn result_within(&mut self, limit: Duration) -> Result<Option<Done>, StoreError> {
        if !self.is_busy {
            return Ok(None);
        }
        let result = match &mut self.link {
            Link::Thread { results, .. } => match results.recv_timeout(limit) {
                Ok(result) => result,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(StoreError::WriterGone),
            },
            #[cfg(feature = "simulation")]
            Link::Stepped(stepped) => match stepped.done.take() {
                Some(result) => result,
                None => return Ok(None),
            },
        };
        self.is_busy = false;
        result.map(Some)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.hurry();
        #[cfg_attr(not(feature = "simulation"), allow(irrefutable_let_patterns, reason = "one link without"))]
        if let Link::Thread { jobs, thread, .. } = &mut self.link {
            *jobs = None;
            if let Some(thread) = thread.take() {
                // A panic of the thread was seen as `WriterGone` by whoever waited for it.
                let _ = thread.join();
            }
        }
    }
}
