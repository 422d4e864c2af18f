//! What the store needs of a database: sorted rows that change in atomic batches. Sled is one; the
//! simulation's is another, which forgets what was not synced when told to.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashSet;
use parking_lot::Mutex;

use crate::error::StoreError;
use crate::generation::sync_dir;

/// A key or a value.
pub type Bytes = sled::IVec;
/// Rows by ascending key.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<(Bytes, Bytes), sled::Error>> + 'a>;
/// What one atomic batch does: keys with their new values, or with none to be removed.
pub type RowChanges = Vec<(Vec<u8>, Option<Arc<[u8]>>)>;

/// Where databases come from.
pub trait Database: fmt::Debug + Send + Sync {
    /// Opens the database in a directory, or makes it.
    fn open(&self, directory: &Path) -> Result<Arc<dyn Rows>, sled::Error>;

    /// How many bytes may still be written where the directory is.
    fn free_bytes(&self, directory: &Path) -> io::Result<u64>;
}

/// One open database. Reads and batches are safe together.
pub trait Rows: fmt::Debug + Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, sled::Error>;

    /// All rows from a key on.
    fn scan(&self, from: &[u8]) -> Scan<'_>;

    /// Makes all changes or none.
    fn apply(&self, changes: RowChanges) -> Result<(), sled::Error>;

    /// Adds rows to a database that is being made: some may be there without the others.
    fn fill(&self, rows: Vec<(Bytes, Bytes)>) -> Result<(), sled::Error>;

    /// Returns when the device has everything.
    fn sync(&self) -> Result<(), StoreError>;
}

/// All rows whose keys begin with `prefix`.
pub(crate) fn scan_prefix<'a>(rows: &'a dyn Rows, prefix: &'a [u8]) -> Scan<'a> {
    let is_within = move |row: &Result<(Bytes, Bytes), _>| {
        row.as_ref().map_or(true, |(key, _): &(Bytes, Bytes)| key.starts_with(prefix))
    };
    Box::new(rows.scan(prefix).take_while(is_within))
}

/// Databases in files.
#[derive(Debug, Clone, Copy)]
pub struct Sled {
    /// What sled is told to use as cache, in bytes. It takes about ten times as much.
    pub cache_bytes: u64,
}

/// How long sled may take to let go of its files.
const LETTING_GO: Duration = Duration::from_secs(10);

impl Database for Sled {
    /// We hold the lock of the data directory, so if sled's own lock is taken, it is by a store that
    /// this process closed a moment ago: threads of sled may keep it open a little longer.
    fn open(&self, directory: &Path) -> Result<Arc<dyn Rows>, sled::Error> {
        remove_unfinished_maps(directory)?;
        let start = Instant::now();
        loop {
            let config = sled::Config::new().path(directory).cache_capacity(self.cache_bytes);
            match config.flush_every_ms(None).open() {
                // The database dereferences to its default tree, and a clone of that keeps it open.
                Ok(db) => {
                    // Sled writes it when it makes a database, and never syncs it: a power cut that
                    // leaves half of it makes the next opening fail.
                    File::open(directory.join("conf"))?.sync_all()?;
                    sync_dir(directory)?;
                    return Ok(Arc::new(SledRows {
                        tree: (*db).clone(),
                        path: directory.to_owned(),
                        synced_blobs: Mutex::default(),
                    }));
                }
                Err(sled::Error::Io(error))
                    if error.to_string().contains("could not acquire lock")
                        && start.elapsed() < LETTING_GO =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn free_bytes(&self, directory: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(directory)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// A process that dies while sled opens leaves half of a map of its pages behind, over which the
/// next open fails. Sled makes it again from what it has in whole.
fn remove_unfinished_maps(directory: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_unfinished =
            name.to_str().is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating"));
        if is_unfinished {
            tracing::warn!(file = %entry.path().display(), "removed what an interrupted opening left behind");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Frees what a batch of so many rows has put out of use: whole pages of sled's tree, for each row one or more. Left
/// alone, sled frees it some batches later, and in a replay a batch can leave gigabytes. Its `pin` is not in its
/// documentation, but is the one way to its own collector, whatever version of that it was built with.
fn free_replaced(rows: usize) {
    // Pieces are freed in the order in which they were put out of use, and this is the last of them.
    let is_freed = Arc::new(AtomicBool::new(false));
    let last = is_freed.clone();
    sled::pin().defer(move || last.store(true, Ordering::Relaxed));
    // Somebody who reads in the meantime delays it; then the rest is freed with the next batch.
    for _ in 0..rows / ROWS_FREED_AT_ONCE + LEAST_ATTEMPTS {
        sled::pin().flush();
        if is_freed.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Fewer than 512 pieces belong to so many rows.
const ROWS_FREED_AT_ONCE: usize = 16;
/// Two or three are needed before anything is freed.
const LEAST_ATTEMPTS: usize = 64;

#[derive(Debug)]
struct SledRows {
    tree: sled::Tree,
    path: PathBuf,
    synced_blobs: Mutex<HashSet<OsString>>,
}

impl SledRows {
    /// A page of rows that together are longer than a quarter of a segment is a file of its own, written once, which
    /// sled never syncs.
    fn sync_blobs(&self) -> io::Result<()> {
        let directory = self.path.join("blobs");
        let mut synced = self.synced_blobs.lock();
        let mut found = HashSet::new();
        for entry in fs::read_dir(&directory)? {
            let name = entry?.file_name();
            if !synced.contains(&name) {
                match File::open(directory.join(&name)) {
                    Ok(blob) => blob.sync_all()?,
                    // Sled needs it no more.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
            }
            found.insert(name);
        }
        if !found.is_subset(&synced) {
            sync_dir(&directory)?;
        }
        *synced = found;
        Ok(())
    }
}

impl Rows for SledRows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, sled::Error> {
        self.tree.get(key)
    }

    fn scan(&self, from: &[u8]) -> Scan<'_> {
        Box::new(self.tree.range(from..))
    }

    fn apply(&self, changes: RowChanges) -> Result<(), sled::Error> {
        let mut batch = sled::Batch::default();
        let rows = changes.len();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, &*value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch)?;
        free_replaced(rows);
        Ok(())
    }

    /// In order, as a batch would not: that takes half the time.
    fn fill(&self, rows: Vec<(Bytes, Bytes)>) -> Result<(), sled::Error> {
        for (key, value) in rows {
            self.tree.insert(key, value)?;
        }
        Ok(())
    }

    /// Sled's own flush only starts the transfer; the device has it after a sync of the same file.
    fn sync(&self) -> Result<(), StoreError> {
        self.tree.flush()?;
        let sync = || {
            self.sync_blobs()?;
            File::open(self.path.join("db"))?.sync_all()?;
            sync_dir(&self.path)
        };
        sync().map_err(|error| StoreError::Sync(Arc::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Others that use sled in this process may delay it, so that it is not held against one batch.
    #[test]
    fn what_a_batch_puts_out_of_use_is_freed_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let rows = Sled { cache_bytes: 1 << 20 }.open(directory.path()).unwrap();
        let frees_at_once = |batch: u8| {
            let is_freed = Arc::new(AtomicBool::new(false));
            let freed = is_freed.clone();
            sled::pin().defer(move || freed.store(true, Ordering::Relaxed));
            let value: Arc<[u8]> = vec![batch; 100].into();
            let changes = (0..2_000_u32).map(|key| (key.to_be_bytes().to_vec(), Some(value.clone())));
            rows.apply(changes.collect()).unwrap();
            is_freed.load(Ordering::Relaxed)
        };
        assert!((0..20).any(frees_at_once), "nothing was freed with any batch");
    }
}
