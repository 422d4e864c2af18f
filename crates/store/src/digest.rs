//! The digest: 128 bits that are the same for the same facts, however they were come by.

use std::hash::Hasher;
use std::ops::{AddAssign, SubAssign};

use counters::{KeptList, MemberFact, NumberSet, Remembered, RoomFact};
use events::MessageKey;
use siphasher::sip128::{Hasher128, SipHasher13};

/// The key of every fact's hash: published, so that digests of different stores can be compared.
/// It guards against damage, not against somebody who writes to the store.
const KEY: [u8; 16] = *b"tallymark facts1";

/// A sum of hashes of facts, modulo 2^128. Facts are named by tenant, room and user, never by an
/// index, so that a replay, a snapshot with its tail and a live run of the same events agree; and
/// the digests of parts add up to the digest of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Digest(pub u128);

impl AddAssign for Digest {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl SubAssign for Digest {
    fn sub_assign(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// The bytes of one fact: its kind, the names it is about, its values. Texts are preceded by their
/// length, integers are 64 bits, little-endian.
struct Fact {
    /// Most facts are shorter: they are hashed at once, which costs half as much as many small writes.
    buffer: [u8; BUFFER],
    length: usize,
    /// Of a longer one, what came before the buffer was full.
    begun: Option<SipHasher13>,
}

const BUFFER: usize = 192;

/// Hashes the fact of which `rest` tells what comes after the names.
fn hash(kind: u8, tenant: &str, room: &str, rest: impl FnOnce(&mut Fact)) -> Digest {
    let mut fact = Fact::about(kind, tenant, room);
    rest(&mut fact);
    Digest(fact.hasher().finish128().as_u128())
}

fn hasher() -> SipHasher13 {
    SipHasher13::new_with_key(&KEY)
}

impl Fact {
    fn about(kind: u8, tenant: &str, room: &str) -> Self {
        let mut fact = Self { buffer: [0; BUFFER], length: 0, begun: None };
        fact.write(&[kind]);
        fact.text(tenant).text(room);
        fact
    }

    /// That of all that was written.
    fn hasher(self) -> SipHasher13 {
        let mut hasher = self.begun.unwrap_or_else(hasher);
        hasher.write(&self.buffer[..self.length]);
        hasher
    }

    fn write(&mut self, bytes: &[u8]) {
        match self.buffer.get_mut(self.length..self.length + bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.write_long(bytes),
        }
    }

    #[cold]
    fn write_long(&mut self, bytes: &[u8]) {
        let hasher = self.begun.get_or_insert_with(hasher);
        hasher.write(&self.buffer[..self.length]);
        hasher.write(bytes);
        self.length = 0;
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.int(text.len() as u64).write(text.as_bytes());
        self
    }

    fn int(&mut self, value: u64) -> &mut Self {
        self.write(&value.to_le_bytes());
        self
    }
}

/// A room: head, messages posted, time of the head, tags.
pub fn room(tenant: &str, room: &str, fact: &RoomFact) -> Digest {
    hash(1, tenant, room, |hash| {
        hash.int(u64::from(fact.head)).int(fact.posted).int(fact.time);
        for tag in fact.tags.iter() {
            hash.text(tag);
        }
    })
}

const MEMBER: u8 = 2;

/// A membership: cursor, muted.
pub fn member(tenant: &str, room: &str, user: &str, fact: MemberFact) -> Digest {
    hash(MEMBER, tenant, room, |hash| {
        hash.text(user).int(u64::from(fact.cursor)).int(u64::from(fact.muted));
    })
}

/// What is the same in the facts of all members of a room, hashed once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MembersOfRoom(SipHasher13);

impl MembersOfRoom {
    pub(crate) fn new(tenant: &str, room: &str) -> Self {
        Self(Fact::about(MEMBER, tenant, room).hasher())
    }

    /// The same as [`member`].
    pub(crate) fn member(&self, user: &str, fact: MemberFact) -> Digest {
        let mut rest = Fact { buffer: [0; BUFFER], length: 0, begun: Some(self.0) };
        rest.text(user).int(u64::from(fact.cursor)).int(u64::from(fact.muted));
        Digest(rest.hasher().finish128().as_u128())
    }
}

/// A number in a set. `user` is the empty text where the set is the room's own.
pub fn number(tenant: &str, room: &str, user: &str, set: NumberSet, number: u32) -> Digest {
    let kind = match set {
        NumberSet::Recalled(_) => 3,
        NumberSet::MentionAll(_) => 4,
        NumberSet::Own(..) => 5,
        NumberSet::Mentioned(..) => 6,
    };
    hash(kind, tenant, room, |hash| {
        hash.text(user).int(u64::from(number));
    })
}

/// A list of kept entries, oldest first; an empty list is no fact.
pub fn kept(tenant: &str, room: &str, user: &str, list: KeptList, keys: &[MessageKey]) -> Digest {
    if keys.is_empty() {
        return Digest::default();
    }
    let kind = match list {
        KeptList::Recalls(_) => 7,
        KeptList::Reads(..) => 8,
    };
    hash(kind, tenant, room, |hash| {
        hash.text(user);
        for key in keys {
            hash.write(&key.0);
        }
    })
}

/// A known message id.
pub fn remembered(tenant: &str, room: &str, key: &MessageKey, remembered: Remembered) -> Digest {
    hash(9, tenant, room, |hash| {
        hash.write(&key.0);
        hash.int(remembered.order)
            .int(u64::from(remembered.number))
            .int(u64::from(remembered.silent))
            .int(remembered.time);
    })
}

/// The row of a dead letter on its way. It is no fact, and has a sum of its own.
pub(crate) fn dead_letter(row: &[u8]) -> Digest {
    hash(10, "", "", |hash| hash.write(row))
}

/// The checkpoint's row, but for this.
pub(crate) fn checkpoint(row: &[u8]) -> Digest {
    hash(11, "", "", |hash| hash.write(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use counters::RoomIndex;

    #[test]
    fn names_can_not_run_into_each_other() {
        let fact = MemberFact { cursor: 1, muted: false };
        assert_ne!(member("t", "ab", "c", fact), member("t", "a", "bc", fact));
        assert_ne!(member("ta", "b", "c", fact), member("t", "ab", "c", fact));
        let set = NumberSet::Recalled(RoomIndex(1));
        assert_eq!(number("t", "r", "", set, 1), number("t", "r", "", NumberSet::Recalled(RoomIndex(2)), 1));
        assert_ne!(
            number("t", "r", "", set, 1),
            number("t", "r", "", NumberSet::MentionAll(RoomIndex(1)), 1)
        );
    }

    #[test]
    fn long_facts_are_hashed_like_short_ones() {
        for length in [0, 1, 150, 160, 170, 184, 191, 192, 193, 400] {
            let (tenant, room, user) = ("t".repeat(length % 64), "r".repeat(length), "u".repeat(length / 2));
            let fact = MemberFact { cursor: 7, muted: false };
            let mut hasher = SipHasher13::new_with_key(&KEY);
            hasher.write(&[2]);
            for text in [&tenant, &room, &user] {
                hasher.write(&(text.len() as u64).to_le_bytes());
                hasher.write(text.as_bytes());
            }
            hasher.write(&7u64.to_le_bytes());
            hasher.write(&0u64.to_le_bytes());
            assert_eq!(member(&tenant, &room, &user, fact).0, hasher.finish128().as_u128(), "{length}");
            let in_steps = MembersOfRoom::new(&tenant, &room).member(&user, fact);
            assert_eq!(in_steps, member(&tenant, &room, &user, fact), "{length}");
        }
    }

    /// Stores and snapshots of all versions are compared by these values.
    #[test]
    fn the_hash_of_a_fact_never_changes() {
        let fact = MemberFact { cursor: 3, muted: true };
        assert_eq!(member("demo", "r1", "ann", fact).to_string(), "2bc7c6d0d19a8a1c8834e48dc0b973d1");
    }
}
