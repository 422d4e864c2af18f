//! The sum of the facts of memberships, of which there are most: summed by a thread of its own while a walk goes on.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use counters::{MemberFact, RoomIndex};

use crate::digest::{MembersOfRoom, MembershipsOfUser};
use crate::digests::Digests;
use crate::error::Damage;
use crate::open::message;

/// What is the same in the facts of all members, room by room.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    /// Where each room is below, by index; most of those that ever were may be gone.
    places: Vec<Option<NonZero<u32>>>,
    rooms: Vec<MembersOfRoom>,
}

impl Rooms {
    /// For so many.
    pub(crate) fn with_capacity(rooms: usize) -> Self {
        Self { places: Vec::new(), rooms: Vec::with_capacity(rooms) }
    }

    pub(crate) fn add(&mut self, index: RoomIndex, tenant: &str, room: &str) {
        self.rooms.push(MembersOfRoom::new(tenant, room));
        let index = index.0 as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
        }
        self.places[index] = u32::try_from(self.rooms.len()).ok().and_then(NonZero::new);
    }

    fn get(&self, index: RoomIndex) -> Option<&MembersOfRoom> {
        let place = self.places.get(index.0 as usize).copied().flatten()?;
        self.rooms.get(place.get() as usize - 1)
    }
}

/// Memberships of some users.
type Chunk = Vec<(String, Vec<(RoomIndex, MemberFact)>)>;

/// So many memberships are handed over at once; fewer in all need no thread.
const MEMBERSHIPS_AT_ONCE: usize = 4_096;
/// So many chunks may wait.
const CHUNKS_WAITING: usize = 16;

/// Memberships on their way to a sum.
#[derive(Debug)]
pub(crate) struct MemberSums {
    rooms: Arc<Rooms>,
    chunk: Chunk,
    memberships: usize,
    thread: Option<(SyncSender<Chunk>, JoinHandle<Digests>)>,
    digests: Digests,
}

impl MemberSums {
    /// Of members of these rooms.
    pub(crate) fn new(rooms: Rooms) -> Self {
        let (rooms, digests) = (Arc::new(rooms), Digests::default());
        Self { rooms, chunk: Chunk::new(), memberships: 0, thread: None, digests }
    }

    /// Those of rooms that are not there count nothing.
    pub(crate) fn add(&mut self, user: String, members: Vec<(RoomIndex, MemberFact)>) {
        self.memberships += members.len();
        self.chunk.push((user, members));
        if self.memberships >= MEMBERSHIPS_AT_ONCE {
            self.memberships = 0;
            let chunk = std::mem::take(&mut self.chunk);
            self.hand_over(chunk);
        }
    }

    /// Where no thread can be had, it is done here.
    fn hand_over(&mut self, chunk: Chunk) {
        if self.thread.is_none() {
            let (sender, chunks) = sync_channel(CHUNKS_WAITING);
            let rooms = self.rooms.clone();
            let sum = move || sum_all(&rooms, &chunks);
            let thread = Builder::new().name("store-sum".to_owned()).spawn(sum);
            self.thread = thread.ok().map(|thread| (sender, thread));
        }
        match &self.thread {
            // It tells why it ended when it is waited for.
            Some((sender, _)) => drop(sender.send(chunk)),
            None => sum(&self.rooms, &chunk, &mut self.digests),
        }
    }

    /// The sum of all.
    pub(crate) fn finish(mut self) -> Result<Digests, Damage> {
        sum(&self.rooms, &self.chunk, &mut self.digests);
        if let Some((sender, thread)) = self.thread {
            drop(sender);
            let summed = thread.join().map_err(|panic| Damage::Panicked(message(&*panic)))?;
            self.digests.add_all(&summed);
        }
        Ok(self.digests)
    }
}

fn sum_all(rooms: &Rooms, chunks: &Receiver<Chunk>) -> Digests {
    let mut digests = Digests::default();
    for chunk in chunks {
        sum(rooms, &chunk, &mut digests);
    }
    digests
}

fn sum(rooms: &Rooms, chunk: &Chunk, digests: &mut Digests) {
    for (user, members) in chunk {
        let user = MembershipsOfUser::new(user);
        for (index, fact) in members {
            if let Some(room) = rooms.get(*index) {
                digests.add(*index, room.member(user, *fact));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_same_with_and_without_a_thread() {
        let fact = |cursor| MemberFact { cursor, muted: cursor % 3 == 0 };
        for users in [0, 1, 1_000, 20_000_u32] {
            let mut rooms = Rooms::default();
            rooms.add(RoomIndex(0), "t", "röom");
            rooms.add(RoomIndex(2), "tenant", "r");
            let (mut sums, mut expected) = (MemberSums::new(rooms), Digests::default());
            for user in 0..users {
                // Rooms 1 and 3 are not there.
                sums.add(user.to_string(), (0..4).map(|room| (RoomIndex(room), fact(user))).collect());
                expected.add(RoomIndex(0), crate::digest::member("t", "röom", &user.to_string(), fact(user)));
                expected
                    .add(RoomIndex(2), crate::digest::member("tenant", "r", &user.to_string(), fact(user)));
            }
            assert_eq!(sums.thread.is_some(), users >= 1_024, "{users} users");
            let mut found = sums.finish().unwrap();
            assert_eq!(found.total(), expected.total());
            // And so are the subtotals.
            for room in [0, 2].map(RoomIndex) {
                found.remove_room(room);
                expected.remove_room(room);
                assert_eq!(found.total(), expected.total());
            }
        }
    }
}
