//! What can happen to the files of a store, by chance.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use tests::home;

use crate::directory::{copy, generation, is_same, page_maps};
use crate::in_use::InUse;

/// So often a byte is looked for that was another earlier: after few commits, few were.
const MOST_LOOKS: usize = 100_000;
/// So often damage is drawn anew that changes nothing, such as zeros put in place of zeros.
const MOST_DRAWS: usize = 1_000;

/// One kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// One bit of a row in use is another.
    Bit,
    /// A range around a row in use is zero.
    Zeros,
    /// A range around a row in use is anything.
    Noise,
    /// Two blocks, with rows in use, are in each other's place.
    Swapped,
    /// The file ends at a row in use.
    Tail,
    /// A range around a row in use is what it was earlier.
    OldRange,
    /// A row has another bit, and sled does not know: as if it had been wrong in memory.
    RowBit,
    /// A row is gone, and sled does not know.
    RowLost,
    /// A row is what it was earlier, and sled does not know.
    RowOld,
    /// The database's file is what it was earlier; all others are new.
    OldFile,
    /// Sled's list of pages is what it was earlier; all others are new.
    OldMap,
    /// The whole directory of the database is what it was earlier.
    OldDirectory,
    /// Half a list of pages is left behind.
    Generating,
    /// Sled's list of pages has another bit, ends early or is gone.
    Map,
    /// Sled's settings have another bit, end early or are gone.
    Conf,
    /// The marker has another bit, ends early, is zero or is gone.
    Marker,
    /// The file that names the store has another bit, ends early, is zero or is gone.
    Current,
}

/// Whether the service notices a kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Of many runs, in some at least.
    Expected,
    /// In none, for this reason.
    Needless(&'static str),
}

/// Every kind, what the table calls it, and whether it is noticed.
pub(crate) const KINDS: [(Damage, &str, Notice); 17] = [
    (Damage::Bit, "a bit flipped", Notice::Expected),
    (Damage::Zeros, "a range zeroed", Notice::Expected),
    (Damage::Noise, "a range overwritten", Notice::Expected),
    (Damage::Swapped, "two blocks swapped", Notice::Expected),
    (Damage::Tail, "the tail cut", Notice::Expected),
    (Damage::OldRange, "an old range put back", Notice::Expected),
    (Damage::RowBit, "a row's bit flipped through sled", Notice::Expected),
    (Damage::RowLost, "a row removed through sled", Notice::Expected),
    (Damage::RowOld, "an old row put back through sled", Notice::Expected),
    (Damage::OldFile, "the old `db` put back", Notice::Expected),
    (
        Damage::OldMap,
        "an old `snap.*` put back",
        Notice::Needless("sled reads its log on from where the list ends"),
    ),
    (
        Damage::OldDirectory,
        "the old directory put back",
        Notice::Needless("it is a whole store, and the rest is read from the stream"),
    ),
    (Damage::Generating, "`snap.*.generating` left behind", Notice::Expected),
    (Damage::Map, "`snap.*` damaged", Notice::Expected),
    (Damage::Conf, "`conf` damaged", Notice::Expected),
    (Damage::Marker, "`marker` damaged", Notice::Expected),
    (Damage::Current, "`current` damaged", Notice::Expected),
];

/// Does it to a data directory until something there is not as in the original; returns what exactly.
/// `earlier` are some that it was earlier; each may well be the beginning of what it is now.
pub(crate) fn damage(
    kind: Damage,
    data_dir: &Path,
    original: &Path,
    earlier: &[PathBuf],
    in_use: &InUse,
    random: &mut Rng,
) -> io::Result<String> {
    for _ in 0..MOST_DRAWS {
        let earlier = &earlier[random.usize(..earlier.len())];
        if let Some(what) = draw(kind, data_dir, earlier, in_use, random)?
            && !is_same(data_dir, original)?
        {
            return Ok(what);
        }
    }
    Err(io::Error::other(format!("nothing is changed after {MOST_DRAWS} attempts")))
}

/// Does it to a data directory, and perhaps changes nothing; `None` if it is known that nothing was changed.
/// `earlier` is one that it was earlier.
fn draw(
    kind: Damage,
    data_dir: &Path,
    earlier: &Path,
    in_use: &InUse,
    random: &mut Rng,
) -> io::Result<Option<String>> {
    let (store, old) = (generation(data_dir), generation(earlier));
    let db = store.join("db");
    let what = match kind {
        Damage::OldFile => {
            fs::copy(old.join("db"), db)?;
            format!("from {}", old.display())
        }
        Damage::OldMap => {
            remove_all(&page_maps(&store))?;
            for map in page_maps(&old) {
                fs::copy(&map, store.join(map.file_name().unwrap_or_default()))?;
            }
            format!("from {}", old.display())
        }
        Damage::OldDirectory => {
            fs::remove_dir_all(&store)?;
            copy(&old, &store)?;
            format!("from {}", old.display())
        }
        Damage::Generating => {
            let maps = page_maps(&store);
            let whole = maps.first().map_or_else(|| Ok(vec![7; 1_000]), fs::read)?;
            let length = if random.bool() { 0 } else { random.usize(..whole.len()) };
            let name = format!("snap.{:016X}.generating", random.u64(..1 << 40));
            fs::write(store.join(&name), &whole[..length])?;
            format!("{name}, {length} bytes")
        }
        Damage::Map => match page_maps(&store).first() {
            Some(map) => spoil(map, random)?,
            None => return Err(io::Error::other("there is no `snap.*` to be damaged")),
        },
        Damage::RowBit | Damage::RowLost | Damage::RowOld => return through_sled(kind, &store, &old, random),
        Damage::Conf => spoil(&store.join("conf"), random)?,
        Damage::Marker => spoil(&store.join("marker"), random)?,
        Damage::Current => spoil(&data_dir.join("current"), random)?,
        _ => {
            let mut bytes = fs::read(&db)?;
            let what = in_file(kind, &mut bytes, &old, in_use, random)?;
            fs::write(&db, bytes)?;
            what
        }
    };
    Ok(Some(what))
}

