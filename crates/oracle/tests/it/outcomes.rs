//! An outcome says "changed" exactly when some fact is another one than before, and counts what
//! fell out or was never known.

use std::collections::BTreeMap;

use oracle::history::{History, Variant};
use oracle::script::Script;
use oracle::{Effect, Fact, Oracle, Policies};

use crate::rules::each;

/// The facts of each room, by tenant and id.
fn facts(oracle: &Oracle) -> BTreeMap<(String, String), Vec<Fact<'_>>> {
    oracle.facts().map(|(tenant, room, facts)| ((tenant.to_owned(), room.to_owned()), facts)).collect()
}

#[test]
fn an_event_says_whether_it_changed_a_fact_and_in_which_room() {
    for seed in 0..60 {
        for variant in Variant::ALL {
            let history = History::generate(seed, 200, variant);
            let mut before = Oracle::new(history.policies);
            let mut after = Oracle::new(history.policies);
            for (place, (event, stored_ms)) in history.events.iter().enumerate() {
                let outcome = after.apply(event, *stored_ms);
                let named = after.take_changed_rooms();
                let (was, is) = (facts(&before), facts(&after));
                let place = format!("seed {seed}, {variant:?}, event {place}: {event:?}");
                assert_eq!(outcome.effect == Effect::Changed, was != is, "{place}");
                let differs = |room: &&(String, String)| was.get(*room) != is.get(*room);
                let mut differing = was.keys().chain(is.keys()).filter(differs);
                assert!(differing.all(|room| named.contains(room)), "{place}: told only of {named:?}");
                before.apply(event, *stored_ms);
            }
        }
    }
}

#[test]
fn an_event_counts_the_messages_that_it_could_not_know() {
    let reads = |count: u32| each(1..=count, |number| format!("read r1 bob upto m{number}"));
    let recalls = |count: u32| each(1..=count, |number| format!("recalled r1 m{number}"));
    for (script, unknown) in [
        (format!("joined r1 bob; {}", reads(16)), 0),
        (format!("joined r1 bob; {}", reads(17)), 1),
        (format!("joined r1 bob; {}", reads(19)), 3),
        (format!("joined r1 bob; {0}; {0}", reads(16)), 0),
        (recalls(64), 0),
        (recalls(66), 2),
        (format!("joined r1 bob; {}; left r1 bob; joined r1 bob; {}", reads(16), reads(16)), 0),
        (format!("{}; room_deleted r1; {}", recalls(64), recalls(64)), 0),
        ("joined r1 bob; unread r1 bob from m1; unread r1 bob from m1".to_owned(), 2),
        ("joined r1 bob; unread r1 ann from m1; unread r2 bob from m1".to_owned(), 0),
        ("joined r1 bob; posted r1 m1 by x; read r1 ann upto m9; unread r1 bob from m1".to_owned(), 0),
    ] {
        let parsed = Script::parse(&script).unwrap_or_else(|error| panic!("{script}: {error}"));
        let mut oracle = Oracle::new(Policies::default());
        let steps = parsed.steps.iter();
        let counted: u32 = steps.map(|step| oracle.apply(&step.event, step.stored_ms).unknown_messages).sum();
        assert_eq!(counted, unknown, "{script}");
    }
}
