//! Random histories, compared with the oracle after every event.

use counters::{Outcome, Reason};
use oracle::history::{History, ROOMS, TAGS, TENANTS, USERS, Variant};
use oracle::{Effect, Oracle};

use crate::model::{Model, policies};
use crate::rooms_of_users;

const LENGTH: usize = 200;
/// The full number is asked for by `TALLYMARK_HISTORIES=10000`.
const HISTORIES: u64 = 1_000;

pub(crate) fn histories() -> impl Iterator<Item = History> {
    let count = std::env::var("TALLYMARK_HISTORIES").ok();
    let count = count.map_or(HISTORIES, |count| count.parse().expect("TALLYMARK_HISTORIES is a number"));
    (0..count)
        .zip(Variant::ALL.into_iter().cycle())
        .map(|(seed, variant)| History::generate(seed, LENGTH, variant))
}

#[test]
fn random_histories_agree_with_the_oracle_after_every_event() {
    for history in histories() {
        let mut oracle = Oracle::new(history.policies);
        let mut model = Model::new(policies(history.policies));
        for (position, (event, stored_ms)) in history.events.iter().enumerate() {
            let expected = oracle.apply(event, *stored_ms);
            let applied = model.apply(event, *stored_ms);
            let place = format!("seed {} event {position}: {event:?}", history.seed);
            let changed = applied.outcome == Outcome::Changed || applied.outcome == Outcome::Kept;
            assert_eq!(changed, expected.effect == Effect::Changed, "{place}: {applied:?}");
            let unknown = u32::from(applied.outcome == Outcome::Unchanged(Reason::UnknownMessage));
            assert_eq!(applied.fallen_out + unknown, expected.unknown_messages, "{place}: {applied:?}");
            compare(&oracle, &model, &place);
            // Less often, because it is much.
            if position % 9 == 0 || position + 1 == history.events.len() {
                rooms_of_users::compare(&oracle, &model, &place);
            }
        }
        compare_known_messages(&oracle, &model, history.seed);
    }
}

pub(crate) fn compare(oracle: &Oracle, model: &Model, place: &str) {
    let filters: [&[&str]; 7] =
        [&[], &TAGS[..1], &TAGS[1..2], &TAGS[..2], &TAGS[1..], &TAGS, &["no such tag"]];
    for tenant in TENANTS {
        for user in USERS {
            for room in ROOMS {
                let unread = model.unread(tenant, user, room);
                assert_eq!(unread, oracle.unread(tenant, user, room), "{place}: {tenant} {user}@{room}");
                let mentions = model.mentions(tenant, user, room);
                assert_eq!(mentions, oracle.mentions(tenant, user, room), "{place}: {tenant} {user}!{room}");
            }
            for tags in filters {
                for skip_muted in [false, true] {
                    let badge = model.badge(tenant, user, tags, skip_muted);
                    let expected = oracle.badge(tenant, user, tags, skip_muted);
                    assert_eq!(badge, expected, "{place}: {tenant} {user}#{tags:?} skip_muted: {skip_muted}");
                }
            }
        }
    }
}

fn compare_known_messages(oracle: &Oracle, model: &Model, seed: u64) {
    for tenant in TENANTS {
        for room in oracle.rooms_of_tenant(tenant) {
            for known in oracle.known_messages(tenant, room) {
                let found = model.known(tenant, room, known.message).expect("known to the oracle");
                let found = (found.order, u64::from(found.number), found.silent, found.time);
                let expected = (known.order, known.number, known.silent, known.time);
                assert_eq!(found, expected, "seed {seed}: {tenant} {room} {}", known.message);
            }
        }
    }
}
