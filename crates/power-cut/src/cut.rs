//! What the disk holds once the power is back.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use fastrand::Rng;

use crate::disk::{Disk, Entries, Kind, damaged, entries};
use crate::inode::Inode;
use crate::recorder::PAGE;
use crate::{journal, shadow};

/// What becomes of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// All of it is lost.
    Lost,
    /// Some of it is on the disk by chance, in any order, as real disks do: each page of 4,096 bytes by itself, the length
    /// of each file, and the entries of each directory. Equal seeds give equal chances.
    ByChance {
        /// Any number.
        seed: u64,
    },
}

/// Makes in `destination` what the watched directory would hold if the power had gone off when the program was
/// killed.
///
/// `destination` is made, unless it is there and empty. The watched directory is left as it is; with
/// [`Unsynced::ByChance`] it must be where it was, and as the program left it.
pub fn after_the_cut(shadow: &Path, destination: &Path, unsynced: Unsynced) -> io::Result<()> {
    let (disk, _) = shadow::read(&File::open(shadow.join(journal::FILE))?)?;
    fs::create_dir_all(destination)?;
    if fs::read_dir(destination)?.next().is_some() {
        return Err(io::Error::new(ErrorKind::DirectoryNotEmpty, "the destination is not empty"));
    }
    let survivors = match unsynced {
        Unsynced::Lost => None,
        Unsynced::ByChance { seed } => Some(Survivors::new(&disk, seed)?),
    };
    let root = disk.root;
    Restoration { disk, survivors }.directory(root, destination)
}

struct Restoration {
    disk: Disk,
    survivors: Option<Survivors>,
}

impl Restoration {
    fn directory(&mut self, inode: Inode, destination: &Path) -> io::Result<()> {
        let durable = self.disk.entries(&inode);
        let entries = match &mut self.survivors {
            Some(survivors) => survivors.entries(&inode, durable)?,
            None => durable,
        };
        for (name, entry) in entries {
            let path = destination.join(name);
            match entry.kind {
                Kind::Directory => {
                    fs::create_dir(&path)?;
                    self.directory(entry.inode, &path)?;
                }
                Kind::File => {
                    let durable = self.disk.file(&entry.inode);
                    match &mut self.survivors {
                        Some(survivors) => fs::write(path, survivors.content(&entry.inode, durable)?)?,
                        None => fs::write(path, durable)?,
                    }
                }
            }
        }
        Ok(())
    }
}

/// What the program left, and chance.
struct Survivors {
    left: HashMap<Inode, PathBuf>,
    chance: Rng,
}

impl Survivors {
    fn new(disk: &Disk, seed: u64) -> io::Result<Self> {
        if Inode::of(&fs::metadata(&disk.directory)?)? != disk.root {
            return Err(damaged("its watched directory is not where it was"));
        }
        let mut survivors = Self { left: HashMap::new(), chance: Rng::with_seed(seed) };
        survivors.find(disk.root, disk.directory.clone())?;
        Ok(survivors)
    }

    fn find(&mut self, inode: Inode, directory: PathBuf) -> io::Result<()> {
        for (name, entry) in entries(&directory)? {
            let path = directory.join(name);
            match entry.kind {
                Kind::Directory => self.find(entry.inode, path)?,
                Kind::File => drop(self.left.insert(entry.inode, path)),
            }
        }
        self.left.insert(inode, directory);
        Ok(())
    }

    /// All or none of what changed in a directory since it was synced: a change of its entries is one step, and no
    /// file system forgets half of a rename within one directory.
    fn entries(&mut self, inode: &Inode, durable: Entries) -> io::Result<Entries> {
        match self.left.get(inode) {
            Some(path) if self.chance.bool() => entries(path),
            _ => Ok(durable),
        }
    }

    fn content(&mut self, inode: &Inode, durable: &[u8]) -> io::Result<Vec<u8>> {
        // A file that was removed is as it was synced.
        let Some(path) = self.left.get(inode) else { return Ok(durable.to_vec()) };
        Ok(mixed(durable, &fs::read(path)?, &mut self.chance))
    }
}

/// Pages of both contents.
fn mixed(durable: &[u8], left: &[u8], chance: &mut Rng) -> Vec<u8> {
    let (shorter, longer) = (durable.len().min(left.len()), durable.len().max(left.len()));
    let length = match chance.u8(0..3) {
        0 => durable.len(),
        1 => left.len(),
        _ => (chance.usize(shorter..=longer) / PAGE * PAGE).max(shorter),
    };
    // Once nearly all survives, once hardly anything.
    let survive = chance.f32();
    let mut mixed = vec![0; length];
    for (number, page) in mixed.chunks_mut(PAGE).enumerate() {
        let source = if chance.f32() < survive { left } else { durable };
        let rest = source.get(number * PAGE..).unwrap_or_default();
        let bytes = page.len().min(rest.len());
        page[..bytes].copy_from_slice(&rest[..bytes]);
    }
    mixed
}
