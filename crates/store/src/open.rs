//! From a data directory to a store that is proved whole, whatever was left there: the current
//! generation, else the newest snapshot that is whole, else nothing and a recount.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel, sync_channel};
use std::time::Duration;

use counters::Counters;

use crate::checkpoint::{Checkpoint, Position};
use crate::database::{Bytes, Rows};
use crate::digest::Digest;
use crate::error::{Damage, OpenError, StoreError};
use crate::generation::{Current, DataDir, Generation};
use crate::held::{Held, Opened, Ready};
use crate::keys::CHECKPOINT_KEY;
use crate::load::{LoadError, Loaded, load};
use crate::marker::State;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::snapshot::{self, ReadError, Shelf, SnapshotFile};
use crate::walk::Walked;

/// So many processes may end while they open a store before it is not opened again.
const MOST_OPENINGS: u32 = 3;
/// How often to look whether the disk has room.
const SPACE_LOOK: Duration = Duration::from_millis(100);
/// Rows of a snapshot go from the thread that reads to the one that writes in chunks of about so many
/// bytes.
pub(crate) const FILL_BYTES: usize = 1 << 16;
/// So many chunks may wait to be written.
const CHUNKS_WAITING: usize = 64;

/// What opening needs.
pub(crate) struct Opening<'a> {
    pub(crate) data_dir: &'a DataDir,
    pub(crate) options: &'a Options,
    pub(crate) metrics: &'a Metrics,
    /// Told what takes long.
    pub(crate) progress: &'a (dyn Fn(&str) + Sync),
}

