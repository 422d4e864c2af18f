//! Directories: `data_dir/lock`, `data_dir/current` and `data_dir/generations/<n>/`.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::OpenError;

/// The data directory, held by this process as long as the value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// One store below the data directory.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    /// Whether `current` names it already.
    pub(crate) is_current: bool,
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError + '_ {
    |error| OpenError::Io { path: path.to_owned(), error }
}

impl DataDir {
    /// Makes the directory if need be, and takes its lock.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let generations = path.join("generations");
        fs::create_dir_all(&generations).map_err(io(&generations))?;
        let lock_path = path.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(io(&lock_path)(error)),
        }
    }

    /// The generation that `current` names; without that file, a new one after all there are.
    pub(crate) fn generation(&self) -> Result<Generation, OpenError> {
        let current = self.path.join("current");
        let number = match fs::read_to_string(&current) {
            Ok(text) => {
                let number = text.trim().parse().ok().filter(|number| self.generation_path(*number).is_dir());
                Some(number.ok_or(OpenError::Current { path: current, found: text })?)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(io(&current)(error)),
        };
        let is_current = number.is_some();
        let number = match number {
            Some(number) => number,
            None => self.highest()? + 1,
        };
        let path = self.generation_path(number);
        fs::create_dir_all(&path).map_err(io(&path))?;
        Ok(Generation { number, path, is_current })
    }

    /// Names the generation in `current`, in one step.
    pub(crate) fn make_current(&self, generation: &Generation) -> Result<(), OpenError> {
        let (next, current) = (self.path.join("current.next"), self.path.join("current"));
        let write = || {
            let mut file = File::create(&next)?;
            writeln!(file, "{}", generation.number)?;
            file.sync_all()?;
            fs::rename(&next, &current)?;
            sync_dir(&self.path.join("generations"))?;
            sync_dir(&self.path)
        };
        write().map_err(io(&current))
    }

    fn generation_path(&self, number: u64) -> PathBuf {
        self.path.join("generations").join(number.to_string())
    }

    fn highest(&self) -> Result<u64, OpenError> {
        let generations = self.path.join("generations");
        let entries = fs::read_dir(&generations).map_err(io(&generations))?;
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        Ok(numbers.max().unwrap_or(0))
    }
}

/// Brings a directory's entries to the disk.
pub(crate) fn sync_dir(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_current_only_when_it_was_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(dir.path()).unwrap();
        let first = data_dir.generation().unwrap();
        assert_eq!((first.number, first.is_current), (1, false));
        let second = data_dir.generation().unwrap();
        assert_eq!((second.number, second.is_current), (2, false), "the first was never finished");
        data_dir.make_current(&second).unwrap();
        let again = data_dir.generation().unwrap();
        assert_eq!((again.number, again.is_current), (2, true));
    }

    #[test]
    fn a_directory_in_use_and_a_bad_current_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(dir.path()).unwrap();
        assert!(matches!(DataDir::open(dir.path()), Err(OpenError::InUse(_))));
        for text in ["", "seven", "7"] {
            fs::write(dir.path().join("current"), text).unwrap();
            assert!(matches!(data_dir.generation(), Err(OpenError::Current { .. })), "{text:?}");
        }
        drop(data_dir);
        assert!(DataDir::open(dir.path()).is_ok());
    }
}
