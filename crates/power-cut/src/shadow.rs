//! A shadow: the directory with the journal.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use crate::disk::{Disk, Kind, Record, damaged, entries};
use crate::inode::Inode;
use crate::journal::{self, to_bytes};
use crate::recorder::changes;

/// Begins to watch `directory`, for programs that are started from now on with the [`environment`](crate::environment).
///
/// All that it holds now is taken for durable. It is made if it is not there; its own name is taken for durable too. The
/// shadow is made or begun anew; it must not lie within the directory. No program may be at work on either.
pub fn watch(directory: &Path, shadow: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::create_dir_all(shadow)?;
    let directory = directory.canonicalize()?;
    if shadow.canonicalize()?.starts_with(&directory) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a shadow can't lie within what is watched"));
    }
    let (next, path) = (shadow.join("journal.next"), shadow.join(journal::FILE));
    let mut journal = BufWriter::new(File::create(&next)?);
    let inode = Inode::of(&fs::metadata(&directory)?)?;
    journal.write_all(&to_bytes(&Record::Watched { directory: directory.clone(), inode }))?;
    add_all(&mut journal, &directory, inode)?;
    journal.into_inner()?;
    fs::rename(next, path)
}

/// Adds all that a directory holds.
fn add_all(journal: &mut impl Write, directory: &Path, inode: Inode) -> io::Result<()> {
    let entries = entries(directory)?;
    for (name, entry) in &entries {
        let path = directory.join(name);
        match entry.kind {
            Kind::Directory => add_all(journal, &path, entry.inode)?,
            Kind::File => {
                let (length, changes) = changes(File::open(&path)?, &[])?;
                journal.write_all(&to_bytes(&Record::File { inode: entry.inode, length, changes }))?;
            }
        }
    }
    journal.write_all(&to_bytes(&Record::Directory { inode, entries }))
}

/// What is durable by a journal, and how many bytes of it are whole records.
pub(crate) fn read(journal: &File) -> io::Result<(Disk, u64)> {
    let mut journal = BufReader::new(journal);
    let mut whole = 0;
    let first = next(&mut journal, &mut whole)?;
    let Some(Record::Watched { directory, inode }) = first else { return Err(damaged("no watch has begun")) };
    let mut disk = Disk::new(directory, inode);
    while let Some(record) = next(&mut journal, &mut whole)? {
        disk.apply(record)?;
    }
    Ok((disk, whole))
}

/// The next record; none at the end, and where a program was killed while it wrote one.
fn next(journal: &mut impl Read, whole: &mut u64) -> io::Result<Option<Record>> {
    let Some(length) = read_whole(journal, journal::LENGTH_BYTES)? else { return Ok(None) };
    let length = journal::length(&length).ok_or_else(|| damaged("a record has no length"))?;
    let Some(record) = read_whole(journal, length)? else { return Ok(None) };
    *whole += journal::LENGTH_BYTES + length;
    journal::from_bytes(&record).map(Some).ok_or_else(|| damaged("a record is not well formed"))
}

/// So many bytes, if there are as many.
fn read_whole(journal: &mut impl Read, length: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = journal.by_ref().take(length).read_to_end(&mut bytes)?;
    Ok((read as u64 == length).then_some(bytes))
}
