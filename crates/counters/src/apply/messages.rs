//! Rules 1 to 4, 6, 17 and 18: messages are posted and recalled.

use std::sync::Arc;

use events::{MessageKey, MessagePosted, MessageRecalled};

use super::Located;
use crate::changes::{KeptList, NumberSet};
use crate::outcome::{Applied, Full, Outcome, Reason, Remember, Remembered};
use crate::policies::OwnMessages;
use crate::{Counters, Numbers, RoomIndex};

/// Rule 6: how many recalls a room keeps.
pub(crate) const KEPT_RECALLS: usize = 64;

impl Counters {
    pub(super) fn posted(
        &mut self,
        tenant: &str,
        body: &MessagePosted<'_>,
        located: Located,
        known: Option<Remembered>,
        stored_at: u64,
    ) -> Result<Applied, Full> {
        // Rule 4: a retry or an edit.
        if known.is_some() {
            return Ok(Applied::unchanged(Reason::KnownMessage));
        }
        let key = located.key.unwrap_or_else(|| MessageKey::of(&body.message));
        let head = located.room.and_then(|room| self.rooms.get(room)).map_or(0, |room| room.word.head);
        // Rule 1: a silent message takes no number.
        let number = if body.silent { head } else { head.checked_add(1).ok_or(Full::RoomHead)? };
        let index = self.room_or_new(tenant, &body.room, located.room)?;
        self.touch_room(index);

        if !body.silent {
            self.note_sender(tenant, &body.sender, index, number);
            self.note_mentions(tenant, body, index, number);
        }
        self.take_kept_recall(index, &key, number, body.silent);
        self.take_kept_reads(index, &key, number);

        let room = self.rooms.get_mut(index).expect("just found or made");
        room.posted += 1;
        if !body.silent {
            // Rule 18.
            room.time = room.time.max(body.at.unwrap_or(stored_at).min(stored_at));
            room.word.head = number;
        }
        let remembered = Remembered { order: room.posted, number, silent: body.silent, time: room.time };
        self.shared.words.store(index, room.word);
        Ok(Applied { remember: Some(Remember { room: index, key, remembered }), ..Applied::changed() })
    }

    /// Rules 2 and 3: whose message it is, if they are a member now.
    fn note_sender(&mut self, tenant: &str, sender: &str, room: RoomIndex, number: u32) {
        let Some(user) = self.shared.users.find(tenant, sender) else { return };
        let mut memberships = user.memberships.write();
        let Some(position) = memberships.position(room) else { return };
        if self.policies.own_messages == OwnMessages::MarkRead {
            self.changes.member(user.index, room, memberships.fact(room));
            memberships.plain.set(position, number);
        }
        let set = NumberSet::Own(room, user.index);
        let forgettable = memberships.plain.get(position).min(self.lowest_reachable_cursor(number));
        let changes = &mut self.changes;
        memberships.change_extra(room, |extra| {
            extra.own.remove_up_to(forgettable, |number| changes.number(set, number, false));
            extra.own.insert(number);
            changes.number(set, number, true);
        });
    }

    /// Rule 17: everybody, or the users it names who are members now.
    fn note_mentions(&mut self, tenant: &str, body: &MessagePosted<'_>, room: RoomIndex, number: u32) {
        if body.mention_all {
            self.changes.number(NumberSet::MentionAll(room), number, true);
            self.shared.mention_all(room).write().entry(room).or_default().insert(number);
        }
        for mentioned in &body.mentions {
            let Some(user) = self.shared.users.find(tenant, mentioned) else { continue };
            let mut memberships = user.memberships.write();
            let Some(cursor) = memberships.cursor(room) else { continue };
            let set = NumberSet::Mentioned(room, user.index);
            let forgettable = cursor.min(self.lowest_reachable_cursor(number));
            let changes = &mut self.changes;
            let mut change = |numbers: &mut Numbers| {
                numbers.remove_up_to(forgettable, |number| changes.number(set, number, false));
                if numbers.insert(number) {
                    changes.number(set, number, true);
                }
            };
            memberships.change_extra(room, |extra| extra.change_rest(|rest| change(&mut rest.mentioned)));
        }
    }

