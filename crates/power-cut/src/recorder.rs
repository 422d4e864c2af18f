//! What is done at each sync.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::disk::{Change, Disk, Kind, Record, entries};
use crate::inode::Inode;
use crate::{journal, shadow};

/// How much of a file lasts or is lost as one.
pub(crate) const PAGE: usize = 4096;
/// What is read at once.
const PAGES_AT_ONCE: usize = 256;

/// Keeps a shadow up to date. For the library that is loaded into the program under test.
#[derive(Debug)]
pub struct Recorder {
    /// A copy in memory of all that is durable, to find what a sync makes durable beyond it.
    disk: Disk,
    journal: File,
}

impl Recorder {
    /// Goes on where the shadow ends.
    pub fn open(shadow: &Path) -> io::Result<Self> {
        let journal = File::options().read(true).append(true).open(shadow.join(journal::FILE))?;
        let (disk, whole) = shadow::read(&journal)?;
        // What a killed program left of a record is no record's beginning.
        journal.set_len(whole)?;
        Ok(Self { disk, journal })
    }

    /// Does `call`, which syncs the open file with that number, and records what it made durable.
    ///
    /// That is what was there before the call: what is written during it need not be durable after it. The outer
    /// error is one of the recording: the shadow is behind the disk then.
    pub fn sync<E>(&mut self, file: i32, call: impl FnOnce() -> Result<(), E>) -> io::Result<Result<(), E>> {
        let file = PathBuf::from(format!("/proc/self/fd/{file}"));
        // If it is not open, that is for the call to say.
        if !fs::read_link(&file).is_ok_and(|path| path.starts_with(&self.disk.directory)) {
            return Ok(call());
        }
        let record = self.found(&file)?;
        let outcome = call();
        if outcome.is_ok() {
            self.journal.write_all(&journal::to_bytes(&record))?;
            self.disk.apply(record)?;
        }
        Ok(outcome)
    }

    fn found(&self, path: &Path) -> io::Result<Record> {
        let metadata = fs::metadata(path)?;
        let inode = Inode::of(&metadata)?;
        Ok(match Kind::of(&metadata)? {
            Kind::File => {
                let (length, changes) = changes(File::open(path)?, self.disk.file(&inode))?;
                Record::File { inode, length, changes }
            }
            Kind::Directory => Record::Directory { inode, entries: entries(path)? },
        })
    }
}

/// The length of a file, and where it differs from what is durable of it.
///
/// All of it is read. That takes 1 to 2 ms for 10 MB, and misses no way in which a program may have written.
pub(crate) fn changes(mut file: impl Read, durable: &[u8]) -> io::Result<(u64, Vec<Change>)> {
    let mut changes: Vec<Change> = Vec::new();
    let mut bytes = Vec::new();
    let mut offset = 0;
    loop {
        bytes.clear();
        let read = file.by_ref().take((PAGES_AT_ONCE * PAGE) as u64).read_to_end(&mut bytes)?;
        for page in bytes.chunks(PAGE) {
            if durable.get(offset..offset + page.len()) != Some(page) {
                match changes.last_mut() {
                    Some(last) if last.offset + last.bytes.len() as u64 == offset as u64 => {
                        last.bytes.extend(page);
                    }
                    _ => changes.push(Change { offset: offset as u64, bytes: page.to_vec() }),
                }
            }
            offset += page.len();
        }
        if read < PAGES_AT_ONCE * PAGE {
            return Ok((offset as u64, changes));
        }
    }
}
