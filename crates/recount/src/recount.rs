//! One pass over the log: the oracle hears it, and each captured page is compared when the oracle is as far.

use std::collections::{BTreeMap, HashMap, HashSet};

use events::{Body, Event, Id, Prefix, Received, RoomDeleted, Tenant, receive};
use oracle::Oracle;

use crate::captured::Captured;
use crate::counts::Counts;
use crate::cut::{Scope, name_by_key, room_of};
use crate::difference::Difference;
use crate::start::Start;

/// What a recount may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// So many messages are held at the most; beyond, the room with the most is left out.
    pub messages: u64,
}

impl Bounds {
    /// As much as it takes.
    pub const NONE: Self = Self { messages: u64::MAX };
}

/// A recount under way.
#[derive(Debug)]
pub struct Recount {
    oracle: Oracle,
    prefix: Prefix,
    scope: Scope,
    captured: Captured,
    bounds: Bounds,
    start: u64,
    /// Pages up to this one are compared.
    next_page: usize,
    /// The sequence of the last join of that user to that room, if it was after the first page.
    joined: HashMap<(String, String, String), u64>,
    /// Rooms that are not in the scope, though users of the scope joined: who is a member, and since which sequence.
    elsewhere: HashMap<(String, String), BTreeMap<String, u64>>,
    /// With a bound only: how many messages each room has, and all together.
    messages: HashMap<(String, String), u64>,
    message_total: u64,
    left_out_rooms: HashSet<(String, String)>,
    outcome: Outcome,
}

/// What a recount found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Users whose accounts were captured.
    pub users: u64,
    /// Memberships that were compared.
    pub memberships: u64,
    /// Memberships of rooms that were left out.
    pub left_out: u64,
    /// Messages of the log that were heard.
    pub heard: u64,
    /// What is not as it should be, in the order of the pages.
    pub differences: Vec<Difference>,
    /// Rooms, by tenant and id, that the service did not say somebody of the scope is a member of, and the log does. To
    /// count in them takes a recount that has them in its scope from the beginning.
    pub missed_rooms: Vec<(String, String)>,
}

impl Recount {
    /// Of what was captured, which has to be within the scope.
    pub fn new(start: Start, prefix: Prefix, mut scope: Scope, captured: Captured, bounds: Bounds) -> Self {
        let Start { sequence, oracle, messages: message_total, rooms, left_out } = start;
        let mut messages = HashMap::new();
        for room in rooms {
            scope.add_room(&room.0, &room.1);
            if bounds != Bounds::NONE {
                let count = oracle.message_count(&room.0, &room.1);
                messages.insert(room, count);
            }
        }
        for (tenant, room) in &left_out {
            scope.remove_room(tenant, room);
        }
        let outcome = Outcome { users: captured.users().count() as u64, ..Outcome::default() };
        Self {
            oracle,
            prefix,
            scope,
            captured,
            bounds,
            start: sequence,
            next_page: 0,
            joined: HashMap::new(),
            elsewhere: HashMap::new(),
            messages,
            message_total,
            left_out_rooms: left_out.into_iter().collect(),
            outcome,
        }
    }

    /// From which sequence on it has to hear the log.
    pub fn first(&self) -> u64 {
        self.start + 1
    }

    /// Up to which sequence it has to hear the log.
    pub fn last(&self) -> u64 {
        self.captured.last_sequence()
    }

    /// The next message of the log. Sequences ascend; what is missing was lost.
    pub fn hear(&mut self, sequence: u64, stored_ms: u64, subject: &str, body: &[u8]) {
        if sequence <= self.start {
            return;
        }
        self.compare_before(sequence);
        self.outcome.heard += 1;
        // What is malformed changes nothing.
        let Received::Event(event) = receive(&self.prefix, subject, body) else { return };
        let Some(mut event) = self.scope.cut(event) else { return };
        let tenant = event.tenant;
        if let Some(room) = room_of(&event.body)
            && !self.scope.has_room(tenant.as_str(), room)
        {
            self.note_elsewhere(&event, sequence);
            return;
        }
        if sequence > self.captured.first_sequence()
            && let Body::RoomJoined(joined) = &event.body
        {
            for user in &joined.users {
                let (room, user) = (joined.room.as_str().to_owned(), user.as_str().to_owned());
                self.joined.insert((tenant.as_str().to_owned(), room, user), sequence);
            }
        }
        if let Body::UserDeleted(deleted) = &event.body {
            for members in self.elsewhere.iter_mut().filter(|(room, _)| room.0 == tenant.as_str()) {
                members.1.remove(deleted.user.as_str());
            }
        }
        name_by_key(&mut event.body);
        self.oracle.apply(&event, stored_ms);
        if self.bounds != Bounds::NONE {
            self.keep_within_bounds(&event);
        }
    }

