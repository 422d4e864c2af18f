//! Which bytes of a database's file are in use. Sled writes a log: most of an old file is what rows were
//! before, and damage there proves nothing.
//!
//! All rows are read from a copy, and each row's value is looked for in the file. Of several places the one
//! written last is the one that counts: a segment's header tells its place in the log.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use ::tests::home;
use fastrand::Rng;

use crate::directory::copy;

/// Sled's default, which the service leaves as it is.
const SEGMENT: usize = 512 * 1024;
/// A segment's header has its place in the log here, with these bits inverted.
const LOG_PLACE: Range<usize> = 4..12;
const INVERTED: u64 = 0x7fff_ffff_ffff_ffff;
/// Shorter values are not looked for: they could be found by chance.
const LEAST_BYTES: usize = 16;

/// Places in a database's file.
#[derive(Debug)]
pub(crate) struct InUse {
    /// Where rows' values are.
    places: Vec<Range<usize>>,
    /// How many bytes all of them are.
    pub(crate) bytes: u64,
    /// How many bytes rows have, found or not, with their keys.
    pub(crate) row_bytes: u64,
}

impl InUse {
    /// Reads the rows of the database in that directory, which stays as it is.
    pub(crate) fn of(generation: &Path) -> Self {
        let copied = home();
        copy(generation, copied.path()).expect("a directory can be copied");
        let database = sled::open(copied.path()).expect("sled opens what it closed");
        let rows = database.iter().map(|row| row.expect("a row can be read"));
        let rows: Vec<(sled::IVec, sled::IVec)> = rows.collect();
        let file = fs::read(generation.join("db")).expect("a file can be read");
        let places = find(&file, rows.iter().map(|(_, value)| &**value));
        let row_bytes = rows.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum();
        let bytes = places.iter().map(|place| place.len() as u64).sum();
        Self { places, bytes, row_bytes }
    }

    /// A byte of any row.
    pub(crate) fn any(&self, random: &mut Rng) -> usize {
        let place = &self.places[random.usize(..self.places.len())];
        random.usize(place.clone())
    }
}

/// Where each of these values was written last.
fn find<'a>(file: &[u8], values: impl Iterator<Item = &'a [u8]>) -> Vec<Range<usize>> {
    let mut by_front: HashMap<[u8; LEAST_BYTES], Vec<Value<'a>>> = HashMap::new();
    // Most places of the file begin no value: two bytes are enough to see that.
    let mut begins = vec![false; 1 << 16];
    for bytes in values {
        if let Some(front) = bytes.first_chunk() {
            begins[usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))] = true;
            by_front.entry(*front).or_default().push(Value { bytes, found: None });
        }
    }
    for (segment, bytes) in file.chunks(SEGMENT).enumerate() {
        let written = bytes
            .get(LOG_PLACE)
            .and_then(|place| place.first_chunk())
            .map(|place| u64::from_le_bytes(*place));
        let written = written.map_or(0, |place| place ^ INVERTED);
        for (offset, front) in bytes.windows(LEAST_BYTES).enumerate() {
            if !begins[usize::from(u16::from_le_bytes([front[0], front[1]]))] {
                continue;
            }
            let front = front.first_chunk().expect("a window is as long as that");
            let Some(values) = by_front.get_mut(front) else { continue };
            for value in values {
                if bytes[offset..].starts_with(value.bytes) {
                    value.found = value.found.max(Some((written, offset, segment * SEGMENT + offset)));
                }
            }
        }
    }
    let values = by_front.into_values().flatten();
    let places = values.filter_map(|value| value.found.map(|(.., place)| place..place + value.bytes.len()));
    let mut places: Vec<Range<usize>> = places.collect();
    places.sort_unstable_by_key(|place| place.start);
    places.dedup();
    places
}

struct Value<'a> {
    bytes: &'a [u8],
    /// The place in the log and in the file.
    found: Option<(u64, usize, usize)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows are those of a store, in their size and number of changes.
    #[test]
    fn a_flipped_bit_in_use_is_seen_by_sled_or_changes_a_row() {
        let directory = tempfile::tempdir().unwrap();
        let row = |key: u32, version: u32| {
            let key = key.to_be_bytes();
            (key, [key, version.to_be_bytes()].concat().repeat(30))
        };
        let database = sled::open(directory.path()).unwrap();
        for version in 0..5_u32 {
            for number in 0..2_000_u32 {
                let (key, value) = row(number * (version + 1) % 2_000, version);
                database.insert(key, value).unwrap();
            }
        }
        drop(database);
        let in_use = InUse::of(directory.path());
        assert!(in_use.bytes > in_use.row_bytes / 2, "{} of {}", in_use.bytes, in_use.row_bytes);
        let rows = |directory: &Path| {
            let database = sled::open(directory).map_err(|error| error.to_string())?;
            database.iter().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())
        };
        let expected = rows(directory.path()).unwrap();
        let mut random = Rng::with_seed(1);
        for _ in 0..20 {
            let damaged = tempfile::tempdir().unwrap();
            copy(directory.path(), damaged.path()).unwrap();
            let db = damaged.path().join("db");
            let mut bytes = fs::read(&db).unwrap();
            bytes[in_use.any(&mut random)] ^= 4;
            fs::write(&db, bytes).unwrap();
            let found = std::panic::catch_unwind(|| rows(damaged.path()));
            assert!(!matches!(found, Ok(Ok(found)) if found == expected), "the byte was not in use");
        }
    }
}