    /// Rule 6: a recall that waited for this message takes effect, and waits no longer.
    fn take_kept_recall(&mut self, index: RoomIndex, key: &MessageKey, number: u32, silent: bool) {
        let Some(room) = self.rooms.get_mut(index) else { return };
        let Some(position) = room.kept_recalls().iter().position(|kept| kept == key) else { return };
        self.changes.kept(KeptList::Recalls(index), room.kept_recalls());
        room.extra().kept_recalls.remove(position);
        if !silent {
            self.recall_number(index, number);
        }
    }

    /// Rule 6: reads that waited for this message take effect, and wait no longer.
    fn take_kept_reads(&mut self, index: RoomIndex, key: &MessageKey, number: u32) {
        let room = self.rooms.get_mut(index);
        let readers = room.and_then(|room| room.extra.as_mut()?.kept_reads.remove(key));
        for reader in readers.into_iter().flatten() {
            let Some(user) = self.users.get(reader).map(Arc::clone) else { continue };
            let mut memberships = user.memberships.write();
            let Some(position) = memberships.position(index) else { continue };
            // Rule 5: forward only.
            if memberships.plain.get(position) < number {
                self.changes.member(reader, index, memberships.fact(index));
                memberships.plain.set(position, number);
            }
            let changes = &mut self.changes;
            memberships.change_extra(index, |extra| {
                changes.kept(KeptList::Reads(index, reader), extra.kept_reads());
                extra.change_rest(|rest| rest.kept_reads.retain(|kept| kept != key));
            });
        }
    }

    pub(super) fn recalled(
        &mut self,
        tenant: &str,
        body: &MessageRecalled<'_>,
        located: Located,
        known: Option<Remembered>,
    ) -> Result<Applied, Full> {
        let Some(remembered) = known else { return self.keep_recall(tenant, body, located) };
        // Rule 1: a silent message has no number of its own that could be recalled.
        if remembered.silent {
            return Ok(Applied::unchanged(Reason::SilentMessage));
        }
        let index = located.room.expect("a known message has a room");
        Ok(if self.recall_number(index, remembered.number) {
            let room = self.rooms.get(index).expect("a known message has a room");
            self.shared.words.store(index, room.word);
            Applied::changed()
        } else {
            Applied::unchanged(Reason::AlreadyRecalled)
        })
    }

    /// Rule 2: the number counts for nobody any more. The room's word is stored by the caller.
    fn recall_number(&mut self, index: RoomIndex, number: u32) -> bool {
        if !self.shared.recalled(index).write().entry(index).or_default().insert(number) {
            return false;
        }
        self.changes.number(NumberSet::Recalled(index), number, true);
        if let Some(room) = self.rooms.get_mut(index) {
            room.word.has_recalled = true;
        }
        true
    }

    /// Rule 6: the recall waits for its message, also in a room that nothing else is known of.
    fn keep_recall(
        &mut self,
        tenant: &str,
        body: &MessageRecalled<'_>,
        located: Located,
    ) -> Result<Applied, Full> {
        let key = located.key.unwrap_or_else(|| MessageKey::of(&body.message));
        let index = self.room_or_new(tenant, &body.room, located.room)?;
        let room = self.rooms.get_mut(index).expect("just found or made");
        if room.kept_recalls().contains(&key) {
            return Ok(Applied::unchanged(Reason::AlreadyKept));
        }
        self.changes.kept(KeptList::Recalls(index), room.kept_recalls());
        let kept = &mut room.extra().kept_recalls;
        kept.push(key);
        let mut applied = Applied::new(Outcome::Kept);
        if kept.len() > KEPT_RECALLS {
            kept.remove(0);
            applied.fallen_out = 1;
        }
        Ok(applied)
    }
}
