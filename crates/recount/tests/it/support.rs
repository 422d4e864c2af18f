//! Counters and a store that count a log, as the service does.

use counters::{Counters, OwnMessages, Policies};
use events::{Prefix, Received, encode_json, receive};
use oracle::history::History;
use store::{Metrics, Options, Position, Store};
use tempfile::TempDir;

/// One message of a log.
pub(crate) struct Message {
    pub(crate) sequence: u64,
    pub(crate) stored_ms: u64,
    pub(crate) subject: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn prefix() -> Prefix {
    Prefix::new("chat").unwrap()
}

pub(crate) fn log(history: &History) -> Vec<Message> {
    let numbered = (1..).zip(&history.events);
    let message = |(sequence, (event, stored_ms)): (u64, &(events::Event<'_>, u64))| Message {
        sequence,
        stored_ms: *stored_ms,
        subject: prefix().event(event.tenant, event.body.kind()),
        body: encode_json(&event.body),
    };
    numbered.map(message).collect()
}

pub(crate) fn policies(policies: oracle::Policies) -> Policies {
    let own_messages = match policies.own_messages {
        oracle::OwnMessages::Exclude => OwnMessages::Exclude,
        oracle::OwnMessages::MarkRead => OwnMessages::MarkRead,
    };
    Policies { own_messages, message_window: policies.message_window }
}

pub(crate) struct Service {
    pub(crate) dir: TempDir,
    pub(crate) counters: Counters,
    store: Store,
}

impl Service {
    pub(crate) fn new(policies: Policies) -> Self {
        let dir = TempDir::new().unwrap();
        // Little memory, so that ids are in pages and in rows of new ids.
        let options = Options { id_cache_bytes: 1 << 16, ..Options::new(dir.path(), policies) };
        let (store, counters) = Store::open(&options, &Metrics::default()).unwrap();
        Self { dir, counters, store }
    }

    pub(crate) fn apply(&mut self, message: &Message) {
        let prefix = prefix();
        if let Received::Event(event) = receive(&prefix, &message.subject, &message.body) {
            let located = self.counters.locate(&event);
            let found = located
                .message()
                .and_then(|(room, key)| self.store.find(&self.counters, room, &key).unwrap());
            let applied = self.counters.apply(&event, located, found, message.stored_ms).unwrap();
            if let Some(room) = applied.deleted {
                self.store.forget(room);
            }
            if let Some(remember) = &applied.remember {
                self.store.remember(&self.counters, remember).unwrap();
            }
        }
        self.counters.advance(message.sequence);
    }

    pub(crate) fn commit(&mut self) {
        let applied = self.counters.applied();
        self.store.commit(&mut self.counters, Position { applied, ..Position::default() }).unwrap();
    }

    pub(crate) fn snapshot(&mut self) {
        self.commit();
        self.store.snapshot().unwrap();
        self.store.wait().unwrap();
    }
}
