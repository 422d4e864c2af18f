//! The store as its one owner sees it.

use std::sync::Arc;
use std::time::Duration;

use counters::{Counters, Policies, Remember, Remembered, RoomIndex};
use events::MessageKey;

use crate::checkpoint::{Checkpoint, Position};
use crate::commit::{Commit, UserBits};
use crate::compact::Compaction;
use crate::database::Rows;
use crate::digest::{self, Digest};
use crate::digests::Digests;
use crate::error::{OpenError, StoreError};
use crate::generation::DataDir;
use crate::held::{Held, Opened, Ready};
use crate::ids::{Ids, NumberBefore, PageChanges};
use crate::keys::Key;
use crate::load::Loaded;
use crate::marker::{Marker, State};
use crate::metrics::{Metrics, gauge};
use crate::open::Opening;
use crate::options::Options;
use crate::outbox::{DeadLetter, Outbox};
use crate::snapshot::{self, SnapshotFile};
use crate::walk::Walked;
use crate::watchdog::{Watchdog, Watched};
use crate::writer::{Batch, Done, Durable, Job, Snapshots, Worker, Writer};

/// The durable copy of the counters, and the message ids they remember.
///
/// Whoever owns it applies events one by one: [`find`](Self::find), `Counters::apply`, then
/// [`remember`](Self::remember) or [`forget`](Self::forget); and calls [`commit`](Self::commit)
/// now and then.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
    rows: Arc<dyn Rows>,
    marker: Marker,
    watchdog: Watchdog,
    options: Options,
    metrics: Metrics,
    /// Of the last commit, on disk or on its way there.
    checkpoint: Checkpoint,
    digests: Digests,
    user_bits: UserBits,
    ids: Ids,
    outbox: Outbox,
    /// Dead letters of no commit yet.
    letters: Vec<(Key, Vec<u8>)>,
    letter_bytes: usize,
    stale: Vec<Key>,
    /// The newest first.
    snapshots: Vec<SnapshotFile>,
    /// Let go of last, when all else is closed.
    held: Held,
    data_dir: DataDir,
}

impl Store {
    /// Takes the data directory, and opens the store that is there.
    pub fn open(options: &Options, metrics: &Metrics) -> Result<(Self, Counters), OpenError> {
        Self::open_in(DataDir::open(&options.data_dir)?, options, metrics, &|_| {})
    }

