//! From what changed to the rows of one commit, and to the digest after it.

use counters::{Changes, Counters, KeptList, NumberSet, RoomIndex, UserIndex};
use hashbrown::{HashMap, HashSet};

use crate::digest;
use crate::digests::Digests;
use crate::keys::Key;
use crate::rows::{self, NUMBER_BITS, UserHeader};
use crate::writer::Batch;

/// A row has up to about so many memberships: some 600 bytes for cursors of three digits.
const MEMBERS_A_ROW: usize = 128;
pub(crate) const MOST_BITS: u8 = 16;

/// In how many rows the memberships of users lie who need more than one: 2^bits.
pub(crate) type UserBits = HashMap<UserIndex, u8>;

pub(crate) struct Commit<'a> {
    pub(crate) counters: &'a Counters,
    pub(crate) changes: Changes,
    pub(crate) digests: &'a mut Digests,
    pub(crate) user_bits: &'a mut UserBits,
    pub(crate) batch: Batch,
}

impl Commit<'_> {
    /// Rows of rooms, users, numbers and kept lists.
    pub(crate) fn batch(mut self) -> Batch {
        let deleted: HashSet<RoomIndex> = self.changes.deleted_rooms.iter().copied().collect();
        self.rooms(&deleted);
        self.members(&deleted);
        self.numbers(&deleted);
        self.kept(&deleted);
        self.batch
    }

    fn rooms(&mut self, deleted: &HashSet<RoomIndex>) {
        for (index, before) in std::mem::take(&mut self.changes.rooms) {
            let Some((tenant, room)) = self.counters.room_name(index) else { continue };
            let Some(fact) = self.counters.room_fact(index) else { continue };
            let had_same_tags = before.as_ref().is_some_and(|before| before.tags == fact.tags);
            if let Some(before) = before {
                self.digests.subtract(index, digest::room(tenant, room, &before));
            }
            self.digests.add(index, digest::room(tenant, room, &fact));
            // What posts change of a room is in the row of its newest id too, so that alone needs
            // no row: the next load takes it from there.
            if !had_same_tags {
                self.put(Key::Room(index), rows::put_room(tenant, room, &fact));
            }
        }
        self.batch.removed.extend(deleted.iter().map(|room| Key::Room(*room)));
        self.batch.deleted_rooms.extend(deleted);
    }

    fn members(&mut self, deleted: &HashSet<RoomIndex>) {
        let mut dirty: HashMap<UserIndex, Vec<RoomIndex>> = HashMap::new();
        for ((user, index), before) in std::mem::take(&mut self.changes.members) {
            if deleted.contains(&index) {
                continue;
            }
            let after = self.counters.member_fact(user, index);
            let Some((tenant, room)) = self.counters.room_name(index) else { continue };
            if before != after {
                let name = self.user_id(user).to_owned();
                if let Some(before) = before {
                    self.digests.subtract(index, digest::member(tenant, room, &name, before));
                }
                if let Some(after) = after {
                    self.digests.add(index, digest::member(tenant, room, &name, after));
                }
                dirty.entry(user).or_default().push(index);
            }
        }
        for user in self.changes.gone_users.keys() {
            let bits = self.user_bits.remove(user).unwrap_or(0);
            self.batch.removed.extend(chunks(bits).map(|chunk| Key::User(*user, chunk)));
            dirty.remove(user);
        }
        for (user, rooms) in dirty {
            self.user_rows(user, &rooms);
        }
    }

    fn user_rows(&mut self, index: UserIndex, changed: &[RoomIndex]) {
        let Some((tenant, user)) = self.counters.user_name(index) else { return };
        let old_bits = self.user_bits.get(&index).copied().unwrap_or(0);
        let mut bits = old_bits;
        while self.counters.held_memberships(index) > MEMBERS_A_ROW << bits && bits < MOST_BITS {
            bits += 1;
        }
        let mut to_write: Vec<u16> = if bits == old_bits {
            changed.iter().map(|room| chunk_of(*room, bits)).collect()
        } else {
            self.user_bits.insert(index, bits);
            chunks(bits).collect()
        };
        to_write.sort_unstable();
        to_write.dedup();
        let mut members: Vec<Vec<_>> = vec![Vec::new(); to_write.len()];
        self.counters.each_membership(index, |room, fact| {
            if let Ok(place) = to_write.binary_search(&chunk_of(room, bits)) {
                members[place].push((room, fact));
            }
        });
        for (chunk, members) in to_write.into_iter().zip(members) {
            let key = Key::User(index, chunk);
            let header = (chunk == 0).then_some(UserHeader { tenant, user, bits });
            if header.is_none() && members.is_empty() {
                self.batch.removed.push(key);
            } else {
                self.put(key, rows::put_members(header, members.into_iter()));
            }
        }
    }

    fn numbers(&mut self, deleted: &HashSet<RoomIndex>) {
        let mut dirty: HashSet<(NumberSet, u32)> = HashSet::new();
        for change in std::mem::take(&mut self.changes.numbers) {
            let index = change.set.room();
            if deleted.contains(&index) {
                continue;
            }
            let Some((tenant, room)) = self.counters.room_name(index) else { continue };
            let user = change.set.user().map_or("", |user| self.user_id(user));
            let fact = digest::number(tenant, room, user, change.set, change.number);
            if change.added {
                self.digests.add(index, fact);
            } else {
                self.digests.subtract(index, fact);
            }
            dirty.insert((change.set, change.number >> NUMBER_BITS));
        }
        for (set, chunk) in dirty {
            let first = chunk << NUMBER_BITS;
            let last = first | ((1 << NUMBER_BITS) - 1);
            let numbers: Vec<u32> =
                self.counters.with_numbers(set, |numbers| numbers.iter_within(first..=last).collect());
            let key = Key::Numbers(set, chunk);
            if numbers.is_empty() {
                self.batch.removed.push(key);
            } else {
                self.put(key, rows::put_numbers(&numbers));
            }
        }
    }

    fn kept(&mut self, deleted: &HashSet<RoomIndex>) {
        for (list, before) in std::mem::take(&mut self.changes.kept) {
            let index = list.room();
            if deleted.contains(&index) {
                continue;
            }
            let Some((tenant, room)) = self.counters.room_name(index) else { continue };
            let user = match list {
                KeptList::Recalls(_) => "",
                KeptList::Reads(_, user) => self.user_id(user),
            };
            let after = self.counters.with_kept(list, <[_]>::to_vec);
            let (before, after_fact) = (
                digest::kept(tenant, room, user, list, &before),
                digest::kept(tenant, room, user, list, &after),
            );
            self.digests.subtract(index, before);
            self.digests.add(index, after_fact);
            if after.is_empty() {
                self.batch.removed.push(Key::Kept(list));
            } else {
                self.put(Key::Kept(list), rows::put_kept(&after));
            }
        }
    }

    /// A changed fact is about a user who is there, or who has gone since the last commit.
    fn user_id(&self, user: UserIndex) -> &str {
        match self.counters.user_name(user) {
            Some((_, id)) => id,
            None => self.changes.gone_users.get(&user).map_or("", |name| &name.user),
        }
    }

    fn put(&mut self, key: Key, row: Vec<u8>) {
        self.batch.written.push((key, row.into()));
    }
}

fn chunks(bits: u8) -> impl Iterator<Item = u16> {
    (0..1u32 << bits).filter_map(|chunk| u16::try_from(chunk).ok())
}

#[allow(clippy::cast_possible_truncation, reason = "at most 16 bits are left")]
pub(crate) fn chunk_of(room: RoomIndex, bits: u8) -> u16 {
    (room.0 & ((1 << bits) - 1)) as u16
}
