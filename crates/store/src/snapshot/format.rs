//! The bytes of a snapshot: a header, blocks of rows, the footer as a last block, a trailer.
//!
//! ```text
//! header    16 bytes  "tallymark snap 1"
//! block      4 bytes  length of its content, lowest byte first; the top bit is set for the footer
//!           16 bytes  checksum of place, length and content
//!                     content
//! trailer    8 bytes  where the footer's block begins, lowest byte first
//!            8 bytes  "snap end"
//! ```

use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

pub(super) const HEADER: &[u8; 16] = b"tallymark snap 1";
pub(super) const TRAILER: &[u8; 8] = b"snap end";
/// Length and checksum.
pub(super) const BLOCK_HEAD: usize = 4 + 16;
/// A block ends after the row with which it gets so long.
pub(super) const BLOCK_BYTES: usize = 256 << 10;
/// No block is longer, so no more memory is asked for.
pub(super) const MOST_BLOCK_BYTES: usize = 16 << 20;
/// The bit in a block's length that says that it is the footer.
pub(super) const IS_FOOTER: u32 = 1 << 31;

/// Guards against damage, not against somebody who writes to the file.
const KEY: [u8; 16] = *b"tallymark blocks";

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Footer {
    /// The store's checkpoint, as its row.
    #[serde(with = "crate::outbox::binary")]
    pub(crate) checkpoint: Vec<u8>,
    pub(crate) blocks: u64,
    pub(crate) rows: u64,
    pub(crate) rooms: u64,
    pub(crate) users: u64,
    pub(crate) memberships: u64,
    /// Where the first block with rows of new ids begins, and its place among the blocks: these
    /// rows are read first.
    pub(crate) new_ids_offset: u64,
    pub(crate) new_ids_block: u64,
}

/// `place` counts blocks from 0, so that two of them can't change places.
pub(super) fn checksum(place: u64, length: u32, content: &[u8]) -> [u8; 16] {
    let mut hasher = SipHasher13::new_with_key(&KEY);
    hasher.write(&place.to_le_bytes());
    hasher.write(&length.to_le_bytes());
    hasher.write(content);
    hasher.finish128().as_u128().to_le_bytes()
}
