//! What is said of all rooms of a user at once, against the oracle.

use counters::{MutedRooms, TagFilter, TagMode};
use oracle::history::{TAGS, TENANTS, USERS};
use oracle::script::Script;
use oracle::{Filter, Oracle};

use crate::model::Model;

/// Sets of tags that are asked for, and that are asked to be absent.
const WANTED: [&[&str]; 6] = [&[], &TAGS_A, &TAGS_AB, &["c"], &["a", "no such tag"], &["no such tag"]];
const UNWANTED: [&[&str]; 4] = [&[], &["c"], &["b", "no such tag"], &["no such tag"]];
const TAGS_A: [&str; 1] = [TAGS[0]];
const TAGS_AB: [&str; 2] = [TAGS[0], TAGS[1]];

pub(crate) fn compare(oracle: &Oracle, model: &Model, place: &str) {
    for tenant in TENANTS {
        for user in USERS {
            for tags in WANTED {
                for not in UNWANTED {
                    for any in [false, true] {
                        let place = format!("{place}: {tenant} {user} {tags:?} any: {any} not: {not:?}");
                        compare_filtered(oracle, model, (tenant, user), Filter { tags, any, not }, &place);
                    }
                }
                compare_by_tags(oracle, model, (tenant, user), tags, place);
            }
        }
    }
}

fn compare_filtered(
    oracle: &Oracle,
    model: &Model,
    (tenant, user): (&str, &str),
    filter: Filter<'_>,
    place: &str,
) {
    let mode = if filter.any { TagMode::Any } else { TagMode::All };
    let asked = TagFilter { tags: filter.tags, mode, not: filter.not };
    for (muted, skip_muted) in [(MutedRooms::Count, false), (MutedRooms::Skip, true)] {
        let (counted, in_muted) = oracle.summary(tenant, user, filter, skip_muted);
        let found = model.reader.summary(tenant, user, &asked, muted);
        let of = |sums: counters::Sums| (sums.unread, sums.rooms, sums.mentions);
        let expected = |sums: oracle::Sums| (sums.unread, sums.rooms, sums.mentions);
        assert_eq!(of(found.counted), expected(counted), "{place}: skip_muted: {skip_muted}");
        assert_eq!(of(found.muted), expected(in_muted), "{place}: muted");
        let badge = model.reader.filtered_badge(tenant, user, &asked, muted);
        assert_eq!(badge.count, counted.unread, "{place}: skip_muted: {skip_muted}");
        assert_eq!((badge.applied, found.applied), (model.counters.applied(), model.counters.applied()));
    }
    let mut found = model.reader.room_list(tenant, user, &asked).rooms;
    found.sort_by(|room, other| room.room.cmp(&other.room));
    let found: Vec<_> = found
        .iter()
        .map(|room| {
            let tags: Vec<&str> = room.tags.iter().map(|tag| &**tag).collect();
            (&*room.room, tags, room.unread, room.mentions, room.muted)
        })
        .collect();
    let expected = oracle.room_list(tenant, user, filter).into_iter();
    let expected: Vec<_> =
        expected.map(|room| (room.room, room.tags, room.unread, room.mentions, room.muted)).collect();
    assert_eq!(found, expected, "{place}");
}

fn compare_by_tags(oracle: &Oracle, model: &Model, (tenant, user): (&str, &str), tags: &[&str], place: &str) {
    for (muted, skip_muted) in [(MutedRooms::Count, false), (MutedRooms::Skip, true)] {
        let found = model.reader.by_tags(tenant, user, (!tags.is_empty()).then_some(tags), muted);
        let expected = oracle.by_tags(tenant, user, tags, skip_muted);
        let place = format!("{place}: {tenant} {user} by {tags:?} skip_muted: {skip_muted}");
        assert_eq!((found.total, found.parts), expected, "{place}");
        assert_eq!(found.applied, model.counters.applied(), "{place}");
    }
}

/// One line a case: `what happens | what is said of Ann's rooms`, each as `room:unread/mentions`, `*` if muted.
fn check(line: &str) {
    let (steps, expected) = line.split_once(" | ").unwrap();
    let mut model = Model::new(counters::Policies::default());
    for step in Script::parse(steps).unwrap().steps {
        model.apply(&step.event, step.stored_ms);
    }
    let mut rooms = model.reader.room_list("t", "ann", &TagFilter::default()).rooms;
    rooms.sort_by(|room, other| room.room.cmp(&other.room));
    let texts = rooms.iter().map(|room| {
        let muted = if room.muted { "*" } else { "" };
        format!("{}:{}/{}{muted}", room.room, room.unread, room.mentions)
    });
    assert_eq!(texts.collect::<Vec<_>>().join(" "), expected, "{line}");
}

#[test]
fn rooms_that_come_and_go() {
    for line in [
        "joined r1 ann; joined r2 ann; muted r2 ann | r1:0/0 r2:0/0*",
        "joined r1 ann; joined r2 ann; posted r1 m by x; posted r2 m by x mention_all | r1:1/0 r2:1/1",
        "joined r1 ann; joined r2 ann; posted r1 m by x; room_deleted r1 | r2:0/0",
        "joined r1 ann; posted r1 m by x; room_deleted r1; joined r1 ann; posted r1 n by x mentions ann | r1:1/1",
        "joined r1 ann; posted r1 m by x mention_all; room_deleted r1; joined r1 ann; posted r1 n by x | r1:1/0",
        "joined r1 ann; left r1 ann; tagged r1 a | ",
        "joined r1 ann; posted r1 m by x mention_all; recalled r1 m | r1:0/0",
        "joined r1 ann; posted r1 m by ann mention_all; posted r1 n by x mentions ann mention_all | r1:1/1",
    ] {
        check(line);
    }
}
