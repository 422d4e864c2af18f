//! The digest: 128 bits that are the same for the same facts, however they were come by.

use std::hash::Hasher;
use std::iter::Sum;
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

impl Sum for Digest {
    fn sum<I: Iterator<Item = Self>>(digests: I) -> Self {
        digests.fold(Self::default(), |sum, digest| Self(sum.0.wrapping_add(digest.0)))
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

/// What several facts begin with, hashed once.
#[derive(Debug, Clone, Copy)]
struct Beginning(SipHasher13);

impl Beginning {
    fn new(kind: u8, tenant: &str, room: &str, rest: impl FnOnce(&mut Fact)) -> Self {
        let mut fact = Fact::about(kind, tenant, room);
        rest(&mut fact);
        Self(fact.hasher())
    }

    /// The fact that goes on with these bytes.
    fn with(&self, bytes: &[u8]) -> Digest {
        let mut hasher = self.0;
        hasher.write(bytes);
        Digest(hasher.finish128().as_u128())
    }
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
    hash(MEMBER, tenant, room, |hash| hash.text(user).write(&member_bytes(fact)))
}

const MEMBER_BYTES: usize = 16;

/// Two integers: the cursor, and 1 if it is muted.
fn member_bytes(fact: MemberFact) -> [u8; MEMBER_BYTES] {
    (u128::from(fact.cursor) | u128::from(fact.muted) << 64).to_le_bytes()
}

/// What is the same in the facts of all members of a room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MembersOfRoom(Beginning);

impl MembersOfRoom {
    pub(crate) fn new(tenant: &str, room: &str) -> Self {
        Self(Beginning::new(MEMBER, tenant, room, |_| ()))
    }
}

/// What comes after that in the facts of all memberships of a user. The last bytes are those of one of them.
pub(crate) struct MembershipsOfUser(Vec<u8>);

impl MembershipsOfUser {
    pub(crate) fn new(user: &str) -> Self {
        let mut bytes = Vec::with_capacity(8 + user.len() + MEMBER_BYTES);
        bytes.extend((user.len() as u64).to_le_bytes());
        bytes.extend(user.as_bytes());
        bytes.extend([0; MEMBER_BYTES]);
        Self(bytes)
    }

    /// The same as [`member`].
    pub(crate) fn member(&mut self, room: &MembersOfRoom, fact: MemberFact) -> Digest {
        if let Some(last) = self.0.last_chunk_mut() {
            *last = member_bytes(fact);
        }
        room.0.with(&self.0)
    }
}

/// A number in a set. `user` is the empty text where the set is the room's own.
pub fn number(tenant: &str, room: &str, user: &str, set: NumberSet, number: u32) -> Digest {
    NumbersOfSet::new(tenant, room, user, set).number(number)
}

/// What is the same in the facts of all numbers of a set.
pub(crate) struct NumbersOfSet(Beginning);

impl NumbersOfSet {
    pub(crate) fn new(tenant: &str, room: &str, user: &str, set: NumberSet) -> Self {
        let kind = match set {
            NumberSet::Recalled(_) => 3,
            NumberSet::MentionAll(_) => 4,
            NumberSet::Own(..) => 5,
            NumberSet::Mentioned(..) => 6,
        };
        Self(Beginning::new(kind, tenant, room, |fact| {
            fact.text(user);
        }))
    }

    /// The same as [`number`].
    pub(crate) fn number(&self, number: u32) -> Digest {
        self.0.with(&u64::from(number).to_le_bytes())
    }
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
    IdsOfRoom::new(tenant, room).remembered(key, remembered)
}

/// What is the same in the facts of all known message ids of a room.
pub(crate) struct IdsOfRoom(Beginning);

impl IdsOfRoom {
    pub(crate) fn new(tenant: &str, room: &str) -> Self {
        Self(Beginning::new(9, tenant, room, |_| ()))
    }

    /// The same as [`remembered`].
    pub(crate) fn remembered(&self, key: &MessageKey, remembered: Remembered) -> Digest {
        let Remembered { order, number, silent, time } = remembered;
        let integers = [order, u64::from(number), u64::from(silent), time].map(u64::to_le_bytes);
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(&key.0);
        bytes[16..].copy_from_slice(integers.as_flattened());
        self.0.with(&bytes)
    }
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
    use counters::{RoomIndex, UserIndex};

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

    /// The hash of a kind, texts, a key and integers, written one by one.
    fn written(kind: u8, texts: &[&str], key: &[u8], integers: &[u64]) -> Digest {
        let mut hasher = SipHasher13::new_with_key(&KEY);
        hasher.write(&[kind]);
        for text in texts {
            hasher.write(&(text.len() as u64).to_le_bytes());
            hasher.write(text.as_bytes());
        }
        hasher.write(key);
        integers.iter().for_each(|integer| hasher.write(&integer.to_le_bytes()));
        Digest(hasher.finish128().as_u128())
    }

    #[test]
    fn facts_are_hashed_as_if_written_one_by_one_however_long_they_are() {
        for length in [0, 1, 150, 160, 170, 184, 191, 192, 193, 400] {
            let (tenant, room, user) = ("t".repeat(length % 64), "r".repeat(length), "u".repeat(length / 2));
            let names = [&*tenant, &room, &user];
            let in_room = MembersOfRoom::new(&tenant, &room);
            let mut of_user = MembershipsOfUser::new(&user);
            for (cursor, muted) in [(7, false), (u32::MAX, true), (0, false)] {
                let fact = MemberFact { cursor, muted };
                let expected = written(2, &names, &[], &[cursor.into(), muted.into()]);
                assert_eq!(member(&tenant, &room, &user, fact), expected, "{length}");
                assert_eq!(of_user.member(&in_room, fact), expected, "{length}");
            }
            let set = NumberSet::Own(RoomIndex(0), UserIndex(0));
            let expected = written(5, &names, &[], &[u32::MAX.into()]);
            assert_eq!(number(&tenant, &room, &user, set, u32::MAX), expected, "{length}");
            let (key, remembered) = (
                MessageKey(*b"sixteen byte key"),
                Remembered { order: 9, number: 8, silent: true, time: u64::MAX },
            );
            let expected = written(9, &names[..2], &key.0, &[9, 8, 1, u64::MAX]);
            assert_eq!(super::remembered(&tenant, &room, &key, remembered), expected, "{length}");
        }
    }

    /// Stores and snapshots of all versions are compared by these values.
    #[test]
    fn the_hash_of_a_fact_never_changes() {
        let fact = MemberFact { cursor: 3, muted: true };
        assert_eq!(member("demo", "r1", "ann", fact).to_string(), "2bc7c6d0d19a8a1c8834e48dc0b973d1");
    }
}
