//! Directories on a disk: the system's temporary directory may be memory.

use anyhow::Result;
use tempfile::TempDir;

/// A directory below the build directory, deleted when dropped.
pub fn directory() -> Result<TempDir> {
    let place = xtask::target().join("tmp");
    std::fs::create_dir_all(&place)?;
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(place)?)
}
