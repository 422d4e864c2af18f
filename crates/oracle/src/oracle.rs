//! The oracle: all rooms of all tenants, and where each event goes.

use std::collections::{BTreeMap, BTreeSet};

use events::{Body, Event};

use crate::mistake::{Mistake, Mistaken};
use crate::outcome::{Effect, Outcome};
use crate::policies::Policies;
use crate::room::Room;
use crate::rules::Rules;

/// The slow, obvious judge: keeps every message of every room and recounts at each question.
#[derive(Debug)]
pub struct Oracle {
    policies: Policies,
    /// By tenant, then by room: users and rooms of two tenants have nothing to do with each other.
    pub(crate) tenants: BTreeMap<String, BTreeMap<String, Room>>,
    /// Tenant and id of each room that may have changed since this was last asked for.
    changed_rooms: BTreeSet<(String, String)>,
    /// What this oracle gets wrong on purpose; `None` in the judge.
    pub(crate) mistaken: Option<Mistaken>,
}

impl Oracle {
    /// An oracle that has seen no event.
    pub fn new(policies: Policies) -> Self {
        Self { policies, tenants: BTreeMap::new(), changed_rooms: BTreeSet::new(), mistaken: None }
    }

    /// An oracle that gets one thing wrong, to prove that a test would notice.
    pub fn mistaken(policies: Policies, mistake: Mistake) -> Self {
        Self { mistaken: Some(Mistaken::new(mistake)), ..Self::new(policies) }
    }

    /// Applies the next event of the stream, which was stored at `stored_ms`, in milliseconds
    /// since the Unix epoch.
    pub fn apply(&mut self, event: &Event<'_>, stored_ms: u64) -> Outcome {
        match self.mistake() {
            None => self.follow_the_rules(event, stored_ms),
            Some(mistake) => self.follow_mistakenly(mistake, event, stored_ms),
        }
    }

    /// Tenant and id of each room whose facts may have changed since the last call, rooms that are
    /// gone among them. To be named by an event is enough, so some changed nothing or never were.
    pub fn take_changed_rooms(&mut self) -> BTreeSet<(String, String)> {
        std::mem::take(&mut self.changed_rooms)
    }

    pub(crate) fn follow_the_rules(&mut self, event: &Event<'_>, stored_ms: u64) -> Outcome {
        let tenant = event.tenant.as_str();
        match &event.body {
            // These leave something in their room, which comes into being with it. That a sender,
            // or whoever recalls, need be no member is rule 10.
            Body::MessagePosted(posted) => {
                self.in_room_or_new(tenant, &posted.room, |room, rules| room.posted(rules, posted, stored_ms))
            }
            Body::MessageRecalled(recalled) => {
                self.in_room_or_new(tenant, &recalled.room, |room, rules| room.recalled(rules, recalled))
            }
            Body::RoomTagged(tagged) => {
                self.in_room_or_new(tenant, &tagged.room, |room, _| room.tagged(tagged))
            }
            Body::RoomJoined(joined) if joined.users.is_empty() => Outcome::UNCHANGED,
            Body::RoomJoined(joined) => {
                self.in_room_or_new(tenant, &joined.room, |room, _| room.joined(joined))
            }

            // These concern members. A room that nobody has heard of has none.
            Body::MessageRead(read) => self.in_room(tenant, &read.room, |room, rules| room.read(rules, read)),
            Body::MessageUnread(unread) => {
                self.in_room(tenant, &unread.room, |room, rules| room.unread(rules, unread))
            }
            Body::RoomLeft(left) => self.in_room(tenant, &left.room, |room, _| room.left(left)),
            Body::RoomMuted(muted) => self.in_room(tenant, &muted.room, |room, _| room.muted(muted)),

            // Rule 11: the room goes, and all that belongs to it.
            Body::RoomDeleted(deleted) => {
                self.note_changed(tenant, &deleted.room);
                let rooms = self.tenants.get_mut(tenant);
                let deleted = rooms.and_then(|rooms| rooms.remove(deleted.room.as_str()));
                Outcome::changed_if(deleted.is_some())
            }
            // Rule 12: the user goes from every room.
            Body::UserDeleted(deleted) => {
                let mut outcome = Outcome::UNCHANGED;
                for (id, room) in self.tenants.get_mut(tenant).into_iter().flatten() {
                    if room.user_deleted(&deleted.user) {
                        self.changed_rooms.insert((tenant.to_owned(), id.clone()));
                        outcome.effect = Effect::Changed;
                    }
                }
                outcome
            }
        }
    }

    fn in_room(
        &mut self,
        tenant: &str,
        room: &str,
        event: impl FnOnce(&mut Room, Rules) -> Outcome,
    ) -> Outcome {
        let rules = self.rules_for(self.room(tenant, room));
        match self.room_mut(tenant, room) {
            Some(room) => event(room, rules),
            None => Outcome::UNCHANGED,
        }
    }

    fn in_room_or_new(
        &mut self,
        tenant: &str,
        room: &str,
        event: impl FnOnce(&mut Room, Rules) -> Outcome,
    ) -> Outcome {
        let found = self.room(tenant, room);
        let (rules, is_new) = (self.rules_for(found), found.is_none());
        self.note_changed(tenant, room);
        let rooms = self.tenants.entry(tenant.to_owned()).or_default();
        let mut outcome = event(rooms.entry(room.to_owned()).or_default(), rules);
        if is_new {
            outcome.effect = Effect::Changed;
        }
        outcome
    }

    pub(crate) fn room(&self, tenant: &str, room: &str) -> Option<&Room> {
        self.tenants.get(tenant)?.get(room)
    }

    /// A room that is about to change.
    pub(crate) fn room_mut(&mut self, tenant: &str, room: &str) -> Option<&mut Room> {
        self.note_changed(tenant, room);
        self.tenants.get_mut(tenant)?.get_mut(room)
    }

    pub(crate) fn note_changed(&mut self, tenant: &str, room: &str) {
        self.changed_rooms.insert((tenant.to_owned(), room.to_owned()));
    }

    pub(crate) fn mistake(&self) -> Option<Mistake> {
        self.mistaken.as_ref().map(|mistaken| mistaken.mistake)
    }

    /// The rules as they are followed in that room: everywhere the same, but for a mistake.
    pub(crate) fn rules_for(&self, room: Option<&Room>) -> Rules {
        let rules = Rules::new(self.policies);
        match self.mistake() {
            None => rules,
            Some(mistake) => mistake.bend(rules, room),
        }
    }
}
