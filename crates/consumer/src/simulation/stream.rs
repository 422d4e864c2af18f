//! The stream as the server has it, and what became of the messages it once had.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_nats::HeaderMap;
use bytes::Bytes;
use events::Event;

use crate::delivered::Delivered;
use crate::intake::Sequences;

/// What somebody publishes.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    pub(super) subject: String,
    pub(super) headers: Option<HeaderMap>,
    pub(super) body: Bytes,
    /// What it says, if it is an event.
    pub(super) event: Option<Event<'static>>,
    /// Why it belongs into the dead letters, and under which subject; `None` if it does not.
    pub(super) malformed: Option<Malformed>,
    pub(super) stored_ms: u64,
}

/// What a dead letter must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Malformed {
    pub(super) reason: &'static str,
    pub(super) dead_subject: &'static str,
}

/// A message that a stream has or had. Each knows the one before it, so that the last one applied
/// stands for a whole history.
#[derive(Debug)]
pub(super) struct Message {
    /// Of all messages of all streams.
    pub(super) number: u64,
    pub(super) sequence: u64,
    pub(super) before: Option<Arc<Message>>,
    pub(super) payload: Payload,
}

impl Message {
    /// No two messages are stored in the same nanosecond.
    pub(super) fn stored_at_ns(&self) -> i64 {
        i64::try_from(self.payload.stored_ms * 1_000_000 + self.number).expect("not so late")
    }

    pub(super) fn delivered(&self, sequences: Sequences) -> Delivered {
        Delivered {
            sequences,
            stored_at_ns: self.stored_at_ns(),
            subject: self.payload.subject.as_str().into(),
            headers: self.payload.headers.clone(),
            body: self.payload.body.clone(),
        }
    }

    pub(super) fn fingerprint(&self) -> [u8; 32] {
        self.delivered(Sequences { stream: self.sequence, consumer: 1, pending: 0 }).fingerprint()
    }
}

/// The last message with a sequence of at most that, itself or before.
pub(super) fn up_to(message: Option<&Arc<Message>>, sequence: u64) -> Option<Arc<Message>> {
    let mut found = message;
    while let Some(message) = found.filter(|message| message.sequence > sequence) {
        found = message.before.as_ref();
    }
    found.cloned()
}

pub(super) fn is_same(one: Option<&Arc<Message>>, other: Option<&Arc<Message>>) -> bool {
    one.map(|message| message.number) == other.map(|message| message.number)
}

#[derive(Debug, Clone)]
pub(super) struct Stream {
    /// Which stream it is for its consumers: they end with it.
    pub(super) instance: u64,
    pub(super) created_ns: i64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) messages: BTreeMap<u64, Arc<Message>>,
    /// The message of `last`, whether the stream still has it or not.
    pub(super) newest: Option<Arc<Message>>,
    /// It has lost its beginning.
    pub(super) is_purged: bool,
    /// It is not the stream that it once was, though it may look like it.
    pub(super) is_altered: bool,
}

impl Stream {
    pub(super) fn new(instance: u64, created_ns: i64) -> Self {
        Self {
            instance,
            created_ns,
            first: 1,
            last: 0,
            messages: BTreeMap::new(),
            newest: None,
            is_purged: false,
            is_altered: false,
        }
    }

    pub(super) fn append(&mut self, number: u64, payload: Payload) -> Arc<Message> {
        self.last += 1;
        let sequence = self.last;
        let before = self.newest.take();
        let message = Arc::new(Message { number, sequence, before, payload });
        self.messages.insert(sequence, message.clone());
        self.newest = Some(message.clone());
        message
    }

    /// Everything after that sequence is lost, and the next message takes its place.
    pub(super) fn truncate(&mut self, last: u64) {
        self.messages.retain(|sequence, _| *sequence <= last);
        self.newest = up_to(self.newest.as_ref(), last);
        self.last = last;
        self.is_altered = true;
    }

    pub(super) fn purge(&mut self, up_to: u64) {
        self.messages.retain(|sequence, _| *sequence > up_to);
        self.first = self.messages.keys().next().copied().unwrap_or(self.last + 1);
        self.is_purged = true;
    }

    /// As the server does it: the first and the last sequence stay what they are, unless the first
    /// message goes.
    pub(super) fn delete(&mut self, sequence: u64) {
        self.messages.remove(&sequence);
        if sequence == self.first {
            self.first = self.messages.keys().next().copied().unwrap_or(self.last + 1);
            self.is_purged = true;
        }
    }

    pub(super) fn at_or_after(&self, sequence: u64) -> Option<&Arc<Message>> {
        self.messages.range(sequence..).next().map(|(_, message)| message)
    }

    pub(super) fn pending_after(&self, sequence: u64) -> u64 {
        self.messages.range(sequence + 1..).count() as u64
    }
}
