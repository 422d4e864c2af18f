//! Counters made from what was stored, rather than from events.

use std::sync::Arc;

use events::MessageKey;

use crate::changes::{Changes, KeptList, MemberFact, NumberSet, RoomFact};
use crate::memberships::Memberships;
use crate::outcome::Remembered;
use crate::{Counters, RoomIndex, UserIndex};

/// Takes stored facts in this order: rooms, then users with their memberships, then sets and lists.
#[derive(Debug)]
pub struct Restore {
    counters: Counters,
}

/// A stored fact that can't stand beside those before it: the store is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreError {
    /// Rooms come by ascending index, each once.
    RoomOrder(RoomIndex),
    /// Two rooms have the same name.
    RoomTwice(RoomIndex),
    /// Two users have the same index or the same name.
    UserTwice(UserIndex),
    /// A user of one tenant is a member of a room of another.
    ForeignMember(UserIndex, RoomIndex),
    /// The set or list belongs to a membership that is not there.
    NoSuchMember(UserIndex, RoomIndex),
    /// The set or list belongs to a room that is not there.
    NoSuchRoom(RoomIndex),
}

/// Memory for so many is asked for in advance: what says how many there are may be wrong.
const MOST_RESERVED: usize = 1 << 20;

impl Restore {
    /// Begins with counters that are still as `Counters::new` made them. All rooms and users that come have indexes below
    /// these.
    pub fn new(mut counters: Counters, next_room: RoomIndex, next_user: UserIndex) -> Self {
        counters.rooms.reserve((next_room.0 as usize).min(MOST_RESERVED));
        let users = (next_user.0 as usize).min(MOST_RESERVED);
        counters.users.reserve(users);
        counters.shared.users.reserve(users);
        Self { counters }
    }

    /// What was taken so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A room, by ascending index.
    pub fn room(
        &mut self,
        index: RoomIndex,
        tenant: &str,
        id: &str,
        fact: &RoomFact,
    ) -> Result<(), RestoreError> {
        let counters = &mut self.counters;
        if counters.rooms.next().is_ok_and(|next| index < next) {
            return Err(RestoreError::RoomOrder(index));
        }
        if counters.rooms.find(tenant, id).is_some() {
            return Err(RestoreError::RoomTwice(index));
        }
        counters.new_room(index, tenant, id);
        let tag_set = counters.shared.tag_sets.write().acquire(&fact.tags);
        let Some(room) = counters.rooms.get_mut(index) else { return Err(RestoreError::NoSuchRoom(index)) };
        room.word.head = fact.head;
        room.word.tag_set = tag_set;
        room.posted = fact.posted;
        room.time = fact.time;
        room.changed = false;
        counters.shared.words.store(index, room.word);
        Ok(())
    }

    /// The newest of a room's messages that are known of: if it is newer than what the room was
    /// given with, the room's head, messages and time are as of this one.
    pub fn newest_message(&mut self, index: RoomIndex, newest: Remembered) {
        let counters = &mut self.counters;
        let Some(room) = counters.rooms.get_mut(index) else { return };
        if newest.order > room.posted {
            room.posted = newest.order;
            room.word.head = newest.number;
            room.time = newest.time;
            counters.shared.words.store(index, room.word);
        }
    }

    /// A user with all their memberships, in any order. Those of rooms that are not there were
    /// left over when the rooms were deleted, and are dropped.
    pub fn user(
        &mut self,
        index: UserIndex,
        tenant: &str,
        id: &str,
        members: &mut Vec<(RoomIndex, MemberFact)>,
    ) -> Result<(), RestoreError> {
        let counters = &mut self.counters;
        if counters.users.get(index).is_some() {
            return Err(RestoreError::UserTwice(index));
        }
        if !members.is_sorted_by(|(room, _), (next, _)| room < next) {
            members.sort_unstable_by_key(|(room, _)| *room);
            members.dedup_by_key(|(room, _)| *room);
        }
        let tenant = counters.tenant(tenant);
        let mut foreign = None;
        members.retain(|(index, _)| {
            let Some(room) = counters.rooms.get_mut(*index) else { return false };
            room.members += 1;
            // The name of a tenant is there once.
            if !Arc::ptr_eq(&room.tenant, &tenant) {
                foreign = Some(*index);
            }
            true
        });
        if let Some(room) = foreign {
            return Err(RestoreError::ForeignMember(index, room));
        }
        if members.is_empty() {
            return Ok(());
        }
        let mut memberships = Memberships::new(members.iter().map(|(room, fact)| (*room, fact.cursor)));
        for (room, _) in members.iter().filter(|(_, fact)| fact.muted) {
            memberships.change_extra(*room, |extra| extra.muted = true);
        }
        counters.memberships += members.len() as u64;
        if counters.put_user(index, tenant, id, memberships) {
            Ok(())
        } else {
            Err(RestoreError::UserTwice(index))
        }
    }

