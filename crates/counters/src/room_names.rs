//! The ids of rooms, for readers who have to name them.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::RoomIndex;

const SHARDS: usize = 256;

/// Rooms by index, dealt out to shards in turn: whoever lists a user's rooms waits for nobody but the writer, and
/// that one only while a room comes or goes.
#[derive(Debug)]
pub(crate) struct RoomNames {
    shards: Box<[Shard]>,
}

/// `None`: there is no such room, or not any more.
type Shard = RwLock<Vec<Option<Arc<str>>>>;

impl RoomNames {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    fn place(room: RoomIndex) -> (usize, usize) {
        (room.0 as usize % SHARDS, room.0 as usize / SHARDS)
    }

    /// `None` if there is no such room, or not any more.
    pub(crate) fn get(&self, room: RoomIndex) -> Option<Arc<str>> {
        let (shard, place) = Self::place(room);
        self.shards[shard].read().get(place)?.clone()
    }

    pub(crate) fn set(&self, room: RoomIndex, id: Option<Arc<str>>) {
        let (shard, place) = Self::place(room);
        let mut names = self.shards[shard].write();
        if names.len() <= place {
            let more = place + 1 - names.len();
            // Doubling would leave a quarter of the memory unused.
            if names.capacity() <= place {
                let spare = names.len() / 8;
                names.reserve_exact(more + spare);
            }
            names.resize(place + 1, None);
        }
        names[place] = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_has_the_name_it_was_given_last() {
        let names = RoomNames::new();
        assert_eq!(names.get(RoomIndex(7)), None);
        for index in (0..2_000).chain([100_000]) {
            names.set(RoomIndex(index), Some(index.to_string().into()));
        }
        names.set(RoomIndex(257), None);
        for index in (0..2_000).chain([100_000]) {
            let expected = (index != 257).then(|| index.to_string());
            assert_eq!(names.get(RoomIndex(index)).as_deref(), expected.as_deref(), "room {index}");
        }
        assert_eq!(names.get(RoomIndex(2_000)), None);
        assert_eq!(names.get(RoomIndex(u32::MAX)), None);
    }
}
