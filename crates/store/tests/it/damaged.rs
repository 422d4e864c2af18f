//! A store that is not what was committed is put away, and another takes its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use oracle::Oracle;
use store::{Metrics, Options, Store};

use crate::run::{
    CHECKPOINT, Fault, Run, TestDatabase, change_rows, copy_dir, dead_letter, full_history, marker,
    open_sled, options, policies, store_in,
};

fn oracle() -> Oracle {
    let history = full_history();
    let mut oracle = Oracle::new(history.policies);
    for (event, stored_ms) in &history.events {
        oracle.apply(event, *stored_ms);
    }
    oracle
}

fn quarantined(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("quarantine"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// Opens what is there, which is refused for this reason, and finds an empty store in its place.
#[track_caller]
fn is_recounted(options: &Options, reason: &str) {
    let run = Run::open(options).unwrap();
    assert_eq!(run.counters.applied(), 0);
    let recount = run.store.position().recount.clone().expect("a recount");
    assert!(recount.contains(reason), "{recount}");
    let [place] = &*quarantined(&options.data_dir) else { panic!("one damaged store is kept") };
    assert!(recount.contains(&place.display().to_string()), "{recount}");
    let why = fs::read_to_string(place.join("reason.txt")).unwrap();
    assert!(why.contains(reason), "{why}");
    assert!(place.join("db").exists());
}

/// They are noticed before memory is asked for all below.
#[test]
fn a_room_or_user_beyond_the_last_that_was_made_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let room = b"\x04demo\x0aanother_r1\0\0\0";
    change_rows(dir.path(), |db| drop(db.insert([2, 0xff, 0xff, 0xff, 0xf0], room).unwrap()));
    is_recounted(&options, "row [02, ff, ff, ff, f0] is not well formed");

    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let user = b"\x04demo\x07another\0\0\0";
    change_rows(dir.path(), |db| drop(db.insert([3, 0xff, 0xff, 0xff, 0xf0, 0, 0], user).unwrap()));
    is_recounted(&options, "row [03, ff, ff, ff, f0, 00, 00] is not well formed");
}

/// Every row, changed in one bit or removed, is noticed.
#[test]
fn damage_to_any_row_is_noticed() {
    let whole = tempfile::tempdir().unwrap();
    store_in(whole.path());
    let rows: Vec<(sled::IVec, sled::IVec)> = {
        let db = open_sled(whole.path());
        db.iter().map(Result::unwrap).collect()
    };
    let mut tables: Vec<u8> = rows.iter().map(|(key, _)| key[0]).collect();
    tables.dedup();
    assert_eq!(tables, [1, 2, 3, 4, 5, 6, 8], "the history fills every table but the outbox");
    let oracle = oracle();
    let mut noticed = 0;
    for (number, (key, row)) in rows.iter().enumerate() {
        let bit = number * 7_919 % (row.len() * 8);
        let mut flipped = row.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        for change in [Some(flipped), None] {
            let dir = tempfile::tempdir().unwrap();
            copy_dir(whole.path(), dir.path());
            let what = format!("row {key:02x?}: {change:?}");
            change_rows(dir.path(), |db| match change {
                Some(row) => drop(db.insert(key, row).unwrap()),
                None => drop(db.remove(key).unwrap()),
            });
            noticed += u32::from(is_noticed(dir.path(), &oracle, key, &what));
        }
    }
    assert!(noticed as usize > rows.len(), "{noticed} of {}", 2 * rows.len());
}

/// Refused or recounted: then `true`. Or without any effect: what deleted rooms and forgotten ids
/// leave behind counts for nothing. The position is not part of the digest; it is checked against
/// the stream itself.
fn is_noticed(dir: &Path, oracle: &Oracle, key: &[u8], what: &str) -> bool {
    let options = options(dir, policies(full_history().policies));
    let Ok(run) = Run::open(&options) else {
        assert_eq!(key, CHECKPOINT, "{what}: refused for its version or policies");
        return true;
    };
    if run.store.position().recount.is_some() {
        return true;
    }
    run.compare(oracle, what);
    assert!(key == CHECKPOINT || run.store.position().applied == 300, "{what}");
    false
}

#[test]
fn a_missing_checkpoint_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    change_rows(dir.path(), |db| drop(db.remove(CHECKPOINT).unwrap()));
    is_recounted(&options, "no checkpoint");
}

#[test]
fn an_emptied_store_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    change_rows(dir.path(), |db| db.clear().unwrap());
    is_recounted(&options, "no checkpoint");
}

#[test]
fn a_removed_database_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    fs::remove_dir_all(dir.path().join("generations/1")).unwrap();
    let run = Run::open(&options).unwrap();
    assert!(run.store.position().recount.as_ref().unwrap().contains("current says \"1\\n\""));
}

