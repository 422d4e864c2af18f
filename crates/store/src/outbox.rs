//! Dead letters on their way: a malformed event is handled once it is here, in the same commit as
//! the position; from here it is copied to the dead-letter stream.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::keys::Key;

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
    #[serde(with = "body")]
    pub body: Vec<u8>,
}

/// Bytes as MessagePack's binary type rather than as a list of integers.
mod body {
    use serde::{Deserializer, Serializer, de::Visitor};

    pub(super) fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(body)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
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
    tree: sled::Tree,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Sequences of all that wait, committed or not.
    waiting: BTreeSet<u64>,
    /// Stored in the dead-letter stream, still in the outbox.
    stored: Vec<u64>,
}

impl Outbox {
    pub(crate) fn new(tree: sled::Tree, waiting: BTreeSet<u64>) -> Self {
        Self { tree, shared: Arc::new(Mutex::new(Shared { waiting, stored: Vec::new() })) }
    }

    /// How many dead letters wait.
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// The waiting dead letters that are committed, up to a sequence, lowest sequence first, at
    /// most `limit`. Pass the durable sequence, so that nothing is sent that a crash could undo.
    pub fn committed(&self, up_to: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let waiting: Vec<u64> = self.shared.lock().waiting.range(..=up_to).take(limit).copied().collect();
        let mut letters = Vec::with_capacity(waiting.len());
        for sequence in waiting {
            let key = Key::Outbox(sequence).to_bytes();
            let row = self.tree.get(&key)?.ok_or_else(|| StoreError::Damaged { key: key.clone() })?;
            letters.push(DeadLetter::from_row(&key, &row)?);
        }
        Ok(letters)
    }

    /// The copy is in the dead-letter stream: the next commit removes it here.
    pub fn stored(&self, sequence: u64) {
        let mut shared = self.shared.lock();
        if shared.waiting.remove(&sequence) {
            shared.stored.push(sequence);
        }
    }

    pub(crate) fn add(&self, letter: &DeadLetter) -> (Key, Vec<u8>) {
        self.shared.lock().waiting.insert(letter.sequence);
        let row =
            rmp_serde::to_vec_named(letter).expect("a dead letter has only strings, integers and bytes");
        (Key::Outbox(letter.sequence), row)
    }

    pub(crate) fn has_stored(&self) -> bool {
        !self.shared.lock().stored.is_empty()
    }

    pub(crate) fn take_stored(&self) -> Vec<u64> {
        std::mem::take(&mut self.shared.lock().stored)
    }
}
