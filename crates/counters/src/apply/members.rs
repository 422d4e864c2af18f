//! Rules 5 to 10 and 12: members read, mute, join and leave.

use std::sync::Arc;

use events::{History, MessageKey, MessageRead, MessageUnread, RoomJoined, RoomLeft, RoomMuted};

use crate::changes::{KeptList, NumberSet};
use crate::memberships::{Extra, Memberships, Rest};
use crate::outcome::{Applied, Full, Outcome, Reason, Remembered};
use crate::users::User;
use crate::{Counters, Numbers, RoomIndex};

/// Rule 6: how many reads a member keeps in one room.
pub(crate) const KEPT_READS: usize = 16;

impl Counters {
    pub(super) fn read(
        &mut self,
        tenant: &str,
        body: &MessageRead<'_>,
        room: Option<RoomIndex>,
        key: Option<MessageKey>,
        known: Option<Remembered>,
    ) -> Applied {
        let Some((room, user)) = self.member(tenant, &body.user, room) else {
            return Applied::unchanged(Reason::NotAMember);
        };
        // Rule 5; rule 1: for a silent message, `number` is the one that it stands for.
        let target = match (key, known) {
            (None, _) => self.rooms.get(room).map_or(0, |room| room.word.head),
            (Some(_), Some(remembered)) => remembered.number,
            (Some(key), None) => return self.keep_read(&user, room, key),
        };
        let mut memberships = user.memberships.write();
        if memberships.cursor(room).is_some_and(|cursor| cursor >= target) {
            return Applied::unchanged(Reason::AlreadyRead);
        }
        self.move_cursor(&user, &mut memberships, room, target);
        Applied::changed()
    }

    /// Rule 6: the read waits for its message.
    fn keep_read(&mut self, user: &User, index: RoomIndex, key: MessageKey) -> Applied {
        let mut memberships = user.memberships.write();
        if memberships.extra(index).is_some_and(|extra| extra.kept_reads().contains(&key)) {
            return Applied::unchanged(Reason::AlreadyKept);
        }
        let changes = &mut self.changes;
        let fallen_out = memberships.change_extra(index, |extra| {
            changes.kept(KeptList::Reads(index, user.index), extra.kept_reads());
            extra.change_rest(|Rest { kept_reads, .. }| {
                kept_reads.push(key);
                (kept_reads.len() > KEPT_READS).then(|| kept_reads.remove(0))
            })
        });
        if let Some(room) = self.rooms.get_mut(index) {
            room.extra().kept_reads.entry(key).or_default().push(user.index);
            if let Some(oldest) = fallen_out {
                room.forget_kept_read(&oldest, user.index);
            }
        }
        Applied { fallen_out: u32::from(fallen_out.is_some()), ..Applied::new(Outcome::Kept) }
    }

    /// Rule 7.
    pub(super) fn unread_from(
        &mut self,
        tenant: &str,
        body: &MessageUnread<'_>,
        room: Option<RoomIndex>,
        known: Option<Remembered>,
    ) -> Applied {
        let Some((room, user)) = self.member(tenant, &body.user, room) else {
            return Applied::unchanged(Reason::NotAMember);
        };
        let Some(remembered) = known else { return Applied::unchanged(Reason::UnknownMessage) };
        let target = if remembered.silent { remembered.number } else { remembered.number - 1 };
        let mut memberships = user.memberships.write();
        if memberships.cursor(room) == Some(target) {
            return Applied::unchanged(Reason::AlreadyUnread);
        }
        self.move_cursor(&user, &mut memberships, room, target);
        Applied::changed()
    }

    pub(crate) fn move_cursor(
        &mut self,
        user: &User,
        memberships: &mut Memberships,
        room: RoomIndex,
        target: u32,
    ) {
        self.changes.member(user.index, room, memberships.fact(room));
        if let Some(position) = memberships.position(room) {
            memberships.plain.set(position, target);
        }
    }

    /// Rules 10 and 13.
    pub(super) fn muted(&mut self, tenant: &str, body: &RoomMuted<'_>, room: Option<RoomIndex>) -> Applied {
        let Some((room, user)) = self.member(tenant, &body.user, room) else {
            return Applied::unchanged(Reason::NotAMember);
        };
        let mut memberships = user.memberships.write();
        let before = memberships.fact(room);
        if before.is_some_and(|fact| fact.muted == body.muted) {
            return Applied::unchanged(Reason::SamePreference);
        }
        self.changes.member(user.index, room, before);
        memberships.change_extra(room, |extra| extra.muted = body.muted);
        Applied::changed()
    }

