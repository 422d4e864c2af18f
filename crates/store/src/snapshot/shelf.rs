//! The directory of snapshots: what there is, and what may go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A finished snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    /// The stream sequence up to which everything is in it.
    pub sequence: u64,
    /// The length of the file.
    pub bytes: u64,
    /// The file.
    pub path: PathBuf,
}

const FINISHED: &str = ".snapshot";
const UNFINISHED: &str = ".snapshot.new";
const DAMAGED: &str = ".snapshot.damaged";

/// Snapshots are files named by their sequence, `<20 digits>.snapshot`; longer names are of such as
/// are not finished, or were found damaged.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    directory: PathBuf,
}

impl Shelf {
    /// Removes what was never finished.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let shelf = Self::at(directory);
        for path in shelf.named(UNFINISHED)? {
            fs::remove_file(path.1)?;
        }
        Ok(shelf)
    }

    /// As it is: somebody else may be writing there.
    pub(crate) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn path(&self, sequence: u64) -> PathBuf {
        self.directory.join(format!("{sequence:020}{FINISHED}"))
    }

    pub(super) fn unfinished_path(&self, sequence: u64) -> PathBuf {
        self.directory.join(format!("{sequence:020}{UNFINISHED}"))
    }

    /// Finished snapshots, the newest first.
    pub(crate) fn snapshots(&self) -> io::Result<Vec<SnapshotFile>> {
        let mut snapshots = Vec::new();
        for (sequence, path) in self.named(FINISHED)? {
            match fs::metadata(&path) {
                Ok(metadata) => snapshots.push(SnapshotFile { sequence, bytes: metadata.len(), path }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        snapshots.sort_unstable_by_key(|snapshot| std::cmp::Reverse(snapshot.sequence));
        Ok(snapshots)
    }

    /// Keeps the file for whoever wants to look into it, under a name that is no snapshot's; of
    /// such files, the newest `kept`.
    pub(crate) fn put_aside(&self, damaged: &SnapshotFile, kept: usize) -> io::Result<()> {
        let aside = self.directory.join(format!("{:020}{DAMAGED}", damaged.sequence));
        fs::rename(&damaged.path, aside)?;
        let mut aside = self.named(DAMAGED)?;
        aside.sort_unstable_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        for (_, path) in aside.into_iter().skip(kept) {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Removes all but the newest `kept` and the one just written. Returns what is left.
    pub(crate) fn trim(&self, written: &SnapshotFile, kept: usize) -> io::Result<Vec<SnapshotFile>> {
        let mut left = Vec::new();
        for (place, snapshot) in self.snapshots()?.into_iter().enumerate() {
            if place < kept || snapshot.sequence == written.sequence {
                left.push(snapshot);
            } else {
                fs::remove_file(&snapshot.path)?;
            }
        }
        Ok(left)
    }

    fn named(&self, ending: &str) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut named = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let digits = name.and_then(|name| name.strip_suffix(ending)).filter(|digits| digits.len() == 20);
            if let Some(sequence) = digits.and_then(|digits| digits.parse().ok()) {
                named.push((sequence, path));
            }
        }
        Ok(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(shelf: &Shelf) -> Vec<u64> {
        shelf.snapshots().unwrap().iter().map(|snapshot| snapshot.sequence).collect()
    }

    #[test]
    fn the_newest_are_kept_and_the_unfinished_go() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        for sequence in [7, 100, 20] {
            fs::write(shelf.path(sequence), "x").unwrap();
        }
        fs::write(shelf.unfinished_path(5), "x").unwrap();
        fs::write(dir.path().join("7.snapshot"), "x").unwrap();
        fs::write(dir.path().join("readme"), "x").unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        assert_eq!(sequences(&shelf), [100, 20, 7]);
        assert!(!shelf.unfinished_path(5).exists());
        let written = shelf.snapshots().unwrap()[2].clone();
        assert_eq!(shelf.trim(&written, 1).unwrap().len(), 2);
        assert_eq!(sequences(&shelf), [100, 7], "what was just written stays");
        assert!(dir.path().join("readme").exists());
    }

    #[test]
    fn damaged_ones_are_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        for sequence in 1..=4 {
            fs::write(shelf.path(sequence), "x").unwrap();
        }
        for snapshot in shelf.snapshots().unwrap() {
            shelf.put_aside(&snapshot, 2).unwrap();
        }
        assert_eq!(sequences(&shelf), [0; 0]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