impl Opening<'_> {
    /// A panic of the database is an error like any other, whatever it was doing.
    pub(crate) fn open(&self) -> Result<Opened, OpenError> {
        catch_unwind(AssertUnwindSafe(|| self.open_any())).unwrap_or_else(|panic| {
            Err(store_open_error(self.data_dir.path(), StoreError::Panicked(message(&*panic))))
        })
    }

    fn open_any(&self) -> Result<Opened, OpenError> {
        // What an earlier process did not finish may be what fills the disk.
        self.data_dir.remove_unfinished()?;
        let shelf = self.data_dir.shelf()?;
        self.wait_for_space();
        let ready = match (self.data_dir.current()?, self.data_dir.newest()?) {
            (Current::Named(generation), _) => self.existing(&generation, &shelf)?,
            (found, Some(generation)) => {
                tracing::error!(
                    ?found,
                    generation = generation.number,
                    "the file current names no store: opening the newest"
                );
                let ready = self.existing(&generation, &shelf)?;
                self.data_dir.finish(&ready.held.generation)?;
                ready
            }
            (Current::Nothing, None) if self.snapshots(&shelf)?.is_empty() => {
                self.begin(Position::default())?
            }
            (Current::Nothing, None) => self.recover(&shelf, "there is none")?,
            (Current::Unreadable(found), None) => {
                self.recover(&shelf, &format!("current says {found:?}, and there is none"))?
            }
        };
        Ok(Opened { ready, shelf })
    }

    /// Opens a generation, whole or not at all.
    pub(crate) fn generation(&self, generation: Generation) -> Result<Result<Ready, Damage>, OpenError> {
        let lock = generation.lock()?;
        let (marker, state) = generation.marker()?;
        let held = Held::of(generation, marker, lock);
        let before = match &state {
            State::Dirty(reason) => return Ok(Err(Damage::Dirty(reason.clone()))),
            State::Opening(times) if *times >= MOST_OPENINGS => return Ok(Err(Damage::OpeningDied(*times))),
            State::Opening(times) => *times,
            State::Closed | State::Open => 0,
        };
        held.set(&State::Opening(before + 1))?;
        tracing::info!(generation = held.generation.number, before = %state, "opening the store");
        (self.progress)("opening the store");
        match self.try_open(&held.generation.path) {
            Ok((rows, loaded)) => {
                held.set(&State::Open)?;
                Ok(Ok(Ready { rows, held, loaded }))
            }
            Err(LoadError::Damage(damage)) => Ok(Err(damage)),
            Err(LoadError::Refused(refused)) => {
                held.set(&State::Closed)?;
                Err(refused)
            }
        }
    }

    fn existing(&self, generation: &Generation, shelf: &Shelf) -> Result<Ready, OpenError> {
        let damage = match self.generation(generation.clone())? {
            Ok(ready) => {
                if self.snapshots(shelf)?.first().is_none_or(|newest| !is_better(newest, &ready.loaded)) {
                    return Ok(ready);
                }
                drop(ready);
                self.data_dir.abandon(generation)?;
                return self.recover(shelf, "it was lost, and nothing was counted since");
            }
            Err(damage) => damage,
        };
        let kept = self.options.quarantines_kept;
        let (place, removed) = self.data_dir.quarantine(generation, &damage.to_string(), kept)?;
        self.metrics.quarantined.inc();
        self.metrics.quarantines_removed.inc_by(removed);
        tracing::error!(reason = %damage, moved_to = %place.display(), "the store can't be used");
        self.recover(shelf, &format!("it was not usable ({damage}) and is now in {}", place.display()))
    }

    /// Opens the database, loads it whole, and brings it to the disk: what the process before wrote
    /// last may not be there yet, and is durable from now on.
    fn try_open(&self, path: &Path) -> Result<(Arc<dyn Rows>, Loaded), LoadError> {
        let rows = self.open_database(path)?;
        let load = || load(&*rows, self.data_dir.path(), self.options.policies);
        let loaded = catch_unwind(AssertUnwindSafe(load));
        let loaded = loaded.unwrap_or_else(|panic| Err(Damage::Panicked(message(&*panic)).into()))?;
        rows.sync().map_err(|error| {
            let error = match error {
                StoreError::Sled(error) => error,
                StoreError::Sync(error) => std::io::Error::new(error.kind(), error.to_string()).into(),
                other => std::io::Error::other(other.to_string()).into(),
            };
            sled_load_error(path, error)
        })?;
        Ok((rows, loaded))
    }

    /// On a thread of its own, which is left alone if it does not come back.
    fn open_database(&self, path: &Path) -> Result<Arc<dyn Rows>, LoadError> {
        let (database, directory) = (self.options.database.clone(), path.to_owned());
        let (sender, opened) = channel();
        let open = move || {
            let opened = catch_unwind(AssertUnwindSafe(|| database.open(&directory)));
            // Nobody waits any more if this fails.
            let _ = sender.send(opened);
        };
        let thread = std::thread::Builder::new().name("store-open".to_owned()).spawn(open);
        thread.map_err(|error| LoadError::Refused(sled_open_error(path, sled::Error::Io(error))))?;
        match opened.recv_timeout(self.options.open_timeout) {
            Ok(Ok(Ok(rows))) => Ok(rows),
            Ok(Ok(Err(error))) => Err(sled_load_error(path, error)),
            Ok(Err(panic)) => Err(Damage::Panicked(message(&*panic)).into()),
            Err(RecvTimeoutError::Timeout) => Err(Damage::TimedOut(self.options.open_timeout).into()),
            Err(RecvTimeoutError::Disconnected) => Err(Damage::Panicked("without a word".to_owned()).into()),
        }
    }

    /// Puts the newest whole snapshot in place of the store; without one, nothing. `store` tells
    /// what became of that.
    fn recover(&self, shelf: &Shelf, store: &str) -> Result<Ready, OpenError> {
        let mut refused = None;
        for file in self.snapshots(shelf)? {
            tracing::warn!(store, sequence = file.sequence, path = %file.path.display(), "recovering from a snapshot");
            (self.progress)(&format!("recovering from the snapshot of sequence {}", file.sequence));
            let generation = self.data_dir.begin()?;
            match self.fill(&generation, &file) {
                Ok((rows, loaded)) => {
                    let ready = self.finish(generation, rows, loaded)?;
                    tracing::warn!(
                        sequence = file.sequence,
                        generation = ready.held.generation.number,
                        "recovered from a snapshot"
                    );
                    self.metrics.recovered("snapshot");
                    return Ok(ready);
                }
                Err(FillError::Snapshot(error)) => {
                    tracing::error!(%error, "this snapshot can't be used");
                    self.data_dir.abandon(&generation)?;
                    match error {
                        ReadError::Damaged { path, .. } => {
                            self.metrics.snapshots_damaged.inc();
                            let aside = shelf.put_aside(&file, self.options.quarantines_kept);
                            aside.map_err(|error| OpenError::Io { path, error })?;
                        }
                        // That says nothing against it, and an older one may fit.
                        ReadError::Refused(why) => refused = refused.or(Some(*why)),
                        ReadError::Io { path, error } if is_refused(&error) => {
                            return Err(OpenError::Io { path, error });
                        }
                        ReadError::Io { .. } => {}
                    }
                }
                Err(FillError::Store(error)) => {
                    self.data_dir.abandon(&generation)?;
                    return Err(error);
                }
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        let why = format!(
            "the store can't be used: {store}; no snapshot of it in {} can either",
            shelf.directory().display()
        );
        tracing::error!(
            "recovering without a snapshot: {why}. The stream is counted from its first sequence"
        );
        self.metrics.recovered("nothing");
        self.begin(Position { recount: Some(why), ..Position::default() })
    }

    /// A new store has a checkpoint before `current` names it.
    fn begin(&self, position: Position) -> Result<Ready, OpenError> {
        let generation = self.data_dir.begin()?;
        let (rows, loaded) = self.empty(&generation, position)?;
        self.finish(generation, rows, loaded)
    }

    /// A store in which nothing is counted.
    pub(crate) fn empty(
        &self,
        generation: &Generation,
        position: Position,
    ) -> Result<(Arc<dyn Rows>, Loaded), OpenError> {
        let policies = self.options.policies;
        let counters = Counters::new(policies);
        let checkpoint = Checkpoint {
            policies,
            position,
            digest: Digest::default(),
            outbox: Digest::default(),
            next_room: counters.next_room(),
            next_user: counters.next_user(),
        };
        let store_error = |error| sled_open_error(&generation.path, error);
        let rows = self.options.database.open(&generation.path).map_err(store_error)?;
        seal(&*rows, &checkpoint).map_err(|error| store_open_error(&generation.path, error))?;
        Ok((rows, Loaded { counters, checkpoint, walked: Walked::default() }))
    }

    /// Reads the file once: one thread loads it, another writes its rows.
    pub(crate) fn fill(
        &self,
        generation: &Generation,
        file: &SnapshotFile,
    ) -> Result<(Arc<dyn Rows>, Loaded), FillError> {
        let path = &generation.path;
        std::thread::scope(|scope| {
            let (sender, chunks) = sync_channel::<Vec<(Bytes, Bytes)>>(CHUNKS_WAITING);
            let filler = scope.spawn(move || -> Result<Arc<dyn Rows>, sled::Error> {
                let rows = self.options.database.open(path)?;
                for chunk in chunks {
                    self.wait_for_space();
                    rows.fill(chunk)?;
                }
                Ok(rows)
            });
            let (mut chunk, mut bytes) = (Vec::new(), 0);
            let loaded =
                snapshot::read(&file.path, self.data_dir.path(), self.options.policies, |key, value| {
                    if *key != CHECKPOINT_KEY {
                        bytes += key.len() + value.len();
                        chunk.push((key.into(), value.into()));
                    }
                    if bytes >= FILL_BYTES {
                        bytes = 0;
                        // The filler tells why it ended.
                        let _ = sender.send(std::mem::take(&mut chunk));
                    }
                });
            let _ = sender.send(chunk);
            drop(sender);
            let filled = filler
                .join()
                .unwrap_or_else(|panic| Err(sled::Error::Io(std::io::Error::other(message(&*panic)))));
            let rows = filled.map_err(|error| FillError::Store(sled_open_error(path, error)));
            let loaded = loaded.map_err(FillError::Snapshot)?;
            let rows = rows?;
            seal(&*rows, &loaded.checkpoint)
                .map_err(|error| FillError::Store(store_open_error(path, error)))?;
            Ok((rows, loaded))
        })
    }

    /// The generation takes its place.
    fn finish(
        &self,
        generation: Generation,
        rows: Arc<dyn Rows>,
        loaded: Loaded,
    ) -> Result<Ready, OpenError> {
        let held = Held::new(generation)?;
        self.data_dir.finish(&held.generation)?;
        Ok(Ready { rows, held, loaded })
    }

    fn snapshots(&self, shelf: &Shelf) -> Result<Vec<SnapshotFile>, OpenError> {
        shelf.snapshots().map_err(|error| OpenError::Io { path: shelf.directory().to_owned(), error })
    }

    /// Sled never meets a full disk: not when it opens either.
    fn wait_for_space(&self) {
        let reserve = self.options.reserve_bytes;
        let mut is_told = false;
        while let Some(free) =
            self.options.database.free_bytes(self.data_dir.path()).ok().filter(|free| *free < reserve)
        {
            if !is_told {
                let why = format!(
                    "the disk of {} has {free} bytes left, less than store.reserve_bytes = {reserve}: waiting for space",
                    self.data_dir.path().display()
                );
                tracing::error!("{why}");
                (self.progress)(&why);
                is_told = true;
            }
            std::thread::sleep(SPACE_LOOK);
        }
    }
}

/// A store in which nothing was counted, because it had to begin with nothing, gives way to a snapshot that somebody
/// brought meanwhile.
fn is_better(snapshot: &SnapshotFile, loaded: &Loaded) -> bool {
    let position = &loaded.checkpoint.position;
    position.recount.is_some() && snapshot.sequence > position.applied
}

/// What the operating system refuses says nothing of what is in the files.
fn is_refused(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let refuses = [OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull];
    /// ENFILE and EMFILE.
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    let is_short_of_files = error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code));
    is_short_of_files || refuses.contains(&error.kind())
}

fn sled_load_error(path: &Path, error: sled::Error) -> LoadError {
    match &error {
        sled::Error::Io(io) if is_refused(io) => LoadError::Refused(sled_open_error(path, error)),
        _ => error.into(),
    }
}

/// Why a generation was not filled.
pub(crate) enum FillError {
    Snapshot(ReadError),
    Store(OpenError),
}

/// The checkpoint comes last: without one, rows are no store.
pub(crate) fn seal(rows: &dyn Rows, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    rows.apply(vec![(CHECKPOINT_KEY.to_vec(), Some(checkpoint.to_row().into()))])?;
    rows.sync()
}

pub(crate) fn sled_open_error(path: &Path, error: sled::Error) -> OpenError {
    OpenError::Sled { path: path.to_owned(), error }
}

pub(crate) fn store_open_error(path: &Path, error: StoreError) -> OpenError {
    match error {
        StoreError::Sled(error) => sled_open_error(path, error),
        other => OpenError::Io { path: path.to_owned(), error: std::io::Error::other(other) },
    }
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
