//! What is durable.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::inode::Inode;

/// What was synced, piece by piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// What is watched. The first record, and no other.
    Watched { directory: PathBuf, inode: Inode },
    /// A file has this length, and differs in these places from what it was.
    File { inode: Inode, length: u64, changes: Vec<Change> },
    /// A directory has these entries and no others.
    Directory { inode: Inode, entries: Entries },
}

/// Bytes at a place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The entries of a directory by their names.
pub(crate) type Entries = BTreeMap<OsString, Entry>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) inode: Inode,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
}

impl Kind {
    /// Nothing else can be watched: a link or socket would be lost without a word.
    pub(crate) fn of(metadata: &Metadata) -> io::Result<Self> {
        let kind = metadata.file_type();
        match (kind.is_file(), kind.is_dir()) {
            (true, _) => Ok(Self::File),
            (_, true) => Ok(Self::Directory),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "it is neither file nor directory")),
        }
    }
}

/// The entries that a directory has now.
pub(crate) fn entries(directory: &Path) -> io::Result<Entries> {
    let mut entries = Entries::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let found = entry
            .metadata()
            .and_then(|metadata| Ok(Entry { inode: Inode::of(&metadata)?, kind: Kind::of(&metadata)? }));
        match found {
            Ok(found) => drop(entries.insert(entry.file_name(), found)),
            // Removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let what = format!("{}: {error}", entry.path().display());
                return Err(io::Error::new(error.kind(), what));
            }
        }
    }
    Ok(entries)
}

/// The sum of all records.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Where the watched directory was when the watch began.
    pub(crate) directory: PathBuf,
    pub(crate) root: Inode,
    /// What is not here was never synced, and so is empty.
    files: HashMap<Inode, Vec<u8>>,
    directories: HashMap<Inode, Entries>,
}

impl Disk {
    /// Nothing is durable yet but the directory itself.
    pub(crate) fn new(directory: PathBuf, root: Inode) -> Self {
        Self { directory, root, files: HashMap::new(), directories: HashMap::new() }
    }

    pub(crate) fn apply(&mut self, record: Record) -> io::Result<()> {
        match record {
            Record::Watched { .. } => return Err(damaged("a watch begins in the middle")),
            Record::File { inode, length, changes } => {
                let file = self.files.entry(inode).or_default();
                file.resize(usize::try_from(length).map_err(io::Error::other)?, 0);
                for Change { offset, bytes } in changes {
                    let place = usize::try_from(offset).ok().and_then(|start| file.get_mut(start..));
                    let place = place.and_then(|rest| rest.get_mut(..bytes.len()));
                    place.ok_or_else(|| damaged("a change is beyond its file"))?.copy_from_slice(&bytes);
                }
            }
            Record::Directory { inode, entries } => drop(self.directories.insert(inode, entries)),
        }
        Ok(())
    }

    /// The content of a file, as far as it is durable.
    pub(crate) fn file(&self, inode: &Inode) -> &[u8] {
        self.files.get(inode).map_or(&[], Vec::as_slice)
    }

    /// The entries of a directory that are durable.
    pub(crate) fn entries(&self, inode: &Inode) -> Entries {
        self.directories.get(inode).cloned().unwrap_or_default()
    }
}

pub(crate) fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the shadow is damaged: {what}"))
}
