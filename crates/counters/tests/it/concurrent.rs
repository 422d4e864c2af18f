//! Readers while the writer goes on: every answer is one that was right at a moment it claims.

use std::ops::RangeInclusive;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use counters::{MutedRooms, Policies, Reader, TagFilter};
use oracle::script::Script;

use crate::model::Model;

/// Who runs beside others gets a turn by then.
const LONG: Duration = Duration::from_secs(60);

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
    let filters = [&[][..], &["a"], &[], &["a", "b"]];
    let all_ask = Barrier::new(filters.len() + 1);
    let ask = |tags: &[&str]| {
        let mut last = 0;
        all_ask.wait();
        while !done.load(Ordering::Relaxed) {
            last = check(&reader, user, tags, last, &possible);
        }
    };
    std::thread::scope(|scope| {
        for tags in filters {
            let ask = &ask;
            scope.spawn(move || ask(tags));
        }
        all_ask.wait();
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
    // The other walk, which looks at each room by itself.
    let filter = TagFilter { tags, ..TagFilter::default() };
    let summary = reader.summary("t", user, &filter, MutedRooms::Count);
    let expected = possible(summary.applied, reader.applied() + 1);
    let unread = summary.counted.unread;
    assert!(expected.contains(&unread), "{unread} at {}, expected {expected:?}", summary.applied);
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

/// Every second message mentions everybody and is recalled, before it is posted or after: what is said of a room is
/// of one moment, and parts and sums of one answer never differ.
#[test]
fn parts_and_sums_of_an_answer_belong_together() {
    let mut model = Model::new(Policies::default());
    apply(&mut model, "tagged r1 a,b; joined r1 bob; tagged r2 b; joined r2 bob");
    let (done, reader) = (AtomicBool::new(false), model.reader.clone());
    let all_ask = Barrier::new(3);
    let ask = || {
        all_ask.wait();
        while !done.load(Ordering::Relaxed) {
            let list = reader.room_list("t", "bob", &TagFilter::default()).rooms;
            assert_eq!(list.len(), 2, "a room was missing for a moment");
            for room in list {
                assert!(room.unread <= 3 && room.mentions <= 1, "{room:?}");
                assert!(room.mentions <= room.unread, "{room:?}");
            }
            let by_tags = reader.by_tags("t", "bob", None, MutedRooms::Count);
            // Every room has b.
            assert_eq!(by_tags.parts["b"], by_tags.total, "{by_tags:?}");
            let summary = reader.summary("t", "bob", &TagFilter::default(), MutedRooms::Count);
            assert!(summary.counted.mentions <= summary.counted.unread, "{summary:?}");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(ask);
        }
        all_ask.wait();
        for round in 0..20_000_u32 {
            let room = 1 + round % 2;
            let tags = if round % 4 < 2 { "a,b" } else { "b" };
            apply(
                &mut model,
                &format!(
                    "recalled r{room} k{round}; posted r{room} k{round} by ann mention_all; tagged r1 {tags}; \
                     posted r{room} m{round} by ann mention_all; recalled r{room} m{round}; \
                     posted r{room} n{round} by ann; read r{room} bob"
                ),
            );
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// A room is tagged before anybody joins it, and deleted as a whole: whoever sees it sees its tag.
#[test]
fn a_room_that_comes_and_goes_is_there_whole_or_not_at_all() {
    let mut model = Model::new(Policies::default());
    apply(&mut model, "tagged r1 a; joined r1 bob");
    let (done, reader) = (AtomicBool::new(false), model.reader.clone());
    let seen = AtomicU64::new(0);
    let ask = || {
        while !done.load(Ordering::Relaxed) {
            for room in reader.room_list("t", "bob", &TagFilter::default()).rooms {
                assert_eq!(*room.tags, ["a".into()], "{room:?}");
                seen.fetch_add((&*room.room == "r2").into(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(ask);
        }
        let (started, mut rounds) = (Instant::now(), 0);
        while rounds < 40_000 || seen.load(Ordering::Relaxed) < 100 {
            apply(&mut model, "tagged r2 a; joined r2 bob; room_deleted r2");
            rounds += 1;
            if started.elapsed() > LONG {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(seen.into_inner() >= 100, "hardly anybody saw the room");
}
