//! Dead letters on their way: a malformed event is handled once it is here, in the same commit as
//! the position; from here it is copied to the dead-letter stream.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::database::Rows;
use crate::digest::{self, Digest};
use crate::error::StoreError;
use crate::keys::Key;
use crate::marker::Marker;
use crate::open::message;

/// A malformed event that has to be copied to the dead-letter stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// The subject it was published to.
    pub subject: String,
    /// The subject of its copy.
    pub dead_subject: String,
    /// What is wrong with it, as one word.
    pub reason: String,
    /// What is wrong with it, as a sentence.
    pub detail: String,
    /// The length of its whole body, in bytes.
    pub length: u64,
    /// The front of its body.
    #[serde(with = "binary")]
    pub body: Vec<u8>,
    /// When the stream stored it: nanoseconds since the Unix epoch.
    pub stored_at_ns: i64,
}

/// Bytes as MessagePack's binary type rather than as a list of integers.
pub(crate) mod binary {
    use serde::{Deserializer, Serializer, de::Visitor};

    pub(crate) fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(body)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

impl DeadLetter {
    fn from_row(key: &[u8], row: &[u8]) -> Result<Self, StoreError> {
        rmp_serde::from_slice(row).map_err(|_| StoreError::Damaged { key: key.to_vec() })
    }

    pub(crate) fn check(row: &[u8]) -> bool {
        rmp_serde::from_slice::<Self>(row).is_ok()
    }
}

/// The sender's side: reads what is committed, and says what was stored.
#[derive(Debug, Clone)]
pub struct Outbox {
    rows: Arc<dyn Rows>,
    marker: Marker,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Sequences of all that wait, committed or not, with the digests of their rows.
    waiting: BTreeMap<u64, Digest>,
    /// Stored in the dead-letter stream, still in the outbox.
    stored: Vec<(u64, Digest)>,
    /// The sum over all rows that the next commit leaves in the outbox.
    digest: Digest,
}

impl Outbox {
    pub(crate) fn new(rows: Arc<dyn Rows>, marker: Marker, waiting: BTreeMap<u64, Digest>) -> Self {
        let digest = sum(&waiting);
        Self { rows, marker, shared: Arc::new(Mutex::new(Shared { waiting, stored: Vec::new(), digest })) }
    }

    /// How many dead letters wait.
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// The waiting dead letters that are committed, up to a sequence, lowest sequence first, at
    /// most `limit`. Pass the durable sequence, so that nothing is sent that a crash could undo.
    pub fn committed(&self, up_to: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let waiting: Vec<u64> =
            self.shared.lock().waiting.range(..=up_to).take(limit).map(|(sequence, _)| *sequence).collect();
        let read = || waiting.into_iter().map(|sequence| self.letter(sequence)).collect();
        let letters = catch_unwind(AssertUnwindSafe(read));
        let letters = letters.unwrap_or_else(|panic| Err(StoreError::Panicked(message(&*panic))));
        letters.inspect_err(|error| self.marker.dirty(&error.to_string()))
    }

    fn letter(&self, sequence: u64) -> Result<DeadLetter, StoreError> {
        let key = Key::Outbox(sequence).to_bytes();
        let row = self.rows.get(&key)?.ok_or_else(|| StoreError::Damaged { key: key.clone() })?;
        DeadLetter::from_row(&key, &row)
    }

    /// Another outbox, of the store that was in use until now, has every letter up to a sequence that was not copied yet: those that only this one
    /// has need not be sent.
    pub fn take_over(&self, other: &Self, up_to: u64) {
        let waiting_there: Vec<u64> =
            other.shared.lock().waiting.range(..=up_to).map(|(sequence, _)| *sequence).collect();
        let here: Vec<u64> =
            self.shared.lock().waiting.range(..=up_to).map(|(sequence, _)| *sequence).collect();
        for sequence in here.into_iter().filter(|sequence| waiting_there.binary_search(sequence).is_err()) {
            self.stored(sequence);
        }
    }

    /// The copy is in the dead-letter stream: the next commit removes it here.
    pub fn stored(&self, sequence: u64) {
        let mut shared = self.shared.lock();
        if let Some(digest) = shared.waiting.remove(&sequence) {
            shared.stored.push((sequence, digest));
        }
    }

    pub(crate) fn add(&self, letter: &DeadLetter) -> (Key, Vec<u8>) {
        let row =
            rmp_serde::to_vec_named(letter).expect("a dead letter has only strings, integers and bytes");
        let mut shared = self.shared.lock();
        let digest = digest::dead_letter(&row);
        shared.waiting.insert(letter.sequence, digest);
        shared.digest += digest;
        (Key::Outbox(letter.sequence), row)
    }

    pub(crate) fn has_stored(&self) -> bool {
        !self.shared.lock().stored.is_empty()
    }

    /// What the next commit removes, and the digest of what it leaves.
    pub(crate) fn take_stored(&self) -> (Vec<u64>, Digest) {
        let mut shared = self.shared.lock();
        let mut sequences = Vec::new();
        for (sequence, digest) in std::mem::take(&mut shared.stored) {
            shared.digest -= digest;
            sequences.push(sequence);
        }
        (sequences, shared.digest)
    }
}

/// The digest of all dead letters on their way.
pub(crate) fn sum(waiting: &BTreeMap<u64, Digest>) -> Digest {
    let mut digest = Digest::default();
    waiting.values().for_each(|row| digest += *row);
    digest
}
