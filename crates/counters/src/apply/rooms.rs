//! Rule 11: rooms come into being, are tagged and are deleted.

use events::RoomTagged;

use crate::outcome::{Applied, Full, Reason};
use crate::room_words::RoomWord;
use crate::{Counters, RoomIndex};

impl Counters {
    /// A room begins with the first event that leaves something in it.
    pub(super) fn room_or_new(
        &mut self,
        tenant: &str,
        id: &str,
        found: Option<RoomIndex>,
    ) -> Result<RoomIndex, Full> {
        if let Some(index) = found {
            return Ok(index);
        }
        let index = self.rooms.next()?;
        self.new_room(index, tenant, id);
        self.changes.rooms.push((index, None));
        Ok(index)
    }

    pub(super) fn tagged(
        &mut self,
        tenant: &str,
        body: &RoomTagged<'_>,
        room: Option<RoomIndex>,
    ) -> Result<Applied, Full> {
        let mut names: Vec<Box<str>> = body.tags.iter().map(|tag| tag.as_str().into()).collect();
        names.sort_unstable();
        names.dedup();
        let old = room.and_then(|room| self.rooms.get(room)).map(|room| room.word.tag_set);
        if old.is_some_and(|old| **self.shared.tag_sets.read().names(old) == *names) {
            return Ok(Applied::unchanged(Reason::SameTags));
        }
        let index = self.room_or_new(tenant, &body.room, room)?;
        self.touch_room(index);
        let new = self.shared.tag_sets.write().acquire(&names);
        let room = self.rooms.get_mut(index).expect("just found or made");
        room.word.tag_set = new;
        self.shared.words.store(index, room.word);
        self.shared.tag_sets.write().release(old.unwrap_or_default());
        Ok(Applied::changed())
    }

    /// The memberships stay where they are and count nothing from now on: a dead room has no
    /// messages. So the cost does not grow with the room.
    pub(super) fn room_deleted(&mut self, room: Option<RoomIndex>) -> Applied {
        let Some((index, room)) = room.and_then(|index| Some((index, self.rooms.remove(index)?))) else {
            return Applied::unchanged(Reason::UnknownRoom);
        };
        // The name goes first: who sees the word of a dead room finds no name any more.
        self.shared.names.set(index, None);
        self.shared.words.store(index, RoomWord::default());
        self.shared.recalled(index).write().remove(&index);
        self.shared.mention_all(index).write().remove(&index);
        self.shared.tag_sets.write().release(room.word.tag_set);
        self.memberships -= u64::from(room.members);
        self.changes.deleted_rooms.push(index);
        Applied { deleted: Some(index), ..Applied::changed() }
    }
}
