//! What is published: a random history, with messages in between that are no events.

use std::collections::VecDeque;

use async_nats::HeaderMap;
use bytes::Bytes;
use events::{Event, encode_json, encode_message_pack};
use oracle::Policies;
use oracle::history::{History, Variant};
use store::simulated::Dice;

use super::stream::{Malformed, Payload};

/// So many messages are published in each run, and as many are kept in reserve.
pub(super) const LENGTH: usize = 640;

/// Of a hundred messages.
const MALFORMED: u64 = 8;
const OUTSIDE_PREFIX: u64 = 2;
const WITH_HEADERS: u64 = 10;

pub(super) fn feed(seed: u64, dice: &mut Dice) -> (Policies, VecDeque<Payload>) {
    let variant = *dice.pick(&Variant::ALL);
    let history = History::generate(seed, 2 * LENGTH, variant);
    let mut feed = VecDeque::new();
    let mut latest_ms = 0;
    for (event, stored_ms) in history.events {
        // What was copied of malformed events is told by their times: those are not set back.
        latest_ms = stored_ms.max(latest_ms);
        while dice.chance(MALFORMED + OUTSIDE_PREFIX) {
            feed.push_back(no_event(latest_ms, dice));
        }
        feed.push_back(of(event, stored_ms, dice));
    }
    (history.policies, feed)
}

fn of(event: Event<'static>, stored_ms: u64, dice: &mut Dice) -> Payload {
    let body = if dice.chance(50) { encode_json(&event.body) } else { encode_message_pack(&event.body) };
    let subject = format!("chat.{}.{}", event.tenant.as_str(), event.body.kind().as_str());
    let headers = dice.chance(WITH_HEADERS).then(|| {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", dice.roll().to_string().as_str());
        headers
    });
    Payload { subject, headers, body: body.into(), event: Some(event), malformed: None, stored_ms }
}

fn no_event(stored_ms: u64, dice: &mut Dice) -> Payload {
    let is_malformed = dice.below(MALFORMED + OUTSIDE_PREFIX) < MALFORMED;
    let (subject, body, malformed) = if is_malformed {
        let (subject, body, reason, dead_subject) = *dice.pick(&[
            ("chat.north.message.posted", "{", "undecodable", "chat-dead.north.message.posted"),
            ("chat.north.message.lost", "{}", "unknown_kind", "chat-dead._._"),
            ("chat.no rth.message.read", "{}", "invalid_tenant", "chat-dead._._"),
            ("chat.south.room.joined", "?", "undecodable", "chat-dead.south.room.joined"),
        ]);
        (subject, body, Some(Malformed { reason, dead_subject }))
    } else {
        ("chatter.north.message.posted", "{}", None)
    };
    // No two are alike.
    let body = Bytes::from(format!("{body}{:x}", dice.roll()));
    Payload { subject: subject.to_owned(), headers: None, body, event: None, malformed, stored_ms }
}
