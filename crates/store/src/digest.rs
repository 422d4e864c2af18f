//! The digest: 128 bits that are the same for the same facts, however they were come by.

use std::iter::Sum;
use std::ops::{AddAssign, SubAssign};

use counters::{KeptList, MemberFact, NumberSet, Remembered, RoomFact};
use events::MessageKey;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The seed of every hash: published, so that digests of different stores can be compared.
/// It guards against damage, not against somebody who writes to the store.
const SEED: u64 = u64::from_le_bytes(*b"tallymrk");

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

/// The hash of a fact is that of what it is about, with its values behind.
fn hash(bytes: &[u8]) -> Digest {
    Digest(xxh3_128_with_seed(bytes, SEED))
}

/// What a fact is made of, in one piece. Texts are preceded by their length, integers are 64 bits, little-endian.
struct Bytes(SmallVec<[u8; 128]>);

impl Bytes {
    fn text(&mut self, text: &str) -> &mut Self {
        self.int(text.len() as u64).put(text.as_bytes())
    }

    fn int(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// What facts are about, as the hash of their kind and the names: several facts of one room need it once.
#[derive(Debug, Clone, Copy)]
struct About([u8; 16]);

impl About {
    fn new(kind: u8, names: &[&str]) -> Self {
        let mut bytes = Bytes(SmallVec::new());
        bytes.put(&[kind]);
        for name in names {
            bytes.text(name);
        }
        Self(hash(&bytes.0).0.to_le_bytes())
    }

    /// The fact with these values.
    fn with(self, values: impl FnOnce(&mut Bytes)) -> Digest {
        let mut bytes = Bytes(SmallVec::from_slice(&self.0));
        values(&mut bytes);
        hash(&bytes.0)
    }
}

/// A room: head, messages posted, time of the head, tags.
pub fn room(tenant: &str, room: &str, fact: &RoomFact) -> Digest {
    About::new(1, &[tenant, room]).with(|values| {
        values.int(u64::from(fact.head)).int(fact.posted).int(fact.time);
        for tag in fact.tags.iter() {
            values.text(tag);
        }
    })
}

/// A membership: user, cursor, muted.
pub fn member(tenant: &str, room: &str, user: &str, fact: MemberFact) -> Digest {
    MembersOfRoom::new(tenant, room).member(MembershipsOfUser::new(user), fact)
}

/// What is the same in the facts of all members of a room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MembersOfRoom(About);

/// What is the same in the facts of all memberships of a user: the hash of the id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MembershipsOfUser(About);

impl MembershipsOfUser {
    pub(crate) fn new(user: &str) -> Self {
        Self(About::new(2, &[user]))
    }
}

impl MembersOfRoom {
    pub(crate) fn new(tenant: &str, room: &str) -> Self {
        Self(About::new(2, &[tenant, room]))
    }

    /// The same as [`member`]. Always 48 bytes, so there is nothing to loop over or to look at.
    pub(crate) fn member(self, user: MembershipsOfUser, fact: MemberFact) -> Digest {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(&self.0.0);
        bytes[16..32].copy_from_slice(&user.0.0);
        bytes[32..40].copy_from_slice(&u64::from(fact.cursor).to_le_bytes());
        bytes[40..].copy_from_slice(&u64::from(fact.muted).to_le_bytes());
        hash(&bytes)
    }
}

/// A number in a set. `user` is the empty text where the set is the room's own.
pub fn number(tenant: &str, room: &str, user: &str, set: NumberSet, number: u32) -> Digest {
    NumbersOfSet::new(tenant, room, user, set).number(number)
}

/// What is the same in the facts of all numbers of a set.
pub(crate) struct NumbersOfSet(About);

impl NumbersOfSet {
    pub(crate) fn new(tenant: &str, room: &str, user: &str, set: NumberSet) -> Self {
        let kind = match set {
            NumberSet::Recalled(_) => 3,
            NumberSet::MentionAll(_) => 4,
            NumberSet::Own(..) => 5,
            NumberSet::Mentioned(..) => 6,
        };
        Self(About::new(kind, &[tenant, room, user]))
    }

    /// The same as [`number`].
    pub(crate) fn number(&self, number: u32) -> Digest {
        self.0.with(|values| {
            values.int(u64::from(number));
        })
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
    About::new(kind, &[tenant, room, user]).with(|values| {
        for key in keys {
            values.put(&key.0);
        }
    })
}

/// A known message id.
pub fn remembered(tenant: &str, room: &str, key: &MessageKey, remembered: Remembered) -> Digest {
    IdsOfRoom::new(tenant, room).remembered(key, remembered)
}

/// What is the same in the facts of all known message ids of a room.
pub(crate) struct IdsOfRoom(About);

impl IdsOfRoom {
    pub(crate) fn new(tenant: &str, room: &str) -> Self {
        Self(About::new(9, &[tenant, room]))
    }

    /// The same as [`remembered`].
    pub(crate) fn remembered(&self, key: &MessageKey, remembered: Remembered) -> Digest {
        let Remembered { order, number, silent, time } = remembered;
        self.0.with(|values| {
            values.put(&key.0).int(order).int(u64::from(number)).int(u64::from(silent)).int(time);
        })
    }
}

/// The row of a dead letter on its way. It is no fact, and has a sum of its own.
pub(crate) fn dead_letter(row: &[u8]) -> Digest {
    About::new(10, &[]).with(|values| {
        values.put(row);
    })
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

    /// The hash of names and values, all of them written out.
    fn written(names: &[&[u8]], values: &[&[u8]]) -> Digest {
        let names = xxh3_128_with_seed(&names.concat(), SEED).to_le_bytes();
        Digest(xxh3_128_with_seed(&[&names, &*values.concat()].concat(), SEED))
    }

    fn text(text: &str) -> Vec<u8> {
        [&text.len().to_le_bytes(), text.as_bytes()].concat()
    }

    #[test]
    fn facts_are_hashed_as_documented_however_long_they_are() {
        for length in [0, 1, 60, 100, 128, 129, 150, 400] {
            let (tenant, room, user) = ("t".repeat(length % 64), "r".repeat(length), "u".repeat(length / 2));
            let [t, r, u] = [&tenant, &room, &user].map(|name| text(name));
            let int = u64::to_le_bytes;

            let tags = [Box::from("a"), Box::from(&*room)];
            let fact = RoomFact { head: 7, posted: 9, time: u64::MAX, tags: tags.into() };
            let values = [&int(7)[..], &int(9), &int(u64::MAX), &text("a"), &r];
            assert_eq!(super::room(&tenant, &room, &fact), written(&[&[1], &t, &r], &values), "{length}");

            for (cursor, muted) in [(7, false), (u32::MAX, true), (0, false)] {
                let of_user = xxh3_128_with_seed(&[&[2], &*u].concat(), SEED).to_le_bytes();
                let values = [&of_user[..], &int(cursor.into()), &int(muted.into())];
                let expected = written(&[&[2], &t, &r], &values);
                let fact = MemberFact { cursor, muted };
                assert_eq!(member(&tenant, &room, &user, fact), expected, "{length}");
            }

            let set = NumberSet::Own(RoomIndex(0), UserIndex(0));
            let expected = written(&[&[5], &t, &r, &u], &[&int(u32::MAX.into())]);
            assert_eq!(number(&tenant, &room, &user, set, u32::MAX), expected, "{length}");

            let keys = vec![MessageKey(*b"sixteen byte key"); length];
            let list = KeptList::Reads(RoomIndex(0), UserIndex(0));
            let expected = written(&[&[8], &t, &r, &u], &[&b"sixteen byte key".repeat(length)]);
            let expected = if keys.is_empty() { Digest::default() } else { expected };
            assert_eq!(kept(&tenant, &room, &user, list, &keys), expected, "{length}");

            let remembered = Remembered { order: 9, number: 8, silent: true, time: u64::MAX };
            let values = [&b"sixteen byte key"[..], &int(9), &int(8), &int(1), &int(u64::MAX)];
            let key = MessageKey(*b"sixteen byte key");
            let expected = written(&[&[9], &t, &r], &values);
            assert_eq!(super::remembered(&tenant, &room, &key, remembered), expected, "{length}");
        }
    }

    /// Stores and snapshots are compared by these values, whichever version of this format wrote them. Another
    /// implementation of XXH3 agrees.
    #[test]
    fn the_hash_of_a_fact_never_changes() {
        let fact = MemberFact { cursor: 3, muted: true };
        assert_eq!(member("demo", "r1", "ann", fact).to_string(), "375d41ff3da7490d78c9de0338c2600d");
    }
}
