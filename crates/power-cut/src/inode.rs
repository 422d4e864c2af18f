//! Which file it is, whatever its name.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clock by which the kernel dates births moves every 1 to 10 ms.
const BIRTHS_APART: Duration = Duration::from_millis(20);

/// A file or directory from its making to its end.
///
/// The file system gives the number of one that is gone to the next that is made, within microseconds. So its birth
/// belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Inode {
    pub(crate) device: u64,
    pub(crate) number: u64,
    /// In nanoseconds since 1970.
    pub(crate) born: u64,
}

impl Inode {
    /// Waits, if the file is new, until none that gets its number later can have the same birth.
    pub(crate) fn of(metadata: &Metadata) -> io::Result<Self> {
        let birth = metadata.created()?;
        let age = SystemTime::now().duration_since(birth).unwrap_or_default();
        thread::sleep(BIRTHS_APART.saturating_sub(age));
        let born = birth.duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_nanos();
        let born = u64::try_from(born).map_err(io::Error::other)?;
        Ok(Self { device: metadata.dev(), number: metadata.ino(), born })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Bug this would show: of two files made within one tick of the clock, one after the other and with the same number,
    /// the second is taken for the first. Kernels since 6.13 date finer, so the wait itself is looked at.
    #[test]
    fn no_file_is_another_however_soon_it_follows() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let make = |_| {
            fs::write(&path, "").unwrap();
            let metadata = fs::metadata(&path).unwrap();
            let inode = Inode::of(&metadata).unwrap();
            let age = SystemTime::now().duration_since(metadata.created().unwrap()).unwrap();
            assert!(age >= BIRTHS_APART, "{age:?}");
            fs::remove_file(&path).unwrap();
            inode
        };
        let mut inodes: Vec<Inode> = (0..5).map(make).collect();
        inodes.sort();
        inodes.dedup();
        assert_eq!(inodes.len(), 5, "{inodes:?}");
    }
}
