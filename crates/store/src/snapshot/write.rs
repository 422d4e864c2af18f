//! Writing a snapshot, and proving what was written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::WriteError;
use super::check::walk_all;
use super::format::{BLOCK_BYTES, Footer, HEADER, IS_FOOTER, TRAILER, checksum};
use super::shelf::{Shelf, SnapshotFile};
use crate::aside::{Stints, Urgency};
use crate::bytes::put_bytes;
use crate::checkpoint::Checkpoint;
use crate::database::Rows;
use crate::error::Damage;
use crate::generation::sync_dir;
use crate::keys::table;
use crate::watchdog::Watchdog;

/// Where a snapshot goes.
pub(crate) struct Target<'a> {
    pub(crate) shelf: &'a Shelf,
    /// Whether there is room for more bytes; asked at each block.
    pub(crate) has_space: &'a (dyn Fn() -> bool + Sync),
    /// Watches what is done to files. The rows have a watch of their own.
    pub(crate) watchdog: &'a Watchdog,
    /// Whether it may rest.
    pub(crate) urgency: &'a Urgency,
}

impl From<sled::Error> for WriteError {
    fn from(error: sled::Error) -> Self {
        Self::Damage(Damage::Sled(error))
    }
}

impl From<Damage> for WriteError {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// Writes all rows, which are as the checkpoint says, under a temporary name; the file gets its own
/// name when the device has it.
pub(crate) fn write(
    rows: &dyn Rows,
    checkpoint: &Checkpoint,
    target: &Target<'_>,
) -> Result<SnapshotFile, WriteError> {
    let sequence = checkpoint.position.applied;
    let (path, unfinished) = (target.shelf.path(sequence), target.shelf.unfinished_path(sequence));
    let written = write_file(rows, checkpoint, target, &unfinished).and_then(|bytes| {
        let finish = || {
            let _call = target.watchdog.watch();
            fs::rename(&unfinished, &path)?;
            sync_dir(target.shelf.directory())
        };
        finish().map_err(|error| WriteError::Io { path: path.clone(), error })?;
        Ok(SnapshotFile { sequence, bytes, path: path.clone() })
    });
    if written.is_err() {
        // It is removed at the next start too.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write_file(
    rows: &dyn Rows,
    checkpoint: &Checkpoint,
    target: &Target<'_>,
    path: &Path,
) -> Result<u64, WriteError> {
    let io = |error| WriteError::Io { path: path.to_owned(), error };
    if !(target.has_space)() {
        return Err(WriteError::NoSpace);
    }
    let file = Watched::create(path, target.watchdog).map_err(io)?;
    let mut out = Blocks::begin(BufWriter::new(file)).map_err(io)?;
    let mut stints = Stints::begin(target.urgency);
    let names = walk_all(rows, checkpoint, |key, row| {
        stints.rest_if_due();
        if out.is_full() && !(target.has_space)() {
            return Err(WriteError::NoSpace);
        }
        out.row(key, row).map_err(io)
    })?;
    let counts = [names.room_count, names.user_count, names.membership_count];
    let (out, bytes) = out.end(checkpoint, counts).map_err(io)?;
    let file = out.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync().map_err(io)?;
    Ok(bytes)
}

/// A file each call of which is watched.
struct Watched<'a> {
    file: File,
    watchdog: &'a Watchdog,
}

impl<'a> Watched<'a> {
    fn create(path: &Path, watchdog: &'a Watchdog) -> io::Result<Self> {
        let _call = watchdog.watch();
        Ok(Self { file: File::create(path)?, watchdog })
    }

    fn sync(&self) -> io::Result<()> {
        let _call = self.watchdog.watch();
        self.file.sync_all()
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _call = self.watchdog.watch();
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Rows become blocks.
struct Blocks<W> {
    out: W,
    content: Vec<u8>,
    offset: u64,
    place: u64,
    rows: u64,
    /// Offset and place of the first block with rows of new ids.
    new_ids: Option<(u64, u64)>,
}

impl<W: Write> Blocks<W> {
    fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(HEADER)?;
        let content = Vec::with_capacity(BLOCK_BYTES * 5 / 4);
        Ok(Self { out, content, offset: HEADER.len() as u64, place: 0, rows: 0, new_ids: None })
    }

    /// Whether the next row begins a new block.
    fn is_full(&self) -> bool {
        self.content.len() >= BLOCK_BYTES
    }

    fn row(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let begins_new_ids = self.new_ids.is_none() && key.first() == Some(&table::NEW_IDS);
        if self.is_full() || begins_new_ids {
            self.block(0)?;
        }
        if begins_new_ids {
            self.new_ids = Some((self.offset, self.place));
        }
        put_bytes(&mut self.content, key);
        put_bytes(&mut self.content, value);
        self.rows += 1;
        Ok(())
    }

    fn block(&mut self, flags: u32) -> io::Result<()> {
        if self.content.is_empty() {
            return Ok(());
        }
        let length = u32::try_from(self.content.len()).map_err(io::Error::other)? | flags;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&checksum(self.place, length, &self.content))?;
        self.out.write_all(&self.content)?;
        self.offset += (super::format::BLOCK_HEAD + self.content.len()) as u64;
        self.place += 1;
        self.content.clear();
        Ok(())
    }

    /// The length of the whole, in bytes.
    fn end(mut self, checkpoint: &Checkpoint, counts: [u64; 3]) -> io::Result<(W, u64)> {
        self.block(0)?;
        let (footer_offset, blocks) = (self.offset, self.place);
        let (new_ids_offset, new_ids_block) = self.new_ids.unwrap_or((footer_offset, blocks));
        let [rooms, users, memberships] = counts;
        let footer = Footer {
            checkpoint: checkpoint.to_row(),
            blocks,
            rows: self.rows,
            rooms,
            users,
            memberships,
            new_ids_offset,
            new_ids_block,
        };
        self.content = rmp_serde::to_vec_named(&footer).map_err(io::Error::other)?;
        self.block(IS_FOOTER)?;
        self.out.write_all(&footer_offset.to_le_bytes())?;
        self.out.write_all(TRAILER)?;
        let bytes = self.offset + 16;
        self.out.flush()?;
        Ok((self.out, bytes))
    }
}
