//! Readers while the writer goes on: every answer is one that was right at a moment it claims.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};

use counters::{MutedRooms, Policies, Reader};
use oracle::script::Script;

use crate::model::Model;

fn apply(model: &mut Model, text: &str) {
    for step in Script::parse(text).unwrap().steps {
        model.apply(&step.event, step.stored_ms);
    }
}

/// Asks for Bob's badge from several threads while `events` go on, and checks each answer against
/// what can be true between the sequence that the answer claims and the one visible after it.
fn watch(
    model: &mut Model,
    user: &'static str,
    rounds: u32,
    events: impl Fn(u32) -> String,
    possible: impl Fn(u64, u64) -> RangeInclusive<u64> + Sync,
) {
    let done = AtomicBool::new(false);
    let reader = model.reader.clone();
    let ask = |tags: &[&str]| {
        let (mut asked, mut last) = (0u64, 0);
        while !done.load(Ordering::Relaxed) {
            asked += 1;
            last = check(&reader, user, tags, last, &possible);
        }
        assert!(asked > 0, "nobody asked");
    };
    std::thread::scope(|scope| {
        for tags in [&[][..], &["a"], &[], &["a", "b"]] {
            let ask = &ask;
            scope.spawn(move || ask(tags));
        }
        for round in 0..rounds {
            apply(model, &events(round));
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn check(
    reader: &Reader,
    user: &str,
    tags: &[&str],
    last: u64,
    possible: &impl Fn(u64, u64) -> RangeInclusive<u64>,
) -> u64 {
    let badge = reader.badge("t", user, tags, MutedRooms::Count);
    // The event after the one that is claimed last may be visible already.
    let expected = possible(badge.applied, reader.applied() + 1);
    assert!(expected.contains(&badge.count), "{} at {}, expected {expected:?}", badge.count, badge.applied);
    assert!(badge.applied >= last, "the applied sequence went back");
    badge.applied
}

#[test]
fn own_messages_are_never_counted_for_a_moment() {
    let mut model = Model::new(Policies::default());
    apply(&mut model, "tagged r1 a,b; joined r1 bob");
    watch(&mut model, "bob", 60_000, |round| format!("posted r1 m{round} by bob"), |_, _| 0..=0);
}

#[test]
fn messages_recalled_before_they_are_posted_are_never_counted_for_a_moment() {
    let mut model = Model::new(Policies::default());
    apply(&mut model, "tagged r1 a,b; joined r1 bob");
    // Bob reads all the time, so that questions are short and many.
    let events = |round| format!("recalled r1 m{round}; posted r1 m{round} by ann; read r1 bob");
    watch(&mut model, "bob", 120_000, events, |_, _| 0..=0);
}

#[test]
fn a_badge_claims_no_event_that_is_not_in_it() {
    let mut model = Model::new(Policies::default());
    apply(&mut model, "tagged r1 a,b; joined r1 bob");
    watch(
        &mut model,
        "bob",
        60_000,
        |round| format!("posted r1 m{round} by ann"),
        |from, to| from.saturating_sub(2)..=to.saturating_sub(2),
    );
}

/// One message is unread, then two, then one again: a head from before a post never meets recalled
/// numbers from after it.
#[test]
fn head_and_recalled_numbers_belong_to_one_moment() {
    let mut model = Model::new(Policies::default());
    apply(&mut model, "tagged r1 a,b; joined r1 bob; posted r1 m0 by ann; posted r1 x by ann; recalled r1 x");
    let events = |round| format!("posted r1 m{} by ann; recalled r1 m{round}", round + 1);
    watch(&mut model, "bob", 60_000, events, |_, _| 1..=2);
}
