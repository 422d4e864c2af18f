//! At an orderly end, a store whose files have grown moves to smaller ones.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use oracle::Oracle;
use store::{Digest, Options, generations};

use crate::run::{Fault, Run, TestDatabase, full_history, options, policies};

const GROWN: u64 = 1 << 20;

fn compacting(dir: &Path) -> Options {
    Options { compact_above_bytes: GROWN, ..options(dir, policies(full_history().policies)) }
}

/// A store of the whole history with a snapshot of it, whose files have grown.
fn grown(options: &Options) -> (Run, Digest) {
    let mut run = Run::open(options).unwrap();
    run.apply_all(&full_history(), ..);
    let digest = run.commit();
    run.store.snapshot().unwrap();
    run.store.wait().unwrap();
    fs::write(options.data_dir.join("generations/1/grown"), vec![0; usize::try_from(GROWN).unwrap()])
        .unwrap();
    (run, digest)
}

fn numbers(data_dir: &Path) -> Vec<u64> {
    generations(data_dir).unwrap().iter().map(|generation| generation.number).collect()
}

/// Where the store is at the next start, which finds it whole.
fn opened(options: &Options, digest: Digest) -> u64 {
    let run = Run::open(options).unwrap();
    assert_eq!(run.store.digest(), digest);
    assert!(!options.data_dir.join("quarantine").exists());
    run.store.generation()
}

#[test]
fn it_is_the_same_store_in_smaller_files() {
    let dir = tempfile::tempdir().unwrap();
    let options = compacting(dir.path());
    let (run, digest) = grown(&options);
    run.store.close().unwrap();
    assert_eq!(numbers(dir.path()), [2]);
    let run = Run::open(&options).unwrap();
    assert_eq!((run.store.generation(), run.store.digest()), (2, digest));
    let mut oracle = Oracle::new(full_history().policies);
    for (event, stored_ms) in &full_history().events {
        oracle.apply(event, *stored_ms);
    }
    run.compare(&oracle, "after the move");
    // It has not grown since.
    run.store.close().unwrap();
    assert_eq!((numbers(dir.path()), opened(&options, digest)), (vec![2], 2));
}

#[test]
fn it_stays_where_it_is_without_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { compact_above_bytes: 2 * GROWN + (64 << 20), ..compacting(dir.path()) };
    let (run, digest) = grown(&options);
    run.store.close().unwrap();
    assert_eq!((numbers(dir.path()), opened(&options, digest)), (vec![1], 1));
}

#[test]
fn it_stays_where_it_is_where_the_newest_snapshot_is_not_of_the_last_commit() {
    let dir = tempfile::tempdir().unwrap();
    let options = compacting(dir.path());
    let (mut run, _) = grown(&options);
    run.apply_all(&full_history(), ..1);
    let digest = run.commit();
    run.store.close().unwrap();
    assert_eq!((numbers(dir.path()), opened(&options, digest)), (vec![1], 1));
}

#[test]
fn it_stays_where_it_is_when_the_move_fails() {
    // An error, a panic, rows that are not there afterwards: what is read back tells.
    for fault in [Fault::Error, Fault::Panic, Fault::Lose] {
        let dir = tempfile::tempdir().unwrap();
        let database = Arc::new(TestDatabase::default());
        let options = Options { database: database.clone(), ..compacting(dir.path()) };
        let (run, digest) = grown(&options);
        *database.fault.lock().unwrap() = fault;
        run.store.close().unwrap();
        *database.fault.lock().unwrap() = Fault::None;
        assert_eq!((numbers(dir.path()), opened(&options, digest)), (vec![1], 1), "{fault:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let database = Arc::new(TestDatabase::default());
    let options = Options { database: database.clone(), ..compacting(dir.path()) };
    let (run, digest) = grown(&options);
    database.free_bytes.store(options.reserve_bytes + 1, Ordering::SeqCst);
    run.store.close().unwrap();
    // The test has them too.
    drop(database.rows());
    assert_eq!((numbers(dir.path()), opened(&options, digest)), (vec![1], 1), "there is no space");
}

#[test]
fn a_crash_between_its_steps_is_healed_by_the_next_start() {
    // Before `current` names the new one, and after.
    for current in [1, 2] {
        let dir = tempfile::tempdir().unwrap();
        let options = compacting(dir.path());
        let (run, digest) = grown(&options);
        run.store.close().unwrap();
        let path = |name: &str| dir.path().join(name);
        crate::run::copy_dir(&path("generations/2"), &path("generations/1"));
        fs::write(path("generations/1/unfinished"), "").unwrap();
        if current == 1 {
            fs::write(path("generations/2/unfinished"), "").unwrap();
        }
        fs::write(path("current"), format!("{current}\n")).unwrap();
        assert_eq!(opened(&options, digest), current);
        assert_eq!(numbers(dir.path()), [current]);
        assert!(!dir.path().join(format!("generations/{current}/unfinished")).exists());
    }
}
