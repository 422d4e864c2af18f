//! A word outside of sled on how a generation was left: one block of a file that is overwritten
//! in place, so that even a full disk takes it.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The smallest piece that devices write whole.
const BLOCK: usize = 512;

/// How a store was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Closed in order.
    Closed,
    /// Its opening began, for the so-manieth time in a row, and did not end.
    Opening(u32),
    /// In use.
    Open,
    /// Memory and disk may differ, for this reason.
    Dirty(String),
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => write!(formatter, "closed"),
            Self::Opening(times) => write!(formatter, "opening {times}"),
            Self::Open => write!(formatter, "open"),
            Self::Dirty(reason) => write!(formatter, "dirty {reason}"),
        }
    }
}

impl State {
    /// What can't be read was being written, or is damaged.
    fn from_block(block: &[u8]) -> Self {
        let text = std::str::from_utf8(block).ok().and_then(|text| text.split_once('\n'));
        let state = text.and_then(|(line, rest)| {
            let (word, rest_of_line) = line.split_once(' ').unwrap_or((line, ""));
            let is_padding = rest.bytes().all(|byte| byte == b' ');
            match word {
                _ if !is_padding => None,
                "closed" if rest_of_line.is_empty() => Some(Self::Closed),
                "open" if rest_of_line.is_empty() => Some(Self::Open),
                "opening" => rest_of_line.parse().ok().map(Self::Opening),
                "dirty" => Some(Self::Dirty(rest_of_line.to_owned())),
                _ => None,
            }
        });
        state.unwrap_or_else(|| Self::Dirty("the marker file is damaged".to_owned()))
    }

    fn to_block(&self) -> [u8; BLOCK] {
        let mut block = [b' '; BLOCK];
        let mut line = self.to_string().replace(['\n', '\0'], " ");
        while line.len() >= BLOCK {
            line.pop();
        }
        line.push('\n');
        block[..line.len()].copy_from_slice(line.as_bytes());
        block
    }
}

/// Cheap to clone: all clones write one file.
#[derive(Debug, Clone)]
pub(crate) struct Marker {
    file: Arc<File>,
    is_dirty: Arc<AtomicBool>,
}

impl Marker {
    /// Opens the file and reads it, or makes it: a store without one was closed in order.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, State)> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let is_new = file.metadata()?.len() == 0;
        let marker = Self { file: Arc::new(file), is_dirty: Arc::default() };
        if is_new {
            marker.write(&State::Closed)?;
            return Ok((marker, State::Closed));
        }
        let mut block = [0; BLOCK];
        let mut length = 0;
        while length < BLOCK {
            match marker.file.read_at(&mut block[length..], length as u64)? {
                0 => break,
                more => length += more,
            }
        }
        Ok((marker, State::from_block(&block[..length])))
    }

    /// Writes it to the device, unless the store was found dirty in between.
    pub(crate) fn set(&self, state: &State) -> io::Result<()> {
        if self.is_dirty.load(Ordering::Acquire) { Ok(()) } else { self.write(state) }
    }

    /// The next process does not trust this store. The first reason stays.
    pub(crate) fn dirty(&self, reason: &str) {
        if !self.is_dirty.swap(true, Ordering::AcqRel) {
            tracing::error!(reason, "the store can't be trusted any more: the next start recovers it");
            if let Err(error) = self.write(&State::Dirty(reason.to_owned())) {
                tracing::error!(%error, "this could not be noted for the next start, which verifies the store in any case");
            }
        }
    }

    fn write(&self, state: &State) -> io::Result<()> {
        self.file.write_all_at(&state.to_block(), 0)?;
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("marker");
        let (marker, state) = Marker::open(&path).unwrap();
        assert_eq!(state, State::Closed, "there was none");
        for state in [State::Opening(3), State::Open, State::Closed] {
            marker.set(&state).unwrap();
            assert_eq!(Marker::open(&path).unwrap().1, state);
            assert_eq!(std::fs::metadata(&path).unwrap().len(), BLOCK as u64);
        }
    }

    #[test]
    fn dirty_stays_dirty_with_its_first_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("marker");
        let (marker, _) = Marker::open(&path).unwrap();
        marker.dirty(&format!("first\nof {}", "é".repeat(BLOCK)));
        marker.dirty("second");
        marker.set(&State::Closed).unwrap();
        let (_, State::Dirty(reason)) = Marker::open(&path).unwrap() else { panic!("not dirty") };
        assert!(reason.starts_with("first of é"), "{reason}");
    }

    #[test]
    fn what_can_not_be_read_is_dirty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("marker");
        let whole = State::Open.to_block();
        let mut flipped = whole;
        flipped[300] ^= 1;
        for block in [&whole[..3], b"opening many\n", b"closed \xff\n", &[0; BLOCK], &flipped] {
            std::fs::write(&path, block).unwrap();
            assert!(matches!(Marker::open(&path).unwrap().1, State::Dirty(_)), "{block:?}");
        }
    }
}
