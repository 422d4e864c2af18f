//! Counters that have heard events, with what surrounds them in the service.

use std::collections::HashMap;

use counters::{Applied, Counters, OwnMessages, Policies, Remembered, RoomIndex};
use events::{Event, MessageKey, Tenant};
use oracle::script::Script;

/// What is remembered of messages; what of it is still known is for the counters to say.
#[derive(Default)]
pub(crate) struct Remembering(HashMap<(RoomIndex, MessageKey), Remembered>);

impl Remembering {
    /// Applies the next event of the stream.
    pub(crate) fn apply(&mut self, counters: &mut Counters, event: &Event<'_>, stored_ms: u64) -> Applied {
        let located = counters.locate(event);
        let found = located.message().and_then(|place| self.0.get(&place).copied());
        let applied = counters.apply(event, located, found, stored_ms).expect("no bound is near");
        if let Some(new) = applied.remember {
            self.0.insert((new.room, new.key), new.remembered);
        }
        counters.advance(counters.applied() + 1);
        applied
    }
}

pub(crate) fn policies(policies: oracle::Policies) -> Policies {
    let own_messages = match policies.own_messages {
        oracle::OwnMessages::Exclude => OwnMessages::Exclude,
        oracle::OwnMessages::MarkRead => OwnMessages::MarkRead,
    };
    Policies { own_messages, message_window: policies.message_window }
}

/// Counters after these steps, in the language of the oracle's tables, of the tenant `demo`.
pub(crate) fn after(steps: &str) -> Counters {
    let (mut counters, mut remembering) = (Counters::new(Policies::default()), Remembering::default());
    for step in Script::parse(steps).unwrap().steps {
        let tenant = Tenant::new("demo").unwrap();
        remembering.apply(&mut counters, &Event { tenant, body: step.event.body }, step.stored_ms);
    }
    counters
}