    /// Numbers of a set; may be called again with more.
    pub fn numbers(
        &mut self,
        set: NumberSet,
        numbers: impl Iterator<Item = u32>,
    ) -> Result<(), RestoreError> {
        let counters = &mut self.counters;
        let index = set.room();
        let room = counters.rooms.get_mut(index).ok_or(RestoreError::NoSuchRoom(index))?;
        match set {
            NumberSet::Recalled(_) => {
                counters.shared.recalled(index).write().entry(index).or_default().extend(numbers);
                room.word.has_recalled = true;
                counters.shared.words.store(index, room.word);
            }
            NumberSet::MentionAll(_) => {
                counters.shared.mention_all(index).write().entry(index).or_default().extend(numbers);
            }
            NumberSet::Own(_, user) | NumberSet::Mentioned(_, user) => {
                let missing = RestoreError::NoSuchMember(user, index);
                let user = counters.users.get(user).ok_or(missing)?;
                let mut memberships = user.memberships.write();
                memberships.position(index).ok_or(missing)?;
                memberships.change_extra(index, |extra| match set {
                    NumberSet::Own(..) => extra.own.extend(numbers),
                    _ => extra.change_rest(|rest| rest.mentioned.extend(numbers)),
                });
            }
        }
        Ok(())
    }

    /// A list of kept entries, oldest first.
    pub fn kept(&mut self, list: KeptList, keys: Vec<MessageKey>) -> Result<(), RestoreError> {
        let counters = &mut self.counters;
        let index = list.room();
        let room = counters.rooms.get_mut(index).ok_or(RestoreError::NoSuchRoom(index))?;
        match list {
            KeptList::Recalls(_) => room.extra().kept_recalls = keys,
            KeptList::Reads(_, reader) => {
                let missing = RestoreError::NoSuchMember(reader, index);
                let user = counters.users.get(reader).ok_or(missing)?;
                let mut memberships = user.memberships.write();
                memberships.position(index).ok_or(missing)?;
                for key in &keys {
                    room.extra().kept_reads.entry(*key).or_default().push(reader);
                }
                memberships.change_extra(index, |extra| extra.change_rest(|rest| rest.kept_reads = keys));
            }
        }
        Ok(())
    }

    /// The counters, at this stream sequence. Rooms below `next_room` that were not given are gone
    /// for ever.
    pub fn finish(self, applied: u64, next_room: RoomIndex) -> Counters {
        let mut counters = self.counters;
        counters.rooms.skip_to(next_room);
        counters.users.free_empty_places();
        counters.changes = Changes::default();
        counters.shared.set_applied(applied);
        counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policies;

    const ROOM: RoomIndex = RoomIndex(1);
    const USER: UserIndex = UserIndex(1);

    fn room(restore: &mut Restore, index: u32, tenant: &str, id: &str) -> Result<(), RestoreError> {
        let fact = RoomFact { head: 3, posted: 3, time: 0, tags: Arc::from([]) };
        restore.room(RoomIndex(index), tenant, id, &fact)
    }

    fn user(restore: &mut Restore, index: u32, tenant: &str, id: &str) -> Result<(), RestoreError> {
        let fact = MemberFact { cursor: 1, muted: false };
        restore.user(UserIndex(index), tenant, id, &mut vec![(ROOM, fact)])
    }

    #[test]
    fn what_contradicts_what_came_before_is_refused() {
        type Case = (fn(&mut Restore) -> Result<(), RestoreError>, Result<(), RestoreError>);
        let cases: [Case; 10] = [
            (|restore| room(restore, 2, "t", "other"), Ok(())),
            (|restore| room(restore, 2, "u", "r"), Ok(())),
            (|restore| room(restore, 1, "t", "other"), Err(RestoreError::RoomOrder(ROOM))),
            (|restore| room(restore, 2, "t", "r"), Err(RestoreError::RoomTwice(RoomIndex(2)))),
            (|restore| user(restore, 2, "t", "other"), Ok(())),
            (|restore| user(restore, 1, "t", "other"), Err(RestoreError::UserTwice(USER))),
            (|restore| user(restore, 2, "t", "u"), Err(RestoreError::UserTwice(UserIndex(2)))),
            (|restore| user(restore, 2, "u", "u"), Err(RestoreError::ForeignMember(UserIndex(2), ROOM))),
            (
                |restore| restore.numbers(NumberSet::Own(ROOM, UserIndex(2)), [1].into_iter()),
                Err(RestoreError::NoSuchMember(UserIndex(2), ROOM)),
            ),
            (
                |restore| restore.numbers(NumberSet::Recalled(RoomIndex(2)), [1].into_iter()),
                Err(RestoreError::NoSuchRoom(RoomIndex(2))),
            ),
        ];
        for (place, (tell, expected)) in cases.into_iter().enumerate() {
            let mut restore = Restore::new(Counters::new(Policies::default()), RoomIndex(3), UserIndex(3));
            room(&mut restore, 1, "t", "r").unwrap();
            user(&mut restore, 1, "t", "u").unwrap();
            assert_eq!(tell(&mut restore), expected, "case {place}");
        }
    }
}
