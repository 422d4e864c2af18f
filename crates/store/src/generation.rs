//! Directories: `data_dir/lock`, `current`, `generations/<n>/`, `snapshots/` and `quarantine/`.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::OpenError;
use crate::marker::{Marker, State};
use crate::snapshot::Shelf;
use crate::standby::{self, Standby};

/// How long a generation may be locked by one that only looks, and how often it is tried meanwhile.
const LOCK_PATIENCE: Duration = Duration::from_millis(100);
const LOCK_RETRY: Duration = Duration::from_millis(10);

/// The data directory. Cheap to clone; while a clone lives that was made by [`open`](Self::open), no other process
/// uses the store that is current, nor says which one is.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
    lock: Option<Arc<File>>,
}

/// One store below the data directory.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
}

impl Generation {
    /// How it was left.
    pub(crate) fn marker(&self) -> Result<(Marker, State), OpenError> {
        let path = self.path.join("marker");
        Marker::open(&path).map_err(io(&path))
    }

    /// Whoever uses a generation holds this.
    pub(crate) fn lock(&self) -> Result<File, OpenError> {
        let path = self.path.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(io(&path))?;
        let mut patience = LOCK_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                // Someone may only be looking whether anyone has it.
                Err(TryLockError::WouldBlock) if !patience.is_zero() => {
                    thread::sleep(LOCK_RETRY);
                    patience = patience.saturating_sub(LOCK_RETRY);
                }
                Err(TryLockError::WouldBlock) => return Err(OpenError::GenerationInUse(self.number)),
                Err(TryLockError::Error(error)) => return Err(io(&path)(error)),
            }
        }
    }

    /// Whether someone uses it.
    pub(crate) fn is_in_use(&self) -> bool {
        let lock = File::open(self.path.join("lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// What is said of it, if it is not the one to be used.
    pub(crate) fn standby(&self) -> Result<Option<Standby>, OpenError> {
        Standby::read(&self.path).map_err(io(&self.path))
    }
}

/// What `current` says.
#[derive(Debug)]
pub(crate) enum Current {
    Named(Generation),
    /// There is no such file: nothing was ever counted here, or the store was just put away.
    Nothing,
    /// It names no generation.
    Unreadable(String),
}

/// The file in a generation that is still being filled.
const UNFINISHED: &str = "unfinished";

pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError + '_ {
    |error| OpenError::Io { path: path.to_owned(), error }
}

impl DataDir {
    /// Makes the directory if need be, and takes its lock.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        for directory in [path.join("generations"), path.join("snapshots")] {
            create_dir(&directory).map_err(io(&directory))?;
        }
        let lock_path = path.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {
                lock.set_len(0).map_err(io(&lock_path))?;
                Ok(Self { path: path.to_owned(), lock: Some(Arc::new(lock)) })
            }
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(io(&lock_path)(error)),
        }
    }

    /// A data directory that may be another process's: for generations beside the one that is current.
    pub fn beside(path: &Path) -> Self {
        Self { path: path.to_owned(), lock: None }
    }

    /// Whether no other process uses the store that is current, nor says which one is, while this lives.
    pub(crate) fn is_held(&self) -> bool {
        self.lock.is_some()
    }

    /// Tells other processes how the one that holds this directory can be reached. Forgotten with the lock.
    pub fn announce(&self, address: &str) -> Result<(), OpenError> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let text = format!("{address}\n");
        let write = || lock.set_len(0).and_then(|()| lock.write_all_at(text.as_bytes(), 0));
        write().map_err(io(&self.path.join("lock")))
    }

    /// What the process [announced](Self::announce) that holds this directory; empty if it did not.
    pub fn announced(path: &Path) -> Result<String, OpenError> {
        let lock = path.join("lock");
        let text = fs::read_to_string(&lock).map_err(io(&lock))?;
        Ok(text.trim_end().to_owned())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The snapshots. Unfinished ones are removed if the directory is held: nobody else writes one then.
    pub(crate) fn shelf(&self) -> Result<Shelf, OpenError> {
        let path = self.path.join("snapshots");
        create_dir(&path).map_err(io(&path))?;
        if self.lock.is_some() { Shelf::open(&path).map_err(io(&path)) } else { Ok(Shelf::at(&path)) }
    }

    pub(crate) fn current(&self) -> Result<Current, OpenError> {
        let path = self.path.join("current");
        let text = match fs::read(&path) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Current::Nothing),
            Err(error) => return Err(io(&path)(error)),
        };
        let number = text.strip_suffix('\n').and_then(|number| number.parse().ok());
        let generation = number.map(|number| self.numbered(number));
        match generation {
            Some(generation) if generation.path.is_dir() => Ok(Current::Named(generation)),
            _ => Ok(Current::Unreadable(text)),
        }
    }

    /// The generation with the highest number, of those that are not set aside.
    pub(crate) fn newest(&self) -> Result<Option<Generation>, OpenError> {
        let in_use = |number: &u64| !self.numbered(*number).path.join(standby::FILE).exists();
        Ok(self.numbers("generations")?.into_iter().filter(in_use).max().map(|number| self.numbered(number)))
    }

    /// Makes a new generation after all there are, and were. It goes at the next start if it is not
    /// [finished](Self::finish) by then, and not locked.
    pub(crate) fn begin(&self) -> Result<Generation, OpenError> {
        let generation = loop {
            let numbers = self.numbers("generations")?.into_iter().chain(self.numbers("quarantine")?);
            let generation = self.numbered(numbers.max().unwrap_or(0) + 1);
            let generations = self.path.join("generations");
            create_dir(&generations).map_err(io(&generations))?;
            match fs::create_dir(&generation.path) {
                Ok(()) => break generation,
                // Another process took the number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io(&generation.path)(error)),
            }
        };
        let unfinished = generation.path.join(UNFINISHED);
        // It reaches the disk with the names of the files beside it.
        File::create(&unfinished).map_err(io(&unfinished))?;
        Ok(generation)
    }

    /// The generation is whole and on disk: names it in `current`, in one step.
    pub(crate) fn finish(&self, generation: &Generation) -> Result<(), OpenError> {
        let (next, current) = (self.path.join("current.next"), self.path.join("current"));
        let write = || {
            let mut file = File::create(&next)?;
            writeln!(file, "{}", generation.number)?;
            file.sync_all()?;
            fs::rename(&next, &current)?;
            sync_dir(&self.path.join("generations"))?;
            sync_dir(&self.path)
        };
        write().map_err(io(&current))?;
        Self::mark_finished(generation)
    }

    /// Brings the names of generations to the disk.
    pub(crate) fn sync_generations(&self) -> Result<(), OpenError> {
        let path = self.path.join("generations");
        sync_dir(&path).map_err(io(&path))
    }

    /// It is whole and on disk: from here on it is no matter whether `current` can be read.
    pub(crate) fn mark_finished(generation: &Generation) -> Result<(), OpenError> {
        let unfinished = generation.path.join(UNFINISHED);
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io(&unfinished)(error)),
            _ => Ok(()),
        }
    }

    /// From here on it goes at the next start, if it is not removed before.
    pub(crate) fn mark_unfinished(generation: &Generation) -> Result<(), OpenError> {
        let unfinished = generation.path.join(UNFINISHED);
        let mark = || File::create(&unfinished).and_then(|_| sync_dir(&generation.path));
        mark().map_err(io(&unfinished))
    }

    /// Removes a generation that was not finished.
    pub(crate) fn abandon(&self, generation: &Generation) -> Result<(), OpenError> {
        fs::remove_dir_all(&generation.path).map_err(io(&generation.path))
    }

    /// Removes what earlier processes did not finish.
    pub(crate) fn remove_unfinished(&self) -> Result<(), OpenError> {
        let current = match self.current()? {
            Current::Named(generation) => Some(generation.number),
            Current::Nothing | Current::Unreadable(_) => None,
        };
        for number in self.numbers("generations")? {
            let generation = self.numbered(number);
            if Some(number) == current {
                Self::mark_finished(&generation)?;
                Standby::remove(&generation.path).map_err(io(&generation.path))?;
            } else if generation.path.join(standby::FILE).exists() {
                // A power cut may have brought the file back.
                Self::mark_finished(&generation)?;
            } else if generation.path.join(UNFINISHED).exists()
                && let Ok(_lock) = generation.lock()
            {
                tracing::warn!(generation = number, "removed a store that was never finished");
                self.abandon(&generation)?;
            }
        }
        Ok(())
    }

    /// Moves a generation out of the way, with the reason in a file beside it, and removes older
    /// ones but the newest `kept`. Returns where it is, and how many were removed.
    pub(crate) fn quarantine(
        &self,
        generation: &Generation,
        reason: &str,
        kept: usize,
    ) -> Result<(PathBuf, u64), OpenError> {
        let quarantine = self.path.join("quarantine");
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let place = quarantine.join(format!("{}-{now_ms}", generation.number));
        let put_away = || {
            fs::create_dir_all(&quarantine)?;
            fs::rename(&generation.path, &place)?;
            fs::write(place.join("reason.txt"), format!("{reason}\n"))?;
            sync_dir(&place)?;
            sync_dir(&quarantine)?;
            sync_dir(&self.path.join("generations"))?;
            sync_dir(&self.path)
        };
        put_away().map_err(io(&generation.path))?;
        let mut removed = 0;
        let mut numbers = self.numbers("quarantine")?;
        numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
        for number in numbers.into_iter().skip(kept) {
            for path in self.entries("quarantine")?.into_iter().filter(|(other, _)| *other == number) {
                tracing::warn!(path = %path.1.display(), "removed an old damaged store: store.quarantines_kept are kept");
                fs::remove_dir_all(&path.1).map_err(io(&path.1))?;
                removed += 1;
            }
        }
        Ok((place, removed))
    }

    pub(crate) fn numbered(&self, number: u64) -> Generation {
        Generation { number, path: self.path.join("generations").join(number.to_string()) }
    }

    pub(crate) fn numbers(&self, directory: &str) -> Result<Vec<u64>, OpenError> {
        Ok(self.entries(directory)?.into_iter().map(|(number, _)| number).collect())
    }

    /// Directories whose names begin with the number of a generation.
    fn entries(&self, directory: &str) -> Result<Vec<(u64, PathBuf)>, OpenError> {
        let directory = self.path.join(directory);
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io(&directory))?,
        };
        let numbered = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let number = name.split('-').next()?.parse().ok()?;
            Some((number, entry.path()))
        });
        Ok(numbered.collect())
    }
}

