//! The events that made a count.

use counters::Policies;
use events::encode_json;
use oracle::script::Script;
use recount::{History, Scope, Start};

use crate::support::prefix;

/// What ann is told of some steps.
#[track_caller]
fn check(steps: &str, expected: &[&str]) {
    let script = Script::parse(steps).unwrap();
    let scope = Scope::some([("t", "ann")].into_iter(), [("t", "r1"), ("t", "r2")].into_iter());
    let mut history = History::new(Start::empty(Policies::default()), prefix(), scope, "t", "ann");
    let mut told = Vec::new();
    for (sequence, step) in (1..).zip(&script.steps) {
        let subject = prefix().event(step.event.tenant, step.event.body.kind());
        for entry in history.hear(sequence, step.stored_ms, &subject, &encode_json(&step.event.body)) {
            let message = entry.message.as_deref().unwrap_or("-");
            told.push(format!(
                "{} {} {} {message}: {}",
                entry.sequence, entry.kind, entry.room, entry.effect
            ));
            assert_eq!(entry.stored_ms, step.stored_ms);
        }
    }
    assert_eq!(told, expected, "{steps}");
}

#[test]
fn each_effect_has_its_event() {
    check(
        "posted r1 m1 by bob; joined r1 ann,bob history all; posted r1 m2 by bob mentions ann; posted r1 m3 by ann; \
         posted r9 m1 by bob; read r1 bob; read r1 ann upto m2; recalled r1 m3; tagged r1 a; muted r1 ann",
        &[
            "2 room.joined r1 -: joined: head 1, cursor 0, unread 1",
            "3 message.posted r1 m2: head 1 → 2, unread 1 → 2, mentions 0 → 1",
            "4 message.posted r1 m3: own message, head 2 → 3",
            "7 message.read r1 m2: cursor 0 → 2, unread 2 → 0, mentions 1 → 0",
            "9 room.tagged r1 -: tags a",
            "10 room.muted r1 -: muted",
        ],
    );
    check(
        "joined r1 ann; joined r2 ann; read r1 ann upto m9; posted r2 m1 by bob; unmuted r1 ann; user_deleted ann; posted r1 m9 by bob",
        &[
            "1 room.joined r1 -: joined: head 0, cursor 0, unread 0",
            "2 room.joined r2 -: joined: head 0, cursor 0, unread 0",
            "3 message.read r1 m9: kept reads 0 → 1",
            "4 message.posted r2 m1: head 0 → 1, unread 0 → 1",
            "6 user.deleted r1 -: is no member any more",
            "6 user.deleted r2 -: is no member any more",
        ],
    );
}
