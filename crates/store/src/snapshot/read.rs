//! Reading a snapshot. Nothing in it is trusted before its checksum fits.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::ReadError;
use super::format::{BLOCK_HEAD, Footer, HEADER, IS_FOOTER, MOST_BLOCK_BYTES, TRAILER, checksum};
use crate::bytes::Cursor;
use crate::checkpoint::Checkpoint;
use crate::database::Bytes;
use crate::error::Damage;
use crate::keys::{CHECKPOINT_KEY, table};
use crate::load::{LoadError, Loaded, Loading, checked, readable};
use counters::Policies;

/// Loads the counters that a file holds. Each row is also given to `row`, in order: they are to be
/// believed only if the whole load succeeds.
pub(crate) fn read(
    path: &Path,
    data_dir: &Path,
    policies: Policies,
    row: impl FnMut(&[u8], &[u8]),
) -> Result<Loaded, ReadError> {
    open(path).and_then(|file| load(file, data_dir, policies, row)).map_err(|problem| problem.of(path))
}

/// Hands out each row of a file, in order, and returns its checkpoint. That every block is as it was written is proved
/// on the way, and that the rows together are what was committed is not.
pub(crate) fn rows(
    path: &Path,
    policies: Policies,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
) -> Result<Checkpoint, ReadError> {
    let read = |file| -> Result<Checkpoint, Problem> {
        let mut blocks = Blocks::open(file)?;
        let checkpoint = checkpoint_of(&blocks.footer, path, policies)?;
        blocks.seek(HEADER.len() as u64, 0)?;
        blocks.rows(&mut each)?;
        Ok(checkpoint)
    };
    open(path).and_then(read).map_err(|problem| problem.of(path))
}

/// What a file says of itself, at its end; nothing else of it is read.
pub(crate) fn head(path: &Path) -> Result<(Checkpoint, Footer), ReadError> {
    let read = |file| -> Result<_, Problem> {
        let blocks = Blocks::open(file)?;
        let checkpoint = readable(&blocks.footer.checkpoint, path).map_err(load_problem)?;
        Ok((checkpoint, blocks.footer))
    };
    open(path).and_then(read).map_err(|problem| problem.of(path))
}

fn open(path: &Path) -> Result<BufReader<File>, Problem> {
    Ok(BufReader::with_capacity(1 << 20, File::open(path).map_err(Problem::Io)?))
}

fn checkpoint_of(footer: &Footer, data_dir: &Path, policies: Policies) -> Result<Checkpoint, Problem> {
    checked(&footer.checkpoint, data_dir, policies).map_err(load_problem)
}

fn load_problem(error: LoadError) -> Problem {
    match error {
        LoadError::Damage(damage) => Problem::Damage(damage),
        LoadError::Refused(error) => Problem::Refused(Box::new(error)),
    }
}

#[derive(Debug)]
enum Problem {
    Io(io::Error),
    Damage(Damage),
    Refused(Box<crate::error::OpenError>),
}

impl Problem {
    fn of(self, path: &Path) -> ReadError {
        match self {
            Self::Io(error) => ReadError::Io { path: path.to_owned(), error },
            Self::Damage(what) => ReadError::Damaged { path: path.to_owned(), what },
            Self::Refused(refused) => ReadError::Refused(refused),
        }
    }
}

impl From<Damage> for Problem {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Damage::File("it ends too early").into(),
            _ => Self::Io(error),
        }
    }
}

fn load(
    file: impl Read + Seek,
    data_dir: &Path,
    policies: Policies,
    mut row: impl FnMut(&[u8], &[u8]),
) -> Result<Loaded, Problem> {
    let mut blocks = Blocks::open(file)?;
    let footer = blocks.footer.clone();
    let checkpoint = checkpoint_of(&footer, data_dir, policies)?;
    let mut loading = Loading::new(&checkpoint);
    blocks.seek(footer.new_ids_offset, footer.new_ids_block)?;
    blocks.rows(|key, value| match key.first() {
        Some(&table::NEW_IDS) => loading.note_newest(key, value),
        _ => Err(Damage::File("its rows are not in order")),
    })?;
    blocks.seek(HEADER.len() as u64, 0)?;
    let mut last: Vec<u8> = Vec::new();
    let count = blocks.rows(|key, value| {
        if *key <= *last {
            return Err(Damage::File("its rows are not in order"));
        }
        last.clear();
        last.extend_from_slice(key);
        // The same bytes as in the footer, which was read.
        if *key == CHECKPOINT_KEY && *value != *footer.checkpoint {
            return Err(Damage::File("it has two checkpoints"));
        }
        row(key, value);
        loading.row(key, Bytes::from(value))
    })?;
    if count != footer.rows {
        return Err(Damage::File("it has fewer or more rows than it says").into());
    }
    Ok(loading.finish(checkpoint)?)
}