    /// Rule 8.
    pub(super) fn joined(
        &mut self,
        tenant: &str,
        body: &RoomJoined<'_>,
        room: Option<RoomIndex>,
    ) -> Result<Applied, Full> {
        if body.users.is_empty() {
            return Ok(Applied::unchanged(Reason::EmptyList));
        }
        self.users.has_place_for(body.users.len())?;
        let index = self.room_or_new(tenant, &body.room, room)?;
        let head = self.rooms.get(index).map_or(0, |room| room.word.head);
        let cursor = match body.history {
            History::None => head,
            History::All => 0,
        };
        let mut joined = 0;
        for id in &body.users {
            if self.join(tenant, id, index, cursor) {
                joined += 1;
            }
        }
        if let Some(room) = self.rooms.get_mut(index) {
            room.members += joined;
        }
        self.memberships += u64::from(joined);
        Ok(if joined > 0 { Applied::changed() } else { Applied::unchanged(Reason::AlreadyAMember) })
    }

    fn join(&mut self, tenant: &str, id: &str, room: RoomIndex, cursor: u32) -> bool {
        match self.shared.users.find(tenant, id) {
            Some(user) => {
                let rooms = &self.rooms;
                let is_dead = |room| rooms.get(room).is_none();
                if !user.memberships.write().insert(room, cursor, is_dead) {
                    return false;
                }
                self.changes.member(user.index, room, None);
            }
            None => {
                let memberships = Memberships::new([(room, cursor)].into_iter());
                let index = self.new_user(tenant, id, memberships);
                self.changes.member(index, room, None);
            }
        }
        true
    }

    /// Rule 9.
    pub(super) fn left(&mut self, tenant: &str, body: &RoomLeft<'_>, room: Option<RoomIndex>) -> Applied {
        if body.users.is_empty() {
            return Applied::unchanged(Reason::EmptyList);
        }
        let Some(room) = room else { return Applied::unchanged(Reason::NotAMember) };
        let mut left = false;
        for id in &body.users {
            let Some(user) = self.shared.users.find(tenant, id) else { continue };
            let mut memberships = user.memberships.write();
            let Some((cursor, extra)) = memberships.remove(room) else { continue };
            let is_last = memberships.plain.is_empty();
            drop(memberships);
            left = true;
            self.end_membership(&user, room, cursor, &extra);
            if is_last {
                self.remove_user(&user);
            }
        }
        if left { Applied::changed() } else { Applied::unchanged(Reason::NotAMember) }
    }

    /// Rule 12. Memberships of dead rooms go too, but are no reason to say that anything changed.
    pub(super) fn user_deleted(&mut self, tenant: &str, id: &str) -> Applied {
        let Some(user) = self.shared.users.find(tenant, id) else {
            return Applied::unchanged(Reason::UnknownUser);
        };
        let mut memberships = std::mem::take(&mut *user.memberships.write());
        let mut was_a_member = false;
        let rooms: Vec<RoomIndex> = memberships.plain.rooms().rev().collect();
        for room in rooms {
            if self.rooms.get(room).is_none() {
                continue;
            }
            if let Some((cursor, extra)) = memberships.remove(room) {
                self.end_membership(&user, room, cursor, &extra);
                was_a_member = true;
            }
        }
        self.remove_user(&user);
        if was_a_member { Applied::changed() } else { Applied::unchanged(Reason::UnknownUser) }
    }

    /// All that belongs to a membership goes with it.
    fn end_membership(&mut self, user: &User, index: RoomIndex, cursor: u32, extra: &Extra) {
        let fact = crate::MemberFact { cursor, muted: extra.muted };
        self.changes.member(user.index, index, Some(fact));
        for number in extra.own.iter() {
            self.changes.number(NumberSet::Own(index, user.index), number, false);
        }
        for number in extra.mentioned().into_iter().flat_map(Numbers::iter) {
            self.changes.number(NumberSet::Mentioned(index, user.index), number, false);
        }
        if !extra.kept_reads().is_empty() {
            self.changes.kept(KeptList::Reads(index, user.index), extra.kept_reads());
        }
        if let Some(room) = self.rooms.get_mut(index) {
            room.members -= 1;
            for key in extra.kept_reads() {
                room.forget_kept_read(key, user.index);
            }
        }
        self.memberships -= 1;
    }

    fn member(&self, tenant: &str, id: &str, room: Option<RoomIndex>) -> Option<(RoomIndex, Arc<User>)> {
        let room = room?;
        let user = self.shared.users.find(tenant, id)?;
        user.memberships.read().position(room)?;
        Some((room, user))
    }
}
