//! Users with more rooms than one row holds.

use counters::{MutedRooms, Policies};

use crate::run::{Run, change_rows, open_sled, options};

fn badge(run: &Run, user: &str) -> u64 {
    run.counters.reader().badge("t", user, &[], MutedRooms::Count).count
}

#[test]
fn a_user_of_many_rooms_is_spread_over_rows_and_found_whole() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), Policies::default());
    let mut run = Run::open(&options).unwrap();
    for room in 0..1_000 {
        run.apply_script(&format!(
            "joined r{room} ann,bob; posted r{room} m1 by bob; posted r{room} m2 by cid"
        ));
        if room % 50 == 0 {
            run.commit();
        }
    }
    run.commit();
    for room in (0..1_000).step_by(3) {
        run.apply_script(&format!("read r{room} ann upto m1; left r{room} bob"));
    }
    run.commit();
    let (ann, bob) = (badge(&run, "ann"), badge(&run, "bob"));
    assert_eq!((ann, bob), (2 * 1_000 - 334, 666));
    drop(run);
    let run = Run::open(&options).unwrap();
    assert_eq!((badge(&run, "ann"), badge(&run, "bob")), (ann, bob));
    drop(run);
    let db = open_sled(dir.path());
    let longest = db.iter().map(|row| row.unwrap().1.len()).max().unwrap();
    assert!(longest < 4_096, "a row of {longest} bytes");
    assert!(db.scan_prefix([3]).count() >= 16, "ann and bob take eight rows each");
}

/// In how many rows a user's memberships lie says nothing about their counts, but about where the next commit puts them.
#[test]
fn memberships_that_are_not_where_they_belong_are_damage() {
    const BITS: usize = "_t_ann".len();
    for (bits, is_whole) in [(3, true), (2, false), (4, false), (40, false)] {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path(), Policies::default());
        let mut run = Run::open(&options).unwrap();
        for room in 0..600 {
            run.apply_script(&format!("joined r{room} ann"));
        }
        run.commit();
        drop(run);
        change_rows(dir.path(), |db| {
            let (key, row) = db.scan_prefix([3]).next().unwrap().unwrap();
            let mut row = row.to_vec();
            assert_eq!(row[BITS], 3, "eight rows");
            row[BITS] = bits;
            db.insert(key, row).unwrap();
        });
        let recount = Run::open(&options).unwrap().store.position().recount.clone();
        assert_eq!(recount.is_none(), is_whole, "{bits} bits: {recount:?}");
    }
}

/// The rows of a user whose rooms are all gone must not become part of another user.
#[test]
fn a_user_left_without_rooms_leaves_nothing_to_whoever_gets_their_index() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), Policies::default());
    let mut run = Run::open(&options).unwrap();
    for room in 0..300 {
        run.apply_script(&format!("joined r{room} ann"));
    }
    run.commit();
    for room in 0..300 {
        run.apply_script(&format!("room_deleted r{room}"));
    }
    run.commit();
    drop(run);
    let mut run = Run::open(&options).unwrap();
    assert_eq!(run.counters.user_count(), 0);
    run.apply_script("joined s1 bob; posted s1 m1 by ann");
    run.commit();
    drop(run);
    let run = Run::open(&options).unwrap();
    assert_eq!((run.counters.user_count(), badge(&run, "bob"), badge(&run, "ann")), (1, 1, 0));
    drop(run);
    let db = open_sled(dir.path());
    assert_eq!(db.scan_prefix([3]).count(), 1, "one row for bob, none of ann's");
}