#[test]
fn a_zeroed_database_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let db = dir.path().join("generations/1/db");
    let length = fs::metadata(&db).unwrap().len();
    fs::write(&db, vec![0; usize::try_from(length).unwrap()]).unwrap();
    is_recounted(&options, "no checkpoint");
}

#[test]
fn a_store_marked_dirty_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    fs::write(marker(dir.path()), format!("{:<512}", "open and shut\n")).unwrap();
    is_recounted(&options, "the marker file is damaged");

    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    fs::write(marker(dir.path()), format!("{:<512}", "dirty the disk smells\n")).unwrap();
    is_recounted(&options, "the disk smells");
}

#[test]
fn openings_that_end_the_process_end_themselves() {
    for (times, is_opened) in [(1, true), (2, true), (3, false)] {
        let dir = tempfile::tempdir().unwrap();
        let options = store_in(dir.path());
        fs::write(marker(dir.path()), format!("{:<512}", format!("opening {times}\n"))).unwrap();
        if is_opened {
            assert_eq!(Run::open(&options).unwrap().counters.applied(), 300);
        } else {
            is_recounted(&options, "3 processes in a row ended while they opened it");
        }
    }
}

#[test]
fn a_map_that_an_interrupted_opening_left_behind_does_no_harm() {
    for left in [&b""[..], b"some"] {
        let dir = tempfile::tempdir().unwrap();
        let options = store_in(dir.path());
        let map = dir.path().join("generations/1/snap.00000000000000FF.generating");
        fs::write(&map, left).unwrap();
        assert_eq!(Run::open(&options).unwrap().counters.applied(), 300);
        assert!(!map.exists());
    }
}

#[test]
fn the_newest_store_is_opened_where_current_can_not_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    fs::write(dir.path().join("current"), "?").unwrap();
    assert_eq!(Run::open(&options).unwrap().counters.applied(), 300);
    assert_eq!(fs::read_to_string(dir.path().join("current")).unwrap(), "1\n");
}

#[test]
fn an_unfinished_generation_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let unfinished = dir.path().join("generations/1");
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("unfinished"), "").unwrap();
    let options = options(dir.path(), counters::Policies::default());
    let (store, counters) = Store::open(&options, &Metrics::default()).unwrap();
    assert_eq!((store.generation(), counters.applied()), (1, 0));
    assert!(store.position().recount.is_none(), "nothing was ever counted");
    assert_eq!(fs::read_to_string(dir.path().join("current")).unwrap(), "1\n");
}

/// After a write that failed, nobody knows what is on the disk: even if it is all as it should be.
#[test]
fn a_write_that_fails_panics_or_hangs_marks_the_store() {
    for fault in [Fault::Error, Fault::Panic, Fault::Hang(Duration::from_secs(1))] {
        let dir = tempfile::tempdir().unwrap();
        let database = Arc::new(TestDatabase::default());
        let (told, telling) = channel();
        let options = Options {
            database: database.clone(),
            write_timeout: Duration::from_millis(100),
            give_up: Arc::new(move |why| told.send(why.to_owned()).unwrap()),
            ..store_in(dir.path())
        };
        let mut run = Run::open(&options).unwrap();
        *database.fault.lock().unwrap() = fault;
        run.counters.advance(301);
        run.begin_commit();
        let reason = if let Fault::Hang(_) = fault {
            assert!(
                telling.recv().unwrap().contains("did not answer"),
                "somebody is told to end the process"
            );
            "did not answer"
        } else {
            run.store.wait().unwrap_err();
            "it smells"
        };
        drop(run);
        is_recounted(&Options { database: Arc::new(TestDatabase::default()), ..options }, reason);
    }
}

#[test]
fn a_panic_while_rows_are_read_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let database = Arc::new(TestDatabase::default());
    *database.fault.lock().unwrap() = Fault::PanicAtRead;
    let options = Options { database, ..store_in(dir.path()) };
    is_recounted(&options, "reading it panicked");
}

/// Nothing that counts is missing, and yet something is.
#[test]
fn a_dead_letter_that_is_lost_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let mut run = Run::open(&options).unwrap();
    for sequence in [301, 302] {
        run.store.add_dead_letter(&dead_letter(sequence));
        run.counters.advance(sequence);
        run.commit();
    }
    run.store.outbox().stored(301);
    run.counters.advance(303);
    run.commit();
    drop(run);
    let run = Run::open(&options).unwrap();
    assert_eq!(run.store.outbox().waiting(), 1);
    drop(run);
    change_rows(dir.path(), |db| {
        let (key, _) = db.scan_prefix([7]).next().unwrap().unwrap();
        db.remove(key).unwrap();
    });
    is_recounted(&options, "dead letters");
}

/// Somebody who panics in the middle of a change leaves a store that is not trusted.
#[test]
fn a_panic_of_the_owner_marks_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let owner = options.clone();
    let thread = std::thread::spawn(move || {
        let _run = Run::open(&owner).unwrap();
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    is_recounted(&options, "panicked");
}
