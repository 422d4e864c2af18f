//! Proves rows while they are read, for a snapshot or in other files: only names and heads are kept for it.

use counters::{KeptList, MemberFact, NumberSet, Remembered, RestoreError, RoomFact, RoomIndex, UserIndex};
use events::MessageKey;

use crate::checkpoint::Checkpoint;
use crate::database::{Rows, scan_prefix};
use crate::error::Damage;
use crate::keys::{CHECKPOINT_KEY, table};
use crate::walk::{Listener, Walk};

struct Room {
    tenant: Box<str>,
    id: Box<str>,
    fact: RoomFact,
}

/// The names that later rows refer to: about 100 bytes a room and 40 a user, while it lasts.
#[derive(Default)]
pub(crate) struct Names {
    rooms: Vec<Option<Room>>,
    users: Vec<Option<Box<str>>>,
    pub(crate) room_count: u64,
    pub(crate) user_count: u64,
    pub(crate) membership_count: u64,
}

fn put<T>(places: &mut Vec<Option<T>>, place: u32, value: T) -> Option<T> {
    let place = place as usize;
    if places.len() <= place {
        places.resize_with(place + 1, || None);
    }
    places[place].replace(value)
}

impl Names {
    fn get(&self, room: RoomIndex) -> Option<&Room> {
        self.rooms.get(room.0 as usize)?.as_ref()
    }
}

/// Hands out all rows, in order, and proves that they are whole and as the checkpoint says.
pub(crate) fn walk_all<E: From<Damage>>(
    rows: &dyn Rows,
    checkpoint: &Checkpoint,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<Names, E> {
    let sled = |error| Damage::Sled(error);
    let mut walk = Walk::new(Names::default(), checkpoint);
    for row in scan_prefix(rows, &[table::NEW_IDS]) {
        let (key, row) = row.map_err(sled)?;
        walk.note_newest(&key, &row)?;
    }
    for row in rows.scan(&[]) {
        let (key, row) = row.map_err(sled)?;
        if *key == CHECKPOINT_KEY && *row != *checkpoint.to_row() {
            return Err(Damage::Row(key.to_vec()).into());
        }
        each(&key, &row)?;
        walk.row(&key, row)?;
    }
    let (names, walked) = walk.finish()?;
    checkpoint.check(&walked)?;
    Ok(names)
}

impl Listener for Names {
    fn room(&mut self, index: RoomIndex, tenant: &str, room: &str, fact: &RoomFact) -> Result<(), Damage> {
        let room = Room { tenant: tenant.into(), id: room.into(), fact: fact.clone() };
        self.room_count += 1;
        match put(&mut self.rooms, index.0, room) {
            None => Ok(()),
            Some(_) => Err(Damage::Contradiction(RestoreError::RoomOrder(index))),
        }
    }

    fn newest_message(&mut self, room: RoomIndex, newest: Remembered) {
        let Some(Some(room)) = self.rooms.get_mut(room.0 as usize) else { return };
        if newest.order > room.fact.posted {
            room.fact = RoomFact {
                head: newest.number,
                posted: newest.order,
                time: newest.time,
                tags: room.fact.tags.clone(),
            };
        }
    }

    fn user(
        &mut self,
        index: UserIndex,
        _tenant: &str,
        id: &str,
        members: &mut Vec<(RoomIndex, MemberFact)>,
    ) -> Result<(), Damage> {
        members.retain(|(room, _)| self.get(*room).is_some());
        self.user_count += u64::from(!members.is_empty());
        self.membership_count += members.len() as u64;
        match put(&mut self.users, index.0, id.into()) {
            None => Ok(()),
            Some(_) => Err(Damage::Contradiction(RestoreError::UserTwice(index))),
        }
    }

    fn numbers(&mut self, _set: NumberSet, _numbers: &[u32]) -> Result<(), Damage> {
        Ok(())
    }

    fn kept(&mut self, _list: KeptList, _keys: Vec<MessageKey>) -> Result<(), Damage> {
        Ok(())
    }

    fn room_name(&self, room: RoomIndex) -> Option<(&str, &str)> {
        self.get(room).map(|room| (&*room.tenant, &*room.id))
    }

    fn user_id(&self, user: UserIndex) -> Option<&str> {
        self.users.get(user.0 as usize)?.as_deref()
    }

    fn posted_count(&self, room: RoomIndex) -> u64 {
        self.get(room).map_or(0, |room| room.fact.posted)
    }

    fn each_room(&self, mut each: impl FnMut(RoomIndex, &str, &str, &RoomFact)) {
        for (index, room) in (0..).zip(&self.rooms) {
            if let Some(room) = room {
                each(RoomIndex(index), &room.tenant, &room.id, &room.fact);
            }
        }
    }
}
