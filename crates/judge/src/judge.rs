//! An oracle, with the digest of its facts.

use std::collections::BTreeMap;

use events::Event;
use oracle::{Mistake, Oracle, Outcome, Policies};
use store::Digest;

use crate::encode::digest_of;

/// An oracle that can tell the digest of its facts at any time, because it keeps a subtotal for
/// each room.
#[derive(Debug)]
pub struct Judge {
    oracle: Oracle,
    /// By tenant and room: the digest of the room's facts, as of the last [`digest`](Self::digest).
    subtotals: BTreeMap<(String, String), Digest>,
    total: Digest,
}

impl Judge {
    /// A judge that has seen no event.
    pub fn new(policies: Policies) -> Self {
        Self::of(Oracle::new(policies))
    }

    /// A judge whose oracle gets one thing wrong, to prove that a test would notice.
    pub fn mistaken(policies: Policies, mistake: Mistake) -> Self {
        Self::of(Oracle::mistaken(policies, mistake))
    }

    fn of(oracle: Oracle) -> Self {
        Self { oracle, subtotals: BTreeMap::new(), total: Digest::default() }
    }

    /// Applies the next event of the stream, which was stored at `stored_ms`, in milliseconds
    /// since the Unix epoch.
    pub fn apply(&mut self, event: &Event<'_>, stored_ms: u64) -> Outcome {
        self.oracle.apply(event, stored_ms)
    }

    /// The digest that a store of these events must have. Costs a walk over the messages of the
    /// rooms that changed since the last call.
    pub fn digest(&mut self) -> Digest {
        for name in self.oracle.take_changed_rooms() {
            let (tenant, room) = &name;
            let facts = self.oracle.facts_of_room(tenant, room);
            let subtotal = digest_of(tenant, room, &facts);
            self.total += subtotal;
            // A room that is gone has no facts.
            let before = if facts.is_empty() {
                self.subtotals.remove(&name)
            } else {
                self.subtotals.insert(name, subtotal)
            };
            self.total -= before.unwrap_or_default();
        }
        self.total
    }

    /// The same, computed anew from all facts of all rooms.
    pub fn digest_of_everything(&self) -> Digest {
        let mut total = Digest::default();
        for (tenant, room, facts) in self.oracle.facts() {
            total += digest_of(tenant, room, &facts);
        }
        total
    }

    /// The oracle, to ask for counts and facts.
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }
}