    /// What is said to be wrong, after the log was heard up to [`last`](Self::last).
    pub fn finish(mut self) -> Outcome {
        self.compare_before(u64::MAX);
        self.find_missing();
        self.outcome
    }

    /// Compares the pages that are older than this sequence.
    fn compare_before(&mut self, sequence: u64) {
        while let Some(page) = self.captured.pages().get(self.next_page)
            && page.sequence < sequence
        {
            let (oracle, scope, outcome) = (&self.oracle, &self.scope, &mut self.outcome);
            let expected = |tenant: &str, user: &str, room: &str| {
                let is_in = scope.has_room(tenant, room);
                is_in.then(|| Counts::by_oracle(oracle, tenant, user, room))
            };
            let (compared, left_out) = page.compare_rooms(expected, &mut outcome.differences);
            outcome.memberships += compared;
            outcome.left_out += left_out;
            self.next_page += 1;
        }
    }

    /// Memberships that were captured nowhere. Those that ended before the last page are not found: they do no harm
    /// any more.
    fn find_missing(&mut self) {
        let captured = self.captured.by_user();
        for (tenant, room, user) in self.oracle.memberships() {
            let Some(sequence) = captured.lacks(tenant, user, room) else { continue };
            let key = (tenant.to_owned(), room.to_owned(), user.to_owned());
            if self.joined.get(&key).is_some_and(|joined| *joined > sequence) {
                continue;
            }
            let expected = Counts::by_oracle(&self.oracle, tenant, user, room);
            let (tenant, room, user) = key;
            self.outcome.memberships += 1;
            self.outcome.differences.push(Difference { tenant, user, room, sequence, expected, found: None });
        }
        for ((tenant, room), members) in &self.elsewhere {
            let is_missed = |(user, joined): (&String, &u64)| {
                captured.lacks(tenant, user, room).is_some_and(|sequence| *joined <= sequence)
            };
            if members.iter().any(is_missed) {
                self.outcome.missed_rooms.push((tenant.clone(), room.clone()));
            }
        }
        self.outcome.missed_rooms.sort_unstable();
    }

    fn note_elsewhere(&mut self, event: &Event<'_>, sequence: u64) {
        let Some(room) = room_of(&event.body) else { return };
        let key = (event.tenant.as_str().to_owned(), room.to_owned());
        match &event.body {
            Body::RoomJoined(joined) if !self.left_out_rooms.contains(&key) => {
                let members = self.elsewhere.entry(key).or_default();
                for user in &joined.users {
                    members.entry(user.as_str().to_owned()).or_insert(sequence);
                }
            }
            Body::RoomLeft(left) => {
                if let Some(members) = self.elsewhere.get_mut(&key) {
                    members.retain(|user, _| left.users.iter().all(|left| left.as_str() != user));
                }
            }
            Body::RoomDeleted(_) => drop(self.elsewhere.remove(&key)),
            _ => {}
        }
    }

    fn keep_within_bounds(&mut self, event: &Event<'_>) {
        let Some(room) = room_of(&event.body) else { return };
        let key = (event.tenant.as_str().to_owned(), room.to_owned());
        let count = self.oracle.message_count(&key.0, &key.1);
        let before = if count == 0 { self.messages.remove(&key) } else { self.messages.insert(key, count) };
        self.message_total = self.message_total - before.unwrap_or(0) + count;
        while self.message_total > self.bounds.messages {
            let largest = self.messages.iter().max_by_key(|(_, count)| **count).map(|(room, _)| room.clone());
            let Some(largest) = largest else { return };
            self.message_total -= self.messages.remove(&largest).unwrap_or(0);
            self.leave_out(largest);
        }
    }

    fn leave_out(&mut self, room: (String, String)) {
        if let (Ok(tenant), Ok(id)) = (Tenant::new(&room.0), Id::new(room.1.as_str())) {
            self.oracle.apply(&Event { tenant, body: Body::RoomDeleted(RoomDeleted { room: id }) }, 0);
        }
        self.scope.remove_room(&room.0, &room.1);
        self.left_out_rooms.insert(room);
    }
}
