//! The store as its one owner sees it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use counters::{Counters, Policies, Remember, Remembered, RoomIndex};
use events::MessageKey;

use crate::checkpoint::{Checkpoint, Position};
use crate::commit::{Commit, UserBits};
use crate::digest::{self, Digest};
use crate::digests::Digests;
use crate::error::{Damage, OpenError, StoreError};
use crate::generation::{DataDir, Generation};
use crate::ids::Ids;
use crate::keys::{CHECKPOINT_KEY, Key};
use crate::load::{Loaded, load};
use crate::metrics::Metrics;
use crate::outbox::{DeadLetter, Outbox};
use crate::writer::{Batch, Durable, Writer, bring_to_disk};

/// Where a store is and how much memory it may take.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory; made if it is not there.
    pub data_dir: PathBuf,
    /// The policies under which events are counted.
    pub policies: Policies,
    /// Memory for remembered message ids, in bytes. One room's window stays in memory even if it
    /// alone is larger.
    pub id_cache_bytes: usize,
    /// What sled is told to use as cache, in bytes. It takes about ten times as much.
    pub sled_cache_bytes: u64,
}

/// The durable copy of the counters, and the message ids they remember.
///
/// Whoever owns it applies events one by one: [`find`](Self::find), `Counters::apply`, then
/// [`remember`](Self::remember) or [`forget`](Self::forget); and calls [`commit`](Self::commit)
/// now and then.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
    tree: sled::Tree,
    policies: Policies,
    position: Position,
    digests: Digests,
    user_bits: UserBits,
    ids: Ids,
    outbox: Outbox,
    /// Dead letters of no commit yet.
    letters: Vec<(Key, Vec<u8>)>,
    letter_bytes: usize,
    stale: Vec<Key>,
    generation: Generation,
    /// Let go of last, when all else is closed.
    _data_dir: DataDir,
}

impl Store {
    /// Opens the store that `data_dir/current` names, or makes a new one; loads it whole, and
    /// proves by its digest that it is what was committed.
    pub fn open(options: &Options, metrics: &Metrics) -> Result<(Self, Counters), OpenError> {
        let data_dir = DataDir::open(&options.data_dir)?;
        Self::open_into(Counters::new(options.policies), data_dir, options, metrics)
    }

    /// As [`open`](Self::open), into counters that are still as `Counters::new` made them: so that
    /// there can be readers before there is anything to read. `data_dir` was taken before, so that
    /// whoever comes second learns of it before anything else.
    pub fn open_into(
        counters: Counters,
        data_dir: DataDir,
        options: &Options,
        metrics: &Metrics,
    ) -> Result<(Self, Counters), OpenError> {
        let generation = data_dir.generation()?;
        let path = generation.path.clone();
        let tree = open_tree(&path, options.sled_cache_bytes)?;
        let loaded = load(&tree, &options.data_dir, counters)?;
        if loaded.is_new && generation.is_current {
            let path = options.data_dir.clone();
            return Err(OpenError::Damaged { path, what: Damage::NoCheckpoint });
        }
        let Loaded { counters, position, digests, user_bits, outbox, stale, unpaged, is_new: _ } = loaded;
        let store = Self {
            writer: Writer::start(tree.clone(), &path, position.applied, metrics.clone()),
            policies: options.policies,
            position,
            digests,
            user_bits,
            ids: Ids::new(options.policies.message_window, options.id_cache_bytes, unpaged, metrics.clone()),
            outbox: Outbox::new(tree.clone(), outbox),
            letters: Vec::new(),
            letter_bytes: 0,
            stale,
            tree,
            generation,
            _data_dir: data_dir,
        };
        if !store.generation.is_current {
            store.begin(&counters)?;
        }
        Ok((store, counters))
    }

