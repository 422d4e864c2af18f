//! The sum of the facts of memberships, of which there are most: summed by a thread of its own while a walk goes on.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use counters::{MemberFact, RoomIndex};

use crate::digest;
use crate::digests::Digests;
use crate::error::Damage;
use crate::open::message;

/// The names of rooms, side by side.
#[derive(Debug, Default)]
pub(crate) struct RoomNames {
    /// Of each room tenant and id, one after the other.
    text: String,
    /// Where they begin, by index. A room that is not there has no id.
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    start: usize,
    tenant_bytes: u32,
    room_bytes: u32,
}

impl RoomNames {
    pub(crate) fn add(&mut self, room: RoomIndex, tenant: &str, id: &str) {
        let place = room.0 as usize;
        if self.places.len() <= place {
            self.places.resize(place + 1, Place::default());
        }
        let bytes = |text: &str| u32::try_from(text.len()).expect("a row is not that long");
        self.places[place] =
            Place { start: self.text.len(), tenant_bytes: bytes(tenant), room_bytes: bytes(id) };
        self.text.push_str(tenant);
        self.text.push_str(id);
    }

    fn get(&self, room: RoomIndex) -> Option<(&str, &str)> {
        let Place { start, tenant_bytes, room_bytes } = *self.places.get(room.0 as usize)?;
        let names = &self.text[start..][..(tenant_bytes + room_bytes) as usize];
        (room_bytes > 0).then(|| names.split_at(tenant_bytes as usize))
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
    names: Arc<RoomNames>,
    chunk: Chunk,
    memberships: usize,
    thread: Option<(SyncSender<Chunk>, JoinHandle<Digests>)>,
    digests: Digests,
}

impl MemberSums {
    pub(crate) fn new(names: RoomNames) -> Self {
        let (names, digests) = (Arc::new(names), Digests::default());
        Self { names, chunk: Chunk::new(), memberships: 0, thread: None, digests }
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
            let names = self.names.clone();
            let sum = move || sum_all(&names, &chunks);
            let thread = Builder::new().name("store-sum".to_owned()).spawn(sum);
            self.thread = thread.ok().map(|thread| (sender, thread));
        }
        match &self.thread {
            // It tells why it ended when it is waited for.
            Some((sender, _)) => drop(sender.send(chunk)),
            None => sum(&self.names, &chunk, &mut self.digests),
        }
    }

    /// The sum of all.
    pub(crate) fn finish(mut self) -> Result<Digests, Damage> {
        sum(&self.names, &self.chunk, &mut self.digests);
        if let Some((sender, thread)) = self.thread {
            drop(sender);
            let summed = thread.join().map_err(|panic| Damage::Panicked(message(&*panic)))?;
            self.digests.add_all(&summed);
        }
        Ok(self.digests)
    }
}

fn sum_all(names: &RoomNames, chunks: &Receiver<Chunk>) -> Digests {
    let mut digests = Digests::default();
    for chunk in chunks {
        sum(names, &chunk, &mut digests);
    }
    digests
}

fn sum(names: &RoomNames, chunk: &Chunk, digests: &mut Digests) {
    for (user, members) in chunk {
        for (index, fact) in members {
            if let Some((tenant, room)) = names.get(*index) {
                digests.add(*index, digest::member(tenant, room, user, *fact));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_same_with_and_without_a_thread() {
        let mut names = RoomNames::default();
        names.add(RoomIndex(0), "t", "röom");
        names.add(RoomIndex(2), "tenant", "r");
        let fact = |cursor| MemberFact { cursor, muted: cursor % 3 == 0 };
        for users in [0, 1, 1_000, 20_000_u32] {
            let (mut sums, mut expected) = (MemberSums::new(RoomNames::default()), Digests::default());
            sums.names = Arc::new(RoomNames { text: names.text.clone(), places: names.places.clone() });
            for user in 0..users {
                // Rooms 1 and 3 are not there.
                sums.add(user.to_string(), (0..4).map(|room| (RoomIndex(room), fact(user))).collect());
                expected.add(RoomIndex(0), digest::member("t", "röom", &user.to_string(), fact(user)));
                expected.add(RoomIndex(2), digest::member("tenant", "r", &user.to_string(), fact(user)));
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