/// Damage within the database's file.
fn in_file(
    kind: Damage,
    bytes: &mut Vec<u8>,
    old: &Path,
    in_use: &InUse,
    random: &mut Rng,
) -> io::Result<String> {
    let earlier = if kind == Damage::OldRange { fs::read(old.join("db"))? } else { Vec::new() };
    let place = match kind {
        Damage::OldRange => changed(bytes, &earlier, in_use, random),
        _ => in_use.any(random),
    };
    let length = [1, 16, 512, 4_096, 65_536, 1 << 20][random.usize(..6)];
    let from = place.saturating_sub(random.usize(..length));
    let range = from..(from + length).min(bytes.len());
    let what = format!("{range:?} of {}", bytes.len());
    match kind {
        Damage::Bit => {
            let bit = random.u32(..8);
            bytes[place] ^= 1 << bit;
            return Ok(format!("bit {bit} of byte {place}"));
        }
        Damage::Zeros => bytes[range].fill(0),
        Damage::Noise => bytes[range].iter_mut().for_each(|byte| *byte = random.u8(..)),
        Damage::Swapped => {
            const BLOCK: usize = 4_096;
            let (one, other) = (place / BLOCK * BLOCK, in_use.any(random) / BLOCK * BLOCK);
            for offset in 0..BLOCK {
                if one.max(other) + offset < bytes.len() {
                    bytes.swap(one + offset, other + offset);
                }
            }
            return Ok(format!("blocks at {one} and {other}"));
        }
        Damage::Tail => {
            bytes.truncate(place);
            return Ok(format!("to {place} bytes"));
        }
        _ => {
            let range = range.start.min(earlier.len())..range.end.min(earlier.len());
            bytes[range.clone()].copy_from_slice(&earlier[range]);
        }
    }
    Ok(what)
}

/// Damage that sled itself writes, with all its checksums.
fn through_sled(kind: Damage, store: &Path, old: &Path, random: &mut Rng) -> io::Result<Option<String>> {
    let database = sled::open(store)?;
    let rows: Vec<(sled::IVec, sled::IVec)> = database.iter().collect::<Result<_, _>>()?;
    let what = if kind == Damage::RowOld {
        let copied = home();
        copy(old, copied.path())?;
        let earlier = sled::open(copied.path())?;
        let is_changed = |(key, value): &&(sled::IVec, sled::IVec)| {
            earlier.get(key).is_ok_and(|old| old.is_some_and(|old| old != *value))
        };
        let Some((key, _)) = random.choice(rows.iter().filter(is_changed).collect::<Vec<_>>()) else {
            return Ok(None);
        };
        if let Some(value) = earlier.get(key)? {
            database.insert(key, value)?;
        }
        format!("row {key:?}")
    } else {
        let (key, value) = &rows[random.usize(..rows.len())];
        let mut value = value.to_vec();
        if kind == Damage::RowLost || value.is_empty() {
            database.remove(key)?;
        } else {
            let place = random.usize(..value.len());
            value[place] ^= 1 << random.u32(..8);
            database.insert(key, value)?;
        }
        format!("row {key:?}")
    };
    database.flush()?;
    Ok(Some(what))
}

/// A byte in use that was another earlier, if there is one.
fn changed(bytes: &[u8], earlier: &[u8], in_use: &InUse, random: &mut Rng) -> usize {
    let mut places = (0..MOST_LOOKS).map(|_| in_use.any(random));
    let is_changed = |place: &usize| earlier.get(*place).is_some_and(|byte| *byte != bytes[*place]);
    places.find(is_changed).unwrap_or_else(|| in_use.any(random))
}

/// Something happens to a small file.
fn spoil(file: &Path, random: &mut Rng) -> io::Result<String> {
    let mut bytes = fs::read(file)?;
    let what = match random.u32(..6) {
        0 => {
            fs::remove_file(file)?;
            return Ok("removed".to_owned());
        }
        1 => {
            bytes.clear();
            "emptied"
        }
        2 => {
            bytes.truncate(random.usize(..bytes.len().max(1)));
            "cut"
        }
        3 => {
            bytes.fill(0);
            "zeroed"
        }
        4 => {
            bytes.iter_mut().for_each(|byte| *byte = random.u8(..));
            "overwritten"
        }
        _ => {
            let place = random.usize(..bytes.len());
            bytes[place] ^= 1 << random.u32(..8);
            "a bit flipped"
        }
    };
    fs::write(file, bytes)?;
    Ok(format!("{} {what}", file.file_name().unwrap_or_default().display()))
}

fn remove_all(files: &[PathBuf]) -> io::Result<()> {
    files.iter().try_for_each(fs::remove_file)
}
