//! The store's database in files: sled, and beside it the batch that is being made.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashSet;
use parking_lot::Mutex;

use super::batch_file::BatchFile;
use super::{Bytes, Database, RowChanges, Rows, Scan};
use crate::error::StoreError;
use crate::generation::sync_dir;

/// Databases in files.
#[derive(Debug, Clone, Copy)]
pub struct Sled {
    /// What sled is told to use as cache, in bytes. It takes about ten times as much.
    pub cache_bytes: u64,
}

/// How long sled may take to let go of its files.
const LETTING_GO: Duration = Duration::from_secs(10);

impl Database for Sled {
    fn open(&self, directory: &Path) -> Result<Arc<dyn Rows>, sled::Error> {
        Ok(Arc::new(self.open_rows(directory)?))
    }

    fn free_bytes(&self, directory: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(directory)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl Sled {
    /// We hold the lock of the data directory, so if sled's own lock is taken, it is by a store that
    /// this process closed a moment ago: threads of sled may keep it open a little longer.
    fn open_rows(&self, directory: &Path) -> Result<SledRows, sled::Error> {
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
                    let rows = SledRows {
                        tree: (*db).clone(),
                        path: directory.to_owned(),
                        // This syncs the directory too.
                        batch: BatchFile::open(directory)?,
                        synced_blobs: Mutex::default(),
                    };
                    if let Some(changes) = rows.batch.read()? {
                        tracing::info!(rows = changes.len(), "making the last batch again");
                        rows.make(changes)?;
                    }
                    return Ok(rows);
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

#[derive(Debug)]
struct SledRows {
    tree: sled::Tree,
    path: PathBuf,
    batch: BatchFile,
    synced_blobs: Mutex<HashSet<OsString>>,
}

impl SledRows {
    /// Row by row. In order, so that a page of sled's is read once, and written once for several rows.
    fn make(&self, changes: RowChanges) -> Result<(), sled::Error> {
        for (key, value) in changes {
            match value {
                Some(value) => self.tree.insert(key, &*value)?,
                None => self.tree.remove(key)?,
            };
        }
        Ok(())
    }

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

    fn apply(&self, mut changes: RowChanges) -> Result<(), sled::Error> {
        // Where a key is there twice, the last one counts: so this has to keep their order.
        changes.sort_by(|(key, _), (other, _)| key.cmp(other));
        self.batch.write(&changes)?;
        self.make(changes)
    }

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
            sync_dir(&self.path)?;
            self.batch.clear()
        };
        sync().map_err(|error| StoreError::Sync(Arc::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &Path) -> SledRows {
        Sled { cache_bytes: 1 << 20 }.open_rows(directory).unwrap()
    }

    fn all(rows: &SledRows) -> Vec<(Vec<u8>, Vec<u8>)> {
        rows.scan(&[]).map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
    }

    fn changes(rows: std::ops::Range<u8>, value: Option<u8>) -> RowChanges {
        rows.map(|row| (vec![row], value.map(|value| vec![value; 50].into()))).collect()
    }

    #[test]
    fn a_batch_that_was_half_made_is_made_again() {
        for made in 0..=60 {
            let directory = tempfile::tempdir().unwrap();
            let rows = open(directory.path());
            rows.apply(changes(0..60, Some(1))).unwrap();
            rows.sync().unwrap();
            // As `apply`, until the process dies.
            let batch = [changes(0..20, None), changes(20..60, Some(2))].concat();
            rows.batch.write(&batch).unwrap();
            rows.make(batch[..made].to_vec()).unwrap();
            drop(rows);
            let expected: Vec<_> = (20..60).map(|row| (vec![row], vec![2; 50])).collect();
            assert_eq!(all(&open(directory.path())), expected, "after {made} of 60");
        }
    }

    #[test]
    fn of_changes_of_the_same_row_the_last_one_counts() {
        let directory = tempfile::tempdir().unwrap();
        let rows = open(directory.path());
        rows.apply([changes(0..9, None), changes(0..9, Some(1)), changes(1..9, None)].concat()).unwrap();
        assert_eq!(all(&rows), [(vec![0], vec![1; 50])]);
    }
}
