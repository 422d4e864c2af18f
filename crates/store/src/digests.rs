//! The digest of everything, with a subtotal for each room, so that deleting a room is one
//! subtraction.

use counters::RoomIndex;

use crate::digest::Digest;

#[derive(Debug, Default)]
pub(crate) struct Digests {
    total: Digest,
    rooms: Vec<Digest>,
}

impl Digests {
    pub(crate) fn total(&self) -> Digest {
        self.total
    }

    fn room(&mut self, room: RoomIndex) -> &mut Digest {
        let place = room.0 as usize;
        if self.rooms.len() <= place {
            self.rooms.resize(place + 1, Digest::default());
        }
        &mut self.rooms[place]
    }

    pub(crate) fn add(&mut self, room: RoomIndex, fact: Digest) {
        self.total += fact;
        *self.room(room) += fact;
    }

    /// What was added to the others is added here too.
    pub(crate) fn add_all(&mut self, others: &Self) {
        self.total += others.total;
        for (room, subtotal) in (0..).map(RoomIndex).zip(&others.rooms) {
            *self.room(room) += *subtotal;
        }
    }

    pub(crate) fn subtract(&mut self, room: RoomIndex, fact: Digest) {
        self.total -= fact;
        *self.room(room) -= fact;
    }

    pub(crate) fn remove_room(&mut self, room: RoomIndex) {
        let subtotal = std::mem::take(self.room(room));
        self.total -= subtotal;
    }
}
