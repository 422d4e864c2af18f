//! Copies of data directories, and what lies in them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copied = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &copied)?;
        } else {
            fs::copy(entry.path(), copied)?;
        }
    }
    Ok(())
}

/// Whether two directories hold the same, in the same files.
pub(crate) fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (names, others) = (names(one)?, names(other)?);
    if names != others {
        return Ok(false);
    }
    for name in names {
        let (one, other) = (one.join(&name), other.join(&name));
        let is_same = match (one.is_dir(), other.is_dir()) {
            (true, true) => is_same(&one, &other)?,
            (false, false) => fs::read(one)? == fs::read(other)?,
            _ => false,
        };
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn names(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// The directory of the store that is in use; one that is not there if none is.
pub(crate) fn generation(data_dir: &Path) -> PathBuf {
    let current = fs::read_to_string(data_dir.join("current")).unwrap_or_default();
    data_dir.join("generations").join(current.trim())
}

/// The snapshots, the newest first.
pub(crate) fn snapshots(data_dir: &Path) -> Vec<PathBuf> {
    let mut found = files(&data_dir.join("snapshots"), |name| name.ends_with(".snapshot"));
    // Names are sequences of equal length.
    found.sort_unstable_by(|one, other| other.cmp(one));
    found
}

/// The snapshot of that sequence.
pub(crate) fn snapshot(data_dir: &Path, sequence: u64) -> PathBuf {
    data_dir.join("snapshots").join(format!("{sequence:020}.snapshot"))
}

/// Sled's own list of where its pages are.
pub(crate) fn page_maps(generation: &Path) -> Vec<PathBuf> {
    files(generation, |name| name.starts_with("snap.") && !name.ends_with(".generating"))
}

fn files(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory can be read");
    let paths = entries.map(|entry| entry.expect("a directory can be read").path());
    let has_name = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(&is_wanted);
    let mut found: Vec<PathBuf> = paths.filter(has_name).collect();
    found.sort_unstable();
    found
}
