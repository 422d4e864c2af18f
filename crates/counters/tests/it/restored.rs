//! Counters taken apart into facts in the middle of a history, and put together again, go on as if
//! nothing had happened.

use counters::{Counters, KeptList, NumberSet, Restore, RoomIndex, UserIndex};
use oracle::Oracle;

use crate::histories::{compare, histories};
use crate::model::{Model, policies};

#[test]
fn counters_restored_from_their_facts_go_on_alike() {
    for history in histories().step_by(5) {
        let mut oracle = Oracle::new(history.policies);
        let mut model = Model::new(policies(history.policies));
        let middle = 50 + usize::try_from(history.seed % 100).unwrap();
        for (position, (event, stored_ms)) in history.events.iter().enumerate() {
            oracle.apply(event, *stored_ms);
            model.apply(event, *stored_ms);
            let place = format!("seed {} event {position}", history.seed);
            if position == middle {
                let ids = std::mem::take(&mut model.ids);
                model = Model::of(restored(&model.counters));
                model.ids = ids;
                compare(&oracle, &model, &place);
            }
        }
        compare(&oracle, &model, &format!("seed {}, at its end", history.seed));
    }
}

fn restored(counters: &Counters) -> Counters {
    let mut restore =
        Restore::new(Counters::new(counters.policies()), counters.next_room(), counters.next_user());
    let rooms: Vec<RoomIndex> = counters.rooms().collect();
    let users: Vec<UserIndex> = counters.users().collect();
    for room in &rooms {
        let (tenant, id) = counters.room_name(*room).unwrap();
        restore.room(*room, tenant, id, &counters.room_fact(*room).unwrap()).unwrap();
    }
    for user in &users {
        let (tenant, id) = counters.user_name(*user).unwrap();
        let mut members = Vec::new();
        counters.each_membership(*user, |room, fact| members.insert(0, (room, fact)));
        restore.user(*user, tenant, id, &mut members).unwrap();
        for (room, _) in members {
            for set in [NumberSet::Own(room, *user), NumberSet::Mentioned(room, *user)] {
                restore_numbers(&mut restore, counters, set);
            }
            restore_kept(&mut restore, counters, KeptList::Reads(room, *user));
        }
    }
    for room in rooms {
        restore_numbers(&mut restore, counters, NumberSet::Recalled(room));
        restore_numbers(&mut restore, counters, NumberSet::MentionAll(room));
        restore_kept(&mut restore, counters, KeptList::Recalls(room));
    }
    let restored = restore.finish(counters.applied(), counters.next_room());
    assert_eq!(restored.room_count(), counters.room_count());
    assert_eq!(restored.membership_count(), counters.membership_count());
    restored
}

fn restore_numbers(restore: &mut Restore, counters: &Counters, set: NumberSet) {
    let numbers: Vec<u32> = counters.with_numbers(set, |numbers| numbers.iter().collect());
    if !numbers.is_empty() {
        restore.numbers(set, numbers.into_iter()).unwrap();
    }
}

fn restore_kept(restore: &mut Restore, counters: &Counters, list: KeptList) {
    let keys = counters.with_kept(list, <[_]>::to_vec);
    if !keys.is_empty() {
        restore.kept(list, keys).unwrap();
    }
}
