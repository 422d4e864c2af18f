//! A batch as a file. It is whole on the disk before the first of its rows goes to sled, so that a batch of which
//! sled has only a part can be made again. So all its rows need not be one batch of sled's, which costs twice the
//! time, holds up all who read, and keeps everything it replaces in memory until its end.
//!
//! ```text
//! row        key as text, then an int: 0 for a key that is removed, else 1 + length of the value; the value
//! …
//! trailer    8 bytes  length of all rows, lowest byte first
//!           16 bytes  SipHash-1-3, 128 bits, of all rows
//! ```

use std::fs::File;
use std::hash::Hasher as _;
use std::io::{self, BufWriter, Read as _, Seek as _, Write as _};
use std::path::Path;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::RowChanges;
use crate::bytes::{BadRow, Cursor, put_bytes, put_int};
use crate::generation::sync_dir;

const NAME: &str = "batch";
const TRAILER_BYTES: usize = 8 + 16;
/// Guards against damage, not against somebody who writes to the file.
const KEY: [u8; 16] = *b"tallymark batch1";

/// The last batch, as long as it is not certain that sled has it on the disk.
#[derive(Debug)]
pub(super) struct BatchFile(File);

impl BatchFile {
    /// The file of a database's directory; made, and its name synced, if it is not there.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(directory.join(NAME))?;
        sync_dir(directory)?;
        Ok(Self(file))
    }

    /// Returns when the device has the whole batch.
    pub(super) fn write(&self, changes: &RowChanges) -> io::Result<()> {
        self.clear()?;
        let mut out = BufWriter::with_capacity(1 << 16, &self.0);
        let mut hasher = SipHasher13::new_with_key(&KEY);
        let (mut row, mut length) = (Vec::new(), 0_u64);
        for (key, value) in changes {
            row.clear();
            put_bytes(&mut row, key);
            put_int(&mut row, value.as_ref().map_or(0, |value| value.len() as u64 + 1));
            row.extend_from_slice(value.as_deref().unwrap_or_default());
            hasher.write(&row);
            length += row.len() as u64;
            out.write_all(&row)?;
        }
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&hasher.finish128().as_u128().to_le_bytes())?;
        out.flush()?;
        drop(out);
        self.0.sync_data()
    }

    /// What was written; nothing if that is not there in whole. Then sled has nothing of it, or all of it.
    pub(super) fn read(&self) -> io::Result<Option<RowChanges>> {
        let mut file = &self.0;
        file.rewind()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(changes_of(&bytes).ok())
    }

    /// Sled has the batch on the disk. It does not matter when that is known there: a batch that is made again changes nothing.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.0.set_len(0)?;
        (&self.0).rewind()
    }
}

fn changes_of(bytes: &[u8]) -> Result<RowChanges, BadRow> {
    let length = bytes.len().checked_sub(TRAILER_BYTES).ok_or(BadRow)?;
    let mut trailer = Cursor::new(&bytes[length..]);
    let rows = &bytes[..length];
    let mut hasher = SipHasher13::new_with_key(&KEY);
    hasher.write(rows);
    let is_whole = u64::from_le_bytes(trailer.array()?) == length as u64
        && u128::from_le_bytes(trailer.array()?) == hasher.finish128().as_u128();
    if !is_whole {
        return Err(BadRow);
    }
    let mut changes = RowChanges::new();
    let mut rows = Cursor::new(rows);
    while !rows.is_at_end() {
        let key = rows.bytes()?.to_vec();
        let value = match rows.int()?.checked_sub(1) {
            Some(length) => Some(rows.take(usize::try_from(length).map_err(|_| BadRow)?)?.into()),
            None => None,
        };
        changes.push((key, value));
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn changes(rows: u8) -> RowChanges {
        let value = |row: u8| (!row.is_multiple_of(3)).then(|| vec![row; usize::from(row) * 5].into());
        (0..rows).map(|row| (vec![row, 1, 2], value(row))).collect()
    }

    #[test]
    fn a_batch_is_read_as_it_was_written_until_it_is_cleared() {
        let directory = tempfile::tempdir().unwrap();
        let file = BatchFile::open(directory.path()).unwrap();
        assert_eq!(file.read().unwrap(), None);
        for rows in [200, 0, 7] {
            file.write(&changes(rows)).unwrap();
            let again = BatchFile::open(directory.path()).unwrap();
            assert_eq!(again.read().unwrap(), Some(changes(rows)));
        }
        file.clear().unwrap();
        assert_eq!(file.read().unwrap(), None);
    }

    #[test]
    fn what_is_not_whole_is_no_batch() {
        let directory = tempfile::tempdir().unwrap();
        let file = BatchFile::open(directory.path()).unwrap();
        file.write(&changes(20)).unwrap();
        let path = directory.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        let is_read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            file.read().unwrap().is_some()
        };
        assert!(is_read(&whole));
        for length in 0..whole.len() {
            assert!(!is_read(&whole[..length]), "cut at {length}");
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            assert!(!is_read(&damaged), "damaged at {place}");
        }
        assert!(!is_read(&[whole.clone(), vec![0; 100]].concat()), "longer");
    }
}
