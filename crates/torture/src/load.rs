//! The load: a chat without end, drawn from a seed.
//!
//! Everything the rules know happens all the time: posts, retries of known and of forgotten ids, reads and
//! recalls that come too early, members who come and go, rooms and users that are deleted. At any
//! time most of it happens in few rooms, which change as time goes on, so that windows of remembered
//! ids come into memory and leave it.

mod body;
mod malformed;
mod room;

use events::{Body, Event, Prefix, Reason, Tenant, encode_json, encode_message_pack};
use fastrand::Rng;

use malformed::Malformed;
use room::Room;

/// Whose chat this is.
pub const TENANTS: [&str; 3] = ["north", "south", "west"];
/// Tags of rooms.
pub const TAGS: [&str; 4] = ["work", "family", "games", "news"];

/// So many rooms have most of the events of a time.
const BUSY_ROOMS: usize = 300;
/// So many events make a time.
const EVENTS_A_TIME: u64 = 20_000;

/// How large the chat is.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Rooms of all tenants.
    pub rooms: usize,
    /// Users of each tenant.
    pub users: u32,
    /// Members of a room when it begins.
    pub members: usize,
    /// One message of so many is malformed.
    pub malformed_every: u64,
}

/// One message to be published.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its subject.
    pub subject: String,
    /// Its body.
    pub body: Vec<u8>,
    /// What it means.
    pub meaning: Meaning,
}

/// What a message means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// An event.
    Event(Event<'static>),
    /// None: its copy has to go to the dead letters.
    Malformed {
        /// For this reason.
        reason: Reason,
        /// Under this subject.
        copied_to: String,
    },
}

/// The messages in their order; there is always one more.
#[derive(Debug)]
pub struct Load {
    random: Rng,
    scale: Scale,
    prefix: Prefix,
    malformed: Malformed,
    rooms: Vec<Room>,
    busy: Vec<usize>,
    /// Rooms that have begun.
    begun: usize,
    made: u64,
    /// Message ids given out.
    messages_named: u32,
    /// What happens before anything else is drawn, the last first.
    pending: Vec<(usize, Body<'static>)>,
}

impl Load {
    /// A chat that has not begun.
    pub fn new(seed: u64, scale: Scale) -> Self {
        let mut random = Rng::with_seed(seed);
        Self {
            malformed: Malformed::new(&mut random),
            random,
            scale,
            prefix: Prefix::new("chat").expect("a short name is a prefix"),
            rooms: (0..scale.rooms).map(Room::new).collect(),
            busy: Vec::new(),
            begun: 0,
            made: 0,
            messages_named: 0,
            pending: Vec::new(),
        }
    }

    /// A user of each tenant, by number.
    pub fn user(number: u32) -> String {
        format!("u{}", short(number))
    }

    /// How many sorts of malformed messages there are; they come in turns.
    pub fn malformed_sorts(&self) -> usize {
        self.malformed.sorts()
    }

    /// The next so many messages.
    pub fn piece(&mut self, length: usize) -> Vec<Message> {
        self.by_ref().take(length).collect()
    }

    /// Which room the next event is of.
    fn room(&mut self) -> usize {
        if self.made.is_multiple_of(EVENTS_A_TIME) || self.busy.is_empty() {
            self.busy = (0..BUSY_ROOMS).map(|_| self.random.usize(..self.rooms.len())).collect();
        }
        match self.random.u32(..10) {
            0 | 1 => self.random.usize(..self.rooms.len()),
            _ => self.busy[self.random.usize(..self.busy.len())],
        }
    }

    fn event(&mut self) -> (usize, Body<'static>) {
        if let Some(pending) = self.pending.pop() {
            return pending;
        }
        if self.begun < self.rooms.len() {
            self.begun += 1;
            return (self.begun - 1, self.begin(self.begun - 1));
        }
        let room = self.room();
        (room, self.body(room))
    }
}

impl Iterator for Load {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.made += 1;
        if self.made.is_multiple_of(self.scale.malformed_every) {
            return Some(self.malformed.message(&mut self.random));
        }
        let (room, body) = self.event();
        let tenant = Tenant::new(self.rooms[room].tenant).expect("a short name is a tenant");
        let encode = if self.made.is_multiple_of(2) { encode_json } else { encode_message_pack };
        Some(Message {
            subject: self.prefix.event(tenant, body.kind()),
            body: encode(&body),
            meaning: Meaning::Event(Event { tenant, body }),
        })
    }
}

/// A number in few letters.
fn short(mut number: u32) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from_digit(number % 36, 36).expect("a digit of base 36"));
        number /= 36;
        if number == 0 {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use events::{Kind, Received, receive};

    use super::*;

    const SCALE: Scale = Scale { rooms: 50, users: 200, members: 5, malformed_every: 10 };

    #[test]
    fn every_message_is_what_it_is_said_to_be() {
        let prefix = Prefix::new("chat").unwrap();
        let (mut kinds, mut reasons) = (BTreeSet::new(), BTreeSet::new());
        assert!(Load::new(1, SCALE).malformed_sorts() < 30_000 / 10, "not every sort is among these");
        for (place, message) in Load::new(1, SCALE).take(30_000).enumerate() {
            let body = String::from_utf8_lossy(&message.body);
            match (receive(&prefix, &message.subject, &message.body), &message.meaning) {
                (Received::Event(found), Meaning::Event(event)) => {
                    assert_eq!(found, *event, "{place}: {body}");
                    kinds.insert(event.body.kind());
                }
                (Received::Malformed(found), Meaning::Malformed { reason, copied_to }) => {
                    assert_eq!(found.reason(), *reason, "{place}: {body}");
                    assert_eq!(prefix.dead_letter(found.tenant_and_kind()), *copied_to, "{place}: {body}");
                    reasons.insert(*reason);
                }
                (found, meaning) => panic!("{place}: {found:?} instead of {meaning:?}"),
            }
        }
        assert_eq!(kinds.len(), Kind::ALL.len(), "{kinds:?}");
        assert_eq!(reasons.len(), Reason::ALL.len(), "{reasons:?}");
    }

    #[test]
    fn a_seed_gives_one_load() {
        let bodies =
            |seed| Load::new(seed, SCALE).take(5_000).map(|message| message.body).collect::<Vec<_>>();
        assert_eq!(bodies(7), bodies(7));
        assert_ne!(bodies(7), bodies(8));
    }
}
