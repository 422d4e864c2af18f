//! The writer's half of a room: what events need and badges don't.

use std::sync::Arc;

use events::MessageKey;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::hash::BuildHasher;

use crate::UserIndex;
use crate::outcome::Full;
use crate::room_words::RoomWord;

/// A room's place in the dense arrays. Never used again, so that a membership of a deleted room
/// can't come to mean another room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomIndex(pub u32);

#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) tenant: Arc<str>,
    pub(crate) id: Arc<str>,
    /// What readers see of this room.
    pub(crate) word: RoomWord,
    /// How many messages were posted, silent ones included: the order of the newest.
    pub(crate) posted: u64,
    /// T(head) (rule 18).
    pub(crate) time: u64,
    pub(crate) members: u32,
    /// Whether the room is in the changes since the last commit.
    pub(crate) changed: bool,
    pub(crate) extra: Option<Box<RoomExtra>>,
}

/// What few rooms have.
#[derive(Debug, Default)]
pub(crate) struct RoomExtra {
    /// Recalls that wait for their message, in the order in which they were first kept (rule 6).
    pub(crate) kept_recalls: Vec<MessageKey>,
    /// Which members have a read that waits for a message (rule 6).
    pub(crate) kept_reads: HashMap<MessageKey, Vec<UserIndex>>,
}

impl Room {
    pub(crate) fn extra(&mut self) -> &mut RoomExtra {
        self.extra.get_or_insert_default()
    }

    pub(crate) fn kept_recalls(&self) -> &[MessageKey] {
        self.extra.as_ref().map_or(&[], |extra| &extra.kept_recalls)
    }

    /// The member's read of this message no longer waits.
    pub(crate) fn forget_kept_read(&mut self, key: &MessageKey, user: UserIndex) {
        let Some(extra) = &mut self.extra else { return };
        if let Some(users) = extra.kept_reads.get_mut(key) {
            users.retain(|other| *other != user);
            if users.is_empty() {
                extra.kept_reads.remove(key);
            }
        }
    }
}

/// The hash of a room's name.
fn hash_of(hasher: &DefaultHashBuilder, all: &[Option<Room>], index: RoomIndex) -> u64 {
    let room = all[index.0 as usize].as_ref().expect("named rooms are alive");
    hasher.hash_one((&*room.tenant, &*room.id))
}

/// All rooms, by index and by name.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    hasher: DefaultHashBuilder,
    by_name: HashTable<RoomIndex>,
    /// `None`: deleted.
    all: Vec<Option<Room>>,
}

impl Rooms {
    fn hash(&self, tenant: &str, id: &str) -> u64 {
        self.hasher.hash_one((tenant, id))
    }

    pub(crate) fn find(&self, tenant: &str, id: &str) -> Option<RoomIndex> {
        let is_it = |index: &RoomIndex| {
            self.get(*index).is_some_and(|room| *room.id == *id && *room.tenant == *tenant)
        };
        self.by_name.find(self.hash(tenant, id), is_it).copied()
    }

    pub(crate) fn get(&self, index: RoomIndex) -> Option<&Room> {
        self.all.get(index.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: RoomIndex) -> Option<&mut Room> {
        self.all.get_mut(index.0 as usize)?.as_mut()
    }

    /// The index the next new room gets.
    pub(crate) fn next(&self) -> Result<RoomIndex, Full> {
        match u32::try_from(self.all.len()) {
            Ok(index) if index < u32::MAX => Ok(RoomIndex(index)),
            _ => Err(Full::Rooms),
        }
    }

    /// So many are to come.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.all.reserve_exact(count);
        let Self { hasher, by_name, all } = self;
        by_name.reserve(count, |index| hash_of(hasher, all, *index));
    }

    /// Adds a room under an index that is not below [`next`](Self::next).
    pub(crate) fn insert(&mut self, index: RoomIndex, room: Room) {
        self.skip_to(index);
        let hash = self.hash(&room.tenant, &room.id);
        if self.all.len() == self.all.capacity() {
            // Doubling would leave a quarter of the memory unused.
            self.all.reserve_exact(self.all.len() / 8 + 64);
        }
        self.all.push(Some(room));
        let Self { hasher, by_name, all } = self;
        by_name.insert_unique(hash, index, |other| hash_of(hasher, all, *other));
    }

    /// Indexes below this one belong to rooms that are gone.
    pub(crate) fn skip_to(&mut self, index: RoomIndex) {
        while self.all.len() < index.0 as usize {
            self.all.push(None);
        }
    }

    pub(crate) fn remove(&mut self, index: RoomIndex) -> Option<Room> {
        let room = self.all.get_mut(index.0 as usize)?.take()?;
        let hash = self.hash(&room.tenant, &room.id);
        if let Ok(entry) = self.by_name.find_entry(hash, |other| *other == index) {
            entry.remove();
        }
        Some(room)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (RoomIndex, &Room)> {
        (0..).map(RoomIndex).zip(&self.all).filter_map(|(index, room)| Some((index, room.as_ref()?)))
    }
}
