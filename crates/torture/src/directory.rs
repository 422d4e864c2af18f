//! Copies of data directories, and what lies in them.

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
