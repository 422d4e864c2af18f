//! Counters with what surrounds them in the service: a place where message ids are remembered.

use std::collections::HashMap;

use counters::{Applied, Counters, MutedRooms, OwnMessages, Policies, Reader, Remembered, RoomIndex};
use events::{Event, MessageKey};
use oracle::script::{Question, Subject};

/// Remembers every id for ever: whether it is still known is for the counters to say.
pub(crate) struct Model {
    pub(crate) counters: Counters,
    pub(crate) reader: Reader,
    pub(crate) ids: HashMap<(RoomIndex, MessageKey), Remembered>,
    sequence: u64,
}

pub(crate) fn policies(policies: oracle::Policies) -> Policies {
    let own_messages = match policies.own_messages {
        oracle::OwnMessages::Exclude => OwnMessages::Exclude,
        oracle::OwnMessages::MarkRead => OwnMessages::MarkRead,
    };
    Policies { own_messages, message_window: policies.message_window }
}

impl Model {
    pub(crate) fn new(policies: Policies) -> Self {
        Self::of(Counters::new(policies))
    }

    pub(crate) fn of(counters: Counters) -> Self {
        Self { reader: counters.reader(), ids: HashMap::new(), sequence: counters.applied(), counters }
    }

    pub(crate) fn apply(&mut self, event: &Event<'_>, stored_ms: u64) -> Applied {
        let located = self.counters.locate(event);
        let found = located.message().and_then(|place| self.ids.get(&place).copied());
        let applied = self.counters.apply(event, located, found, stored_ms).expect("no bound is near");
        if let Some(remember) = applied.remember {
            self.ids.insert((remember.room, remember.key), remember.remembered);
        }
        self.sequence += 1;
        self.counters.advance(self.sequence);
        applied
    }

    pub(crate) fn badge(&self, tenant: &str, user: &str, tags: &[&str], skip_muted: bool) -> u64 {
        let muted = if skip_muted { MutedRooms::Skip } else { MutedRooms::Count };
        let badge = self.reader.badge(tenant, user, tags, muted);
        assert_eq!(badge.applied, self.sequence);
        badge.count
    }

    pub(crate) fn unread(&self, tenant: &str, user: &str, room: &str) -> Option<u64> {
        self.counters.unread(self.counters.user(tenant, user)?, self.counters.room(tenant, room)?)
    }

    pub(crate) fn mentions(&self, tenant: &str, user: &str, room: &str) -> Option<u64> {
        self.counters.mentions(self.counters.user(tenant, user)?, self.counters.room(tenant, room)?)
    }

    /// What is remembered of a message that its room still knows.
    pub(crate) fn known(&self, tenant: &str, room: &str, message: &str) -> Option<Remembered> {
        let room = self.counters.room(tenant, room)?;
        let window = u64::from(self.counters.policies().message_window);
        let newest_forgotten = self.counters.posted_count(room).saturating_sub(window);
        let remembered = *self.ids.get(&(room, MessageKey::of(message)))?;
        (remembered.order > newest_forgotten).then_some(remembered)
    }

    pub(crate) fn answer(&self, question: &Question<'_>) -> Option<u64> {
        let tenant = question.tenant;
        match &question.subject {
            Subject::Badge { user, tags, skip_muted } => Some(self.badge(tenant, user, tags, *skip_muted)),
            Subject::Unread { user, room } => self.unread(tenant, user, room),
            Subject::Mentions { user, room } => self.mentions(tenant, user, room),
            Subject::Time { room, message } => Some(self.known(tenant, room, message)?.time),
        }
    }
}