    /// A new store has a checkpoint before `current` names it.
    fn begin(&self, counters: &Counters) -> Result<(), OpenError> {
        let path = &self.generation.path;
        let row = self.checkpoint(counters, Position::default()).to_row();
        let written = self.tree.insert(CHECKPOINT_KEY, row);
        written.map_err(|error| OpenError::Sled { path: path.clone(), error })?;
        bring_to_disk(&self.tree, path).map_err(|error| match error {
            StoreError::Sled(error) => OpenError::Sled { path: path.clone(), error },
            other => OpenError::Io { path: path.clone(), error: std::io::Error::other(other) },
        })?;
        self._data_dir.make_current(&self.generation)
    }

    fn checkpoint(&self, counters: &Counters, position: Position) -> Checkpoint {
        let (digest, next_room) = (self.digests.total(), counters.next_room());
        Checkpoint { policies: self.policies, position, digest, next_room }
    }

    /// The position of the last commit, on disk or on its way there.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The sequence up to which everything is on disk.
    pub fn durable(&self) -> Durable {
        self.writer.durable()
    }

    /// The digest of the facts at the last commit, and of all ids remembered since.
    pub fn digest(&self) -> Digest {
        self.digests.total()
    }

    /// The number of the generation that is open.
    pub fn generation(&self) -> u64 {
        self.generation.number
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
        self.ids.find(&self.tree, room, posted, key)
    }

    /// Remembers the id of the message that was just posted.
    pub fn remember(&mut self, counters: &Counters, remember: &Remember) -> Result<(), StoreError> {
        let Some((tenant, room)) = counters.room_name(remember.room) else { return Ok(()) };
        let forgotten = self.ids.remember(&self.tree, remember)?;
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
        *position != self.position
            || !self.letters.is_empty()
            || self.outbox.has_stored()
            || !self.stale.is_empty()
    }

    /// Whether the last commit is still on its way to the disk. An error is final: what is on disk
    /// is not known any more.
    pub fn is_busy(&mut self) -> Result<bool, StoreError> {
        self.writer.is_busy(|| self.ids.written())
    }

    /// Waits until the last commit is on disk.
    pub fn wait(&mut self) -> Result<(), StoreError> {
        self.writer.wait(|| self.ids.written())
    }

    /// Hands everything that changed since the last commit, and the position that belongs to it,
    /// to the writing thread. First waits for the last commit, if that is still on its way.
    pub fn commit(&mut self, counters: &mut Counters, position: Position) -> Result<(), StoreError> {
        self.wait()?;
        let pages = self.ids.take_changes();
        let mut batch = Batch { sequence: position.applied, written: pages.written, ..Batch::default() };
        batch.removed = pages.removed;
        batch.removed.append(&mut self.stale);
        batch.removed.extend(self.outbox.take_stored().into_iter().map(Key::Outbox));
        batch.written.extend(self.letters.drain(..).map(|(key, row)| (key, row.into())));
        self.letter_bytes = 0;
        let changes = counters.take_changes();
        let (digests, user_bits) = (&mut self.digests, &mut self.user_bits);
        let mut batch = Commit { counters, changes, digests, user_bits, batch }.batch();
        let checkpoint = self.checkpoint(counters, position.clone());
        batch.written.push((Key::Checkpoint, checkpoint.to_row().into()));
        self.position = position;
        self.writer.write(batch)
    }
}

/// How long sled may take to let go of its files.
const LETTING_GO: Duration = Duration::from_secs(10);

/// We hold the lock of the data directory, so if sled's own lock is taken, it is by a store that
/// this process closed a moment ago: threads of sled may keep it open a little longer.
fn open_tree(path: &Path, cache_bytes: u64) -> Result<sled::Tree, OpenError> {
    let start = Instant::now();
    loop {
        let config = sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None);
        match config.open() {
            // The database dereferences to its default tree, and a clone of that keeps it open.
            Ok(db) => return Ok((*db).clone()),
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock") && start.elapsed() < LETTING_GO =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(OpenError::Sled { path: path.to_owned(), error }),
        }
    }
}