    /// Opens the store that is in use in this data directory, or makes a new one; loads it whole,
    /// and proves by its digest that it is what was committed. One that is not is put away, and
    /// the newest whole snapshot, or an empty store, takes its place. `progress` is told what takes
    /// long.
    pub fn open_in(
        data_dir: DataDir,
        options: &Options,
        metrics: &Metrics,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<(Self, Counters), OpenError> {
        let opened = Opening { data_dir: &data_dir, options, metrics, progress }.open()?;
        Self::of(opened, data_dir, options, metrics)
    }

    pub(crate) fn of(
        opened: Opened,
        data_dir: DataDir,
        options: &Options,
        metrics: &Metrics,
    ) -> Result<(Self, Counters), OpenError> {
        let Opened { ready: Ready { rows, held, loaded }, shelf } = opened;
        let Loaded { counters, checkpoint, walked } = loaded;
        let marker = held.marker.clone();
        let watchdog = Watchdog::new(options.write_timeout, marker.clone(), options.give_up.clone());
        let rows: Arc<dyn Rows> = Arc::new(Watched { rows, watchdog: watchdog.clone() });
        let Walked { digests, user_bits, outbox, stale, unpaged } = walked;
        let snapshots = shelf.snapshots();
        let snapshots =
            snapshots.map_err(|error| OpenError::Io { path: shelf.directory().to_owned(), error })?;
        // Those of other policies are no use to this store: it has to write its own.
        let is_own = |file: &SnapshotFile| {
            snapshot::head(&file.path).is_ok_and(|(head, _)| head.policies == options.policies)
        };
        let snapshots: Vec<SnapshotFile> = snapshots.into_iter().filter(is_own).collect();
        metrics.snapshot_sequence.set(gauge(snapshots.first().map_or(0, |newest| newest.sequence)));
        let target = Snapshots {
            shelf,
            kept: options.snapshots_kept.max(1),
            database: options.database.clone(),
            data_dir: options.data_dir.clone(),
            reserve_bytes: options.reserve_bytes,
            watchdog: watchdog.clone(),
        };
        let applied = checkpoint.position.applied;
        let worker = Worker::new(rows.clone(), marker.clone(), metrics.clone(), applied, target);
        #[cfg(feature = "simulation")]
        let writer = if options.is_stepped { Writer::stepped(worker) } else { Writer::start(worker) };
        #[cfg(not(feature = "simulation"))]
        let writer = Writer::start(worker);
        let store = Self {
            writer,
            outbox: Outbox::new(rows.clone(), marker.clone(), outbox),
            rows,
            marker,
            watchdog,
            options: options.clone(),
            metrics: metrics.clone(),
            checkpoint,
            digests,
            user_bits,
            ids: Ids::new(options.policies.message_window, options.id_cache_bytes, unpaged, metrics.clone()),
            letters: Vec::new(),
            letter_bytes: 0,
            stale,
            snapshots,
            held,
            data_dir,
        };
        Ok((store, counters))
    }

    /// The position of the last commit, on disk or on its way there.
    pub fn position(&self) -> &Position {
        &self.checkpoint.position
    }

    /// The sequence up to which everything is on disk.
    pub fn durable(&self) -> Durable {
        self.writer.durable()
    }

    /// The digest of the facts at the last commit.
    pub fn digest(&self) -> Digest {
        self.checkpoint.digest
    }

    /// The snapshots there are, the newest first.
    pub fn snapshots(&self) -> &[SnapshotFile] {
        &self.snapshots
    }

    /// The number of the generation that is open.
    pub fn generation(&self) -> u64 {
        self.held.generation.number
    }

    /// The policies under which events are counted.
    pub fn policies(&self) -> Policies {
        self.options.policies
    }

    /// Dead letters on their way.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// What is remembered of the message id that an event names; whether it is still known is for
    /// `Counters::apply` to say.
    pub fn find(
        &mut self,
        counters: &Counters,
        room: RoomIndex,
        key: &MessageKey,
    ) -> Result<Option<Remembered>, StoreError> {
        let posted = counters.posted_count(room);
        let found = self.ids.find(&*self.rows, room, posted, key);
        found.inspect_err(|error| self.marker.dirty(&error.to_string()))
    }

    /// The last number of a room whose time (rule 18) is before this one.
    pub fn number_before(
        &self,
        counters: &Counters,
        room: RoomIndex,
        time: u64,
    ) -> Result<NumberBefore, StoreError> {
        let found = self.ids.number_before(&*self.rows, room, counters.posted_count(room), time);
        found.inspect_err(|error| self.marker.dirty(&error.to_string()))
    }

    /// Remembers the id of the message that was just posted.
    pub fn remember(&mut self, counters: &Counters, remember: &Remember) -> Result<(), StoreError> {
        let Some((tenant, room)) = counters.room_name(remember.room) else { return Ok(()) };
        let forgotten = self.ids.remember(&*self.rows, remember);
        let forgotten = forgotten.inspect_err(|error| self.marker.dirty(&error.to_string()))?;
        let fact = digest::remembered(tenant, room, &remember.key, remember.remembered);
        self.digests.add(remember.room, fact);
        if let Some((key, remembered)) = forgotten {
            self.digests.subtract(remember.room, digest::remembered(tenant, room, &key, remembered));
        }
        Ok(())
    }

    /// The room was deleted, and its ids with it.
    pub fn forget(&mut self, room: RoomIndex) {
        self.ids.forget_room(room);
        self.digests.remove_room(room);
    }

    /// A malformed event: its copy is on its way from the next commit on.
    pub fn add_dead_letter(&mut self, letter: &DeadLetter) {
        let (key, row) = self.outbox.add(letter);
        self.letter_bytes += row.len();
        self.letters.push((key, row));
    }

    /// About how many bytes of memory the changes take that are in no commit yet.
    pub fn pending_bytes(&self, counters: &Counters) -> usize {
        counters.changes_weight() + self.ids.weight() + self.letter_bytes
    }

    /// Whether there is anything that a commit at this position would write.
    pub fn has_pending(&self, position: &Position) -> bool {
        *position != self.checkpoint.position
            || !self.letters.is_empty()
            || self.outbox.has_stored()
            || !self.stale.is_empty()
    }

    /// Whether a commit or a snapshot is still on its way to the disk. An error is final: what is on
    /// disk is not known any more.
    pub fn is_busy(&mut self) -> Result<bool, StoreError> {
        let done = self.writer.poll()?;
        self.done(done);
        Ok(self.writer.is_busy())
    }

    /// To be called when whatever is still on its way to the disk keeps something waiting. A snapshot leaves most of a
    /// processor to others otherwise.
    pub fn hurry(&self) {
        self.writer.hurry();
    }

    /// Waits until all that was handed over is on disk.
    pub fn wait(&mut self) -> Result<(), StoreError> {
        let done = self.writer.wait()?;
        self.done(done);
        Ok(())
    }

    /// As [`wait`](Self::wait), but not for longer. Says whether it is on disk.
    pub fn wait_at_most(&mut self, limit: Duration) -> Result<bool, StoreError> {
        let done = self.writer.wait_at_most(limit)?;
        self.done(done);
        Ok(!self.writer.is_busy())
    }

    fn done(&mut self, done: Option<Done>) {
        match done {
            Some(Done::Commit) => self.ids.written(),
            Some(Done::Snapshot(Some(snapshots))) => self.snapshots = snapshots,
            Some(Done::Snapshot(None)) | None => {}
        }
    }

    /// Whether the disk has room for a commit. While it has not, none should be made.
    pub fn has_space(&self) -> bool {
        // What can't be asked can't be waited for.
        let Ok(free) = self.options.database.free_bytes(self.data_dir.path()) else { return true };
        self.metrics.disk_free_bytes.set(gauge(free));
        free >= self.options.reserve_bytes
    }

    /// Hands everything that changed since the last commit, and the position that belongs to it,
    /// to the writing thread. First waits for what is still on its way.
    pub fn commit(&mut self, counters: &mut Counters, position: Position) -> Result<(), StoreError> {
        self.wait()?;
        let pages = self.ids.take_changes();
        let mut batch = Batch { sequence: position.applied, written: pages.written, ..Batch::default() };
        batch.removed = pages.removed;
        batch.removed.append(&mut self.stale);
        let (sent, letters_left) = self.outbox.take_stored();
        // Some may have been copied, by another process, before they were written here at all.
        self.letters.retain(|(key, _)| !matches!(key, Key::Outbox(sequence) if sent.contains(sequence)));
        batch.removed.extend(sent.into_iter().map(Key::Outbox));
        batch.written.extend(self.letters.drain(..).map(|(key, row)| (key, row.into())));
        self.letter_bytes = 0;
        let changes = counters.take_changes();
        let (digests, user_bits) = (&mut self.digests, &mut self.user_bits);
        let mut batch = Commit { counters, changes, digests, user_bits, batch }.batch();
        self.checkpoint = Checkpoint {
            policies: self.options.policies,
            position,
            digest: self.digests.total(),
            outbox: letters_left,
            next_room: counters.next_room(),
            next_user: counters.next_user(),
        };
        batch.written.push((Key::Checkpoint, self.checkpoint.to_row().into()));
        self.writer.give(Job::Commit(batch))
    }

    /// Writes the pages of all ids that are in rows of new ids, so that the next process needs to hold nothing of them.
    /// To be called when everything applied is committed. Waits until they are on disk.
    pub fn page_new_ids(&mut self) -> Result<(), StoreError> {
        self.wait()?;
        let PageChanges { written, removed } = self.ids.take_all();
        if written.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let sequence = self.checkpoint.position.applied;
        self.writer.give(Job::Commit(Batch { sequence, written, removed, ..Batch::default() }))?;
        self.wait()
    }

    /// Has the writing thread write a snapshot of the last commit. First waits for what is still on
    /// its way. A snapshot that can't be written is logged and counted, and no error.
    pub fn snapshot(&mut self) -> Result<(), StoreError> {
        self.wait()?;
        self.writer.give(Job::Snapshot(self.checkpoint.clone()))
    }

    /// Waits for what is on its way, and notes that the store was closed in order. A store whose files are much larger than
    /// its newest snapshot, if that is of the last commit, moves to a new generation first.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.wait()?;
        let snapshot = self.snapshots.first();
        let compaction = Compaction {
            data_dir: &self.data_dir,
            options: &self.options,
            watchdog: &self.watchdog,
            generation: &self.held.generation,
            rows: &*self.rows,
            checkpoint: &self.checkpoint,
            row_bytes: snapshot
                .filter(|newest| newest.sequence == self.position().applied)
                .map(|newest| newest.bytes),
        };
        let is_replaced = compaction.run();
        {
            let _call = self.watchdog.watch();
            self.marker.set(&State::Closed).map_err(|error| StoreError::Sync(Arc::new(error)))?;
        }
        if is_replaced {
            let (data_dir, generation) = (self.data_dir.clone(), self.held.generation.clone());
            // Sled lets go of its files before they go.
            drop(self);
            if let Err(error) = data_dir.abandon(&generation) {
                tracing::warn!(%error, "the files of the store before are still there; the next start removes them");
            }
        }
        Ok(())
    }

    /// Does what was handed to the writer.
    #[cfg(feature = "simulation")]
    pub fn step(&mut self) {
        self.writer.step();
    }

    /// What the next [`step`](Self::step) does; `None` if nothing was handed over.
    #[cfg(feature = "simulation")]
    pub fn next_step(&self) -> Option<crate::simulated::Stage> {
        self.writer.next_step()
    }
}

impl Drop for Store {
    /// Whoever owns the store may have left it half changed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.marker.dirty("the process panicked while it used the store");
        }
    }
}
