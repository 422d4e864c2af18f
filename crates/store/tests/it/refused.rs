//! What must not be opened is refused, with the reason and the way out.

use std::path::Path;

use counters::{OwnMessages, Policies};
use oracle::Oracle;
use oracle::history::{History, Variant};
use store::{Damage, OpenError, Options, Store};

use crate::run::{Run, open_sled, options, policies};

const CHECKPOINT: [u8; 1] = [1];

fn history() -> History {
    History::generate(3, 300, Variant::Default)
}

fn oracle() -> Oracle {
    let history = history();
    let mut oracle = Oracle::new(history.policies);
    for (event, stored_ms) in &history.events {
        oracle.apply(event, *stored_ms);
    }
    oracle
}

/// A store of one history, closed.
fn store_in(dir: &Path) -> Options {
    let history = history();
    let options = options(dir, policies(history.policies));
    let mut run = Run::open(&options).unwrap();
    for (event, stored_ms) in &history.events {
        run.apply(event, *stored_ms);
    }
    run.commit();
    options
}

fn change_rows(dir: &Path, change: impl FnOnce(&sled::Db)) {
    let db = open_sled(dir);
    change(&db);
    db.flush().unwrap();
}

fn error(options: &Options) -> OpenError {
    match Run::open(options) {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}

#[test]
fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let _run = Run::open(&options).unwrap();
    let error = error(&options);
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(error.to_string().contains("in use by another process"), "{error}");
}

#[test]
fn other_policies_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    for policies in [
        Policies { message_window: 9_999, ..options.policies },
        Policies { own_messages: OwnMessages::MarkRead, ..options.policies },
    ] {
        let error = error(&Options { policies, ..options.clone() });
        assert!(matches!(error, OpenError::Policies { .. }), "{error}");
        assert!(error.to_string().contains("message_window = 10000"), "{error}");
    }
    Run::open(&options).unwrap();
}

#[test]
fn other_versions_are_refused() {
    for (name, what) in [("format_version", "format version 2"), ("rules_version", "rules version 2")] {
        let dir = tempfile::tempdir().unwrap();
        let options = store_in(dir.path());
        change_rows(dir.path(), |db| {
            let mut row = db.get(CHECKPOINT).unwrap().unwrap().to_vec();
            let place =
                row.windows(name.len()).position(|bytes| bytes == name.as_bytes()).unwrap() + name.len();
            assert_eq!(row[place], 1);
            row[place] = 2;
            db.insert(CHECKPOINT, row).unwrap();
        });
        let error = error(&options);
        assert!(matches!(error, OpenError::Version { found: 2, expected: 1, .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// Every row, changed in one bit, removed, or doubled under the next key, is noticed.
#[test]
fn damage_to_any_row_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let rows: Vec<(sled::IVec, sled::IVec)> = {
        let db = open_sled(dir.path());
        db.iter().map(Result::unwrap).collect()
    };
    let mut tables: Vec<u8> = rows.iter().map(|(key, _)| key[0]).collect();
    tables.dedup();
    assert_eq!(tables, [1, 2, 3, 4, 5, 6, 8], "the history fills every table but the outbox");
    for (number, (key, row)) in rows.iter().enumerate() {
        let bit = number * 7_919 % (row.len() * 8);
        let mut flipped = row.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        change_rows(dir.path(), |db| drop(db.insert(key, flipped).unwrap()));
        assert!(is_noticed(&options, key), "bit {bit} of row {key:02x?} flipped");
        change_rows(dir.path(), |db| drop(db.remove(key).unwrap()));
        assert!(is_noticed(&options, key), "row {key:02x?} removed");
        change_rows(dir.path(), |db| drop(db.insert(key, row).unwrap()));
    }
    Run::open(&options).unwrap();
}

/// Refused, or without any effect: what deleted rooms and forgotten ids leave behind counts for
/// nothing. The position is not part of the digest; it is checked against the stream itself.
fn is_noticed(options: &Options, key: &[u8]) -> bool {
    match Run::open(options) {
        Err(OpenError::Damaged { .. } | OpenError::Version { .. } | OpenError::Policies { .. }) => true,
        Err(_) => false,
        Ok(run) => {
            run.compare(&oracle(), &format!("row {key:02x?} damaged"));
            key == CHECKPOINT || run.store.position().applied == 300
        }
    }
}

#[test]
fn a_missing_checkpoint_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    change_rows(dir.path(), |db| drop(db.remove(CHECKPOINT).unwrap()));
    let found = error(&options);
    assert!(matches!(found, OpenError::Damaged { what: Damage::NoCheckpoint, .. }), "{found}");
    change_rows(dir.path(), |db| db.clear().unwrap());
    let found = error(&options);
    assert!(matches!(found, OpenError::Damaged { what: Damage::NoCheckpoint, .. }), "{found}");
}

#[test]
fn an_unfinished_generation_is_left_aside() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("generations/1")).unwrap();
    let options = options(dir.path(), Policies::default());
    let (store, counters) = Store::open(&options, &store::Metrics::default()).unwrap();
    assert_eq!((store.generation(), counters.applied()), (2, 0));
    assert_eq!(std::fs::read_to_string(dir.path().join("current")).unwrap(), "2\n");
}