/// Makes a directory and those above it, if need be, so that a power cut can't take them away
/// together with what was synced in them.
fn create_dir(path: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.is_dir()).collect();
    fs::create_dir_all(path)?;
    for directory in missing {
        match directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent)?,
            _ => sync_dir(Path::new("."))?,
        }
    }
    Ok(())
}

/// Brings a directory's entries to the disk.
pub(crate) fn sync_dir(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_dir() -> (tempfile::TempDir, DataDir) {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(dir.path()).unwrap();
        (dir, data_dir)
    }

    #[test]
    fn a_generation_is_current_only_when_it_was_finished() {
        let (dir, data_dir) = data_dir();
        assert!(matches!(data_dir.current().unwrap(), Current::Nothing));
        let first = data_dir.begin().unwrap();
        assert!(matches!(data_dir.current().unwrap(), Current::Nothing));
        data_dir.remove_unfinished().unwrap();
        assert!(!first.path.exists());
        let first = data_dir.begin().unwrap();
        data_dir.finish(&first).unwrap();
        fs::write(first.path.join(UNFINISHED), "").unwrap();
        data_dir.remove_unfinished().unwrap();
        assert!(first.path.exists(), "a power cut brought the file back");
        fs::write(dir.path().join("current"), "").unwrap();
        data_dir.remove_unfinished().unwrap();
        assert!(first.path.exists(), "and it was taken away again");
        data_dir.finish(&first).unwrap();
        let second = data_dir.begin().unwrap();
        assert_eq!((first.number, second.number), (1, 2));
        assert!(matches!(data_dir.current().unwrap(), Current::Named(generation) if generation.number == 1));
    }

    #[test]
    fn a_directory_in_use_is_refused_and_a_bad_current_is_told() {
        let (dir, data_dir) = data_dir();
        assert!(matches!(DataDir::open(dir.path()), Err(OpenError::InUse(_))));
        let generation = data_dir.begin().unwrap();
        for bytes in [&b""[..], b"seven\n", b"7\n", b"1", b"\xff\n"] {
            fs::write(dir.path().join("current"), bytes).unwrap();
            assert!(matches!(data_dir.current().unwrap(), Current::Unreadable(_)), "{bytes:?}");
        }
        assert_eq!(data_dir.newest().unwrap().unwrap().number, generation.number);
        drop(data_dir);
        assert!(DataDir::open(dir.path()).is_ok());
    }

    #[test]
    fn the_newest_damaged_stores_are_kept_with_their_reasons() {
        let (dir, data_dir) = data_dir();
        let mut removed = Vec::new();
        for _ in 0..4 {
            let generation = data_dir.begin().unwrap();
            data_dir.finish(&generation).unwrap();
            let (place, count) = data_dir.quarantine(&generation, "it smells", 2).unwrap();
            assert_eq!(fs::read_to_string(place.join("reason.txt")).unwrap(), "it smells\n");
            assert!(matches!(data_dir.current().unwrap(), Current::Unreadable(_)));
            removed.push(count);
        }
        assert_eq!(removed, [0, 0, 1, 1]);
        assert_eq!(fs::read_dir(dir.path().join("quarantine")).unwrap().count(), 2);
        assert_eq!(data_dir.begin().unwrap().number, 5, "no number is used twice");
    }
}
