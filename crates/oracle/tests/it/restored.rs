//! An oracle restored from the facts of another goes on like it.

use oracle::history::{History, ROOMS, TAGS, TENANTS, USERS, Variant};
use oracle::{Fact, FactsError, Oracle};

/// What is unread, mentioned, known and kept, and every other fact: of everybody, everywhere.
#[track_caller]
fn compare(restored: &Oracle, oracle: &Oracle, place: &str) {
    for tenant in TENANTS {
        for user in USERS {
            for room in ROOMS {
                let ask = |oracle: &Oracle| {
                    let of_room = (oracle.head(tenant, room), oracle.cursor(tenant, user, room));
                    (of_room, oracle.unread(tenant, user, room), oracle.mentions(tenant, user, room))
                };
                assert_eq!(ask(restored), ask(oracle), "{place}: {tenant} {user}@{room}");
            }
            for (tags, skip_muted) in [(&[][..], true), (&[], false), (&TAGS[..1], false), (&TAGS[1..], true)]
            {
                let badge = |oracle: &Oracle| oracle.badge(tenant, user, tags, skip_muted);
                assert_eq!(badge(restored), badge(oracle), "{place}: {tenant} {user}#{tags:?}");
            }
        }
    }
    let facts = |oracle: &Oracle| -> Vec<_> {
        oracle.facts().map(|(tenant, room, facts)| format!("{tenant} {room} {facts:?}")).collect()
    };
    assert_eq!(facts(restored), facts(oracle), "{place}");
}

fn restored(oracle: &Oracle, history: &History) -> Oracle {
    let mut restored = Oracle::new(history.policies);
    for (tenant, room, facts) in oracle.facts() {
        restored.restore_room(tenant, room, &facts).expect("facts of an oracle");
    }
    restored
}

#[test]
fn an_oracle_restored_in_the_middle_goes_on_alike() {
    for (seed, variant) in (0..600).zip(Variant::ALL.into_iter().cycle()) {
        let history = History::generate(seed, 300, variant);
        let mut oracle = Oracle::new(history.policies);
        let middle = 50 + usize::try_from(seed % 200).unwrap();
        for (event, stored_ms) in &history.events[..middle] {
            oracle.apply(event, *stored_ms);
        }
        let mut again = restored(&oracle, &history);
        compare(&again, &oracle, &format!("seed {seed}, restored"));
        for (position, (event, stored_ms)) in history.events.iter().enumerate().skip(middle) {
            let place = format!("seed {seed} event {position}: {event:?}");
            assert_eq!(again.apply(event, *stored_ms), oracle.apply(event, *stored_ms), "{place}");
            if position % 8 == 0 {
                compare(&again, &oracle, &place);
            }
        }
        compare(&again, &oracle, &format!("seed {seed}, at its end"));
    }
}

#[test]
fn facts_that_contradict_each_other_are_refused() {
    let room = |head, posted| Fact::Room { head, posted, time: 0, tags: Vec::new() };
    let ann = Fact::Member { user: "ann", cursor: 0, muted: false };
    let known = |order, number, silent| {
        Fact::Known(oracle::KnownMessage { message: "m", order, number, silent, time: 0 })
    };
    for (facts, expected) in [
        (vec![], Some(FactsError::NoRoom)),
        (vec![ann.clone()], Some(FactsError::NoRoom)),
        (vec![room(2, 3)], None),
        (vec![room(3, 2)], Some(FactsError::Messages)),
        (vec![room(0, 0), known(1, 1, false)], Some(FactsError::Messages)),
        (vec![room(1, 2), known(2, 1, true)], None),
        (vec![room(1, 2), known(1, 1, true)], Some(FactsError::Messages)),
        (vec![room(2, 2), known(2, 1, false)], Some(FactsError::Messages)),
        (vec![room(1, 1), known(1, 0, false)], Some(FactsError::Messages)),
        (vec![room(2, 2), Fact::Recalled { number: 3 }], Some(FactsError::Number(3))),
        (vec![room(2, 2), Fact::Recalled { number: 0 }], Some(FactsError::Number(0))),
        (vec![room(2, 2), Fact::Own { user: "ann", number: 1 }], Some(FactsError::NotAMember)),
        (vec![room(2, 2), ann, Fact::Own { user: "ann", number: 1 }], None),
    ] {
        let told = Oracle::new(oracle::Policies::default()).restore_room("t", "r1", &facts);
        assert_eq!(told.err(), expected, "{facts:?}");
    }
}
