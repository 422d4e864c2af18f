//! Snapshots of the store.

use std::borrow::Cow;
use std::hash::Hasher;
use std::ops::Range;

use serde::{Serialize, Serializer};
use siphasher::sip128::{Hasher128, SipHasher13};
use store::fuzz_snapshot as is_whole;

const HEADER: &[u8] = b"tallymark snap 1";

/// Reads an input that begins as snapshots do as one; any other is taken for rows, and put into a file
/// whose checksums fit, since what is behind them would hardly be reached otherwise.
///
/// Of what is taken for whole, every part is proved: with a bit turned, its end cut off or a byte put
/// in, it is refused.
pub fn snapshot(input: &[u8]) -> Vec<String> {
    let (form, file) = if input.starts_with(HEADER) {
        ("file", Cow::Borrowed(input))
    } else {
        ("rows", Cow::Owned(file_of(input)))
    };
    if !is_whole(&file) {
        return vec![format!("{form}: refused")];
    }
    let trailer = file.len() - 16;
    for place in (0..file.len()).step_by(1 + file.len() / 16).chain([trailer]) {
        let mut damaged = file.to_vec();
        damaged[place] ^= 1 << (place % 8);
        assert!(!is_whole(&damaged), "bit {} of byte {place} was turned", place % 8);
        assert!(!is_whole(&file[..place]), "it was cut off at byte {place}");
        let mut damaged = file.to_vec();
        damaged.insert(place, 0);
        assert!(!is_whole(&damaged), "a byte was put in at byte {place}");
    }
    assert!(!is_whole(&[&file, &[0][..]].concat()), "a byte was added");
    vec![format!("{form}: whole")]
}

/// The footer, as far as a reader looks at it.
#[derive(Default, Serialize)]
struct Footer<'a> {
    checkpoint: Bytes<'a>,
    blocks: u64,
    rows: u64,
    rooms: u64,
    users: u64,
    memberships: u64,
    new_ids_offset: u64,
    new_ids_block: u64,
}

/// MessagePack's binary type rather than a list of integers.
#[derive(Default)]
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_bytes(self.0)
    }
}

/// Tables, as the first byte of a row's key names them.
const CHECKPOINT: u8 = 1;
const NEW_IDS: u8 = 8;

/// A snapshot of these rows, each a key and a value with their lengths in front. How it is laid out is
/// told in `crates/store/src/snapshot/format.rs`.
fn file_of(rows: &[u8]) -> Vec<u8> {
    let mut footer = Footer::default();
    let mut new_ids = rows.len();
    let mut start = 0;
    while let Some((key, value)) = row(rows, start) {
        match rows[key] {
            [NEW_IDS, ..] => new_ids = new_ids.min(start),
            [CHECKPOINT] => footer.checkpoint = Bytes(&rows[value.clone()]),
            _ => {}
        }
        footer.rows += 1;
        start = value.end;
    }
    let mut file = HEADER.to_vec();
    let (first, second) = rows.split_at(new_ids);
    put_block(&mut file, &mut footer.blocks, first);
    (footer.new_ids_offset, footer.new_ids_block) = (file.len() as u64, footer.blocks);
    put_block(&mut file, &mut footer.blocks, second);
    let footer_offset = file.len() as u64;
    let content = rmp_serde::to_vec_named(&footer).expect("a footer has only bytes and integers");
    put_head(&mut file, footer.blocks, &content, 1 << 31);
    file.extend(content);
    file.extend(footer_offset.to_le_bytes());
    file.extend(b"snap end");
    file
}

fn put_block(file: &mut Vec<u8>, blocks: &mut u64, content: &[u8]) {
    if !content.is_empty() {
        put_head(file, *blocks, content, 0);
        file.extend(content);
        *blocks += 1;
    }
}

fn put_head(file: &mut Vec<u8>, place: u64, content: &[u8], flag: u32) {
    let length = u32::try_from(content.len()).expect("an input is no longer than a block") | flag;
    let mut checksum = SipHasher13::new_with_key(b"tallymark blocks");
    checksum.write(&place.to_le_bytes());
    checksum.write(&length.to_le_bytes());
    checksum.write(content);
    file.extend(length.to_le_bytes());
    file.extend(checksum.finish128().as_bytes());
}

/// Where key and value of the row that begins here lie.
fn row(rows: &[u8], start: usize) -> Option<(Range<usize>, Range<usize>)> {
    let key = bytes(rows, start)?;
    let value = bytes(rows, key.end)?;
    Some((key, value))
}

/// Bytes with their length in front, seven bits a byte, lowest first.
fn bytes(rows: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = rows.get(start..)?;
    let last = rest.iter().take(4).position(|byte| *byte < 0x80)?;
    let length = rest[..=last].iter().rfold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
    let start = start + last + 1;
    (start + length <= rows.len()).then_some(start..start + length)
}