/// The blocks of a file, one after the other.
struct Blocks<R> {
    file: R,
    footer: Footer,
    footer_offset: u64,
    offset: u64,
    place: u64,
}

impl<R: Read + Seek> Blocks<R> {
    fn open(mut file: R) -> Result<Self, Problem> {
        let mut header = [0; HEADER.len()];
        file.read_exact(&mut header)?;
        if header != *HEADER {
            return Err(Damage::File("it is no snapshot of this version").into());
        }
        let length = file.seek(SeekFrom::End(0))?;
        if length < (HEADER.len() + BLOCK_HEAD + 16) as u64 {
            return Err(Damage::File("it ends too early").into());
        }
        file.seek(SeekFrom::Start(length - 16))?;
        let mut trailer = [0; 16];
        file.read_exact(&mut trailer)?;
        let [offset, end] = *trailer.as_chunks::<8>().0 else { unreachable!("16 bytes are two times 8") };
        let footer_offset = u64::from_le_bytes(offset);
        if end != *TRAILER || footer_offset >= length {
            return Err(Damage::File("it ends too early").into());
        }
        let nothing = Footer {
            checkpoint: Vec::new(),
            blocks: 0,
            rows: 0,
            rooms: 0,
            users: 0,
            memberships: 0,
            new_ids_offset: 0,
            new_ids_block: 0,
        };
        let mut blocks = Self { file, footer: nothing, footer_offset, offset: 0, place: 0 };
        blocks.read_footer(length)?;
        Ok(blocks)
    }

    /// Its own checksum needs the number of blocks that it tells.
    fn read_footer(&mut self, length: u64) -> Result<(), Problem> {
        self.file.seek(SeekFrom::Start(self.footer_offset))?;
        let (head, content) = self.content()?;
        let footer: Footer =
            rmp_serde::from_slice(&content).map_err(|_| Damage::File("its footer is not well formed"))?;
        let end = self.footer_offset + (BLOCK_HEAD + content.len() + 16) as u64;
        if head.length & IS_FOOTER == 0
            || checksum(footer.blocks, head.length, &content) != head.checksum
            || end != length
        {
            return Err(Damage::File("its footer's checksum does not fit").into());
        }
        self.footer = footer;
        Ok(())
    }

    fn seek(&mut self, offset: u64, place: u64) -> Result<(), Problem> {
        self.file.seek(SeekFrom::Start(offset))?;
        (self.offset, self.place) = (offset, place);
        Ok(())
    }

    /// All rows from here to the footer; how many there were.
    fn rows(&mut self, mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>) -> Result<u64, Problem> {
        let mut count = 0;
        while self.offset < self.footer_offset {
            let (head, content) = self.content()?;
            if checksum(self.place, head.length, &content) != head.checksum {
                return Err(Damage::File("a block's checksum does not fit").into());
            }
            let mut cursor = Cursor::new(&content);
            while !cursor.is_at_end() {
                let bad_block = |_| Damage::File("a block is not well formed");
                let key = cursor.bytes().map_err(bad_block)?;
                let value = cursor.bytes().map_err(bad_block)?;
                each(key, value)?;
                count += 1;
            }
            self.offset += (BLOCK_HEAD + content.len()) as u64;
            self.place += 1;
        }
        if self.offset != self.footer_offset || self.place != self.footer.blocks {
            return Err(Damage::File("it has fewer or more blocks than it says").into());
        }
        Ok(count)
    }

    fn content(&mut self) -> Result<(Head, Vec<u8>), Problem> {
        let (mut length, mut checksum) = ([0; 4], [0; 16]);
        self.file.read_exact(&mut length)?;
        self.file.read_exact(&mut checksum)?;
        let length = u32::from_le_bytes(length);
        let bytes = (length & !IS_FOOTER) as usize;
        if bytes > MOST_BLOCK_BYTES {
            return Err(Damage::File("a block is longer than any block is").into());
        }
        let mut content = vec![0; bytes];
        self.file.read_exact(&mut content)?;
        Ok((Head { length, checksum }, content))
    }
}

struct Head {
    length: u32,
    checksum: [u8; 16],
}

/// For the fuzzer: reads any bytes as a snapshot. Says whether they are one.
#[cfg(feature = "fuzzing")]
pub fn fuzz(bytes: &[u8]) -> bool {
    load(io::Cursor::new(bytes), Path::new(""), Policies::default(), |_, _| {}).is_ok()
}
