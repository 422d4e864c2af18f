//! Snapshots hold everything, prove themselves whole, and take the place of a damaged store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use counters::Policies;
use oracle::Oracle;
use oracle::history::{History, Variant};
use store::{DataDir, Digest, Metrics, OpenError, Options, Store};

use crate::run::{
    Run, TestDatabase, copy_dir, dead_letter, full_history, marker, options, policies, store_in,
};

/// The snapshots in a data directory, the oldest first.
fn snapshots(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("snapshots")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "snapshot")).collect();
    paths.sort();
    paths
}

pub(crate) fn snapshot(run: &mut Run) {
    run.commit();
    run.store.snapshot().unwrap();
    run.store.wait().unwrap();
}

fn lose_the_store(options: &Options) {
    fs::write(marker(&options.data_dir), format!("{:<512}", "dirty for a test\n")).unwrap();
}

/// Applies a history with a snapshot on the way, loses the store, and goes on from the snapshot.
fn digest_by_snapshot(history: &History, snapshot_at: usize, id_cache_bytes: usize) -> Digest {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { id_cache_bytes, ..options(dir.path(), policies(history.policies)) };
    let mut run = Run::open(&options).unwrap();
    for (place, (event, stored_ms)) in history.events.iter().enumerate() {
        run.apply(event, *stored_ms);
        // Pages and rows of new ids both come to be.
        if place % 7 == 0 {
            run.commit();
        }
        if place + 1 == snapshot_at {
            snapshot(&mut run);
        }
    }
    drop(run);
    lose_the_store(&options);
    let mut run = Run::open(&options).unwrap();
    assert_eq!(run.counters.applied(), snapshot_at as u64, "seed {}", history.seed);
    let mut oracle = Oracle::new(history.policies);
    for (event, stored_ms) in &history.events[..snapshot_at] {
        oracle.apply(event, *stored_ms);
    }
    run.compare(&oracle, &format!("seed {}, snapshot at {snapshot_at}", history.seed));
    run.apply_all(history, snapshot_at..);
    let digest = run.commit();
    drop(run);
    assert_eq!(
        Run::open(&options).unwrap().store.digest(),
        digest,
        "the new store is a store like any other"
    );
    digest
}

#[test]
fn a_snapshot_and_its_tail_give_the_digest_of_a_full_replay() {
    for (seed, variant) in (100..124).zip(Variant::ALL.into_iter().cycle()) {
        let history = History::generate(seed, 200, variant);
        let dir = tempfile::tempdir().unwrap();
        let mut run = Run::open(&options(dir.path(), policies(history.policies))).unwrap();
        run.apply_all(&history, ..);
        let at_once = run.commit();
        for (snapshot_at, id_cache_bytes) in [(1, 0), (60, 1 << 20), (131, 0), (200, 1 << 20)] {
            assert_eq!(digest_by_snapshot(&history, snapshot_at, id_cache_bytes), at_once, "seed {seed}");
        }
    }
}

#[test]
fn dead_letters_on_their_way_are_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), Policies::default());
    let mut run = Run::open(&options).unwrap();
    let letter = dead_letter(1);
    run.store.add_dead_letter(&letter);
    run.counters.advance(1);
    snapshot(&mut run);
    drop(run);
    lose_the_store(&options);
    let run = Run::open(&options).unwrap();
    assert_eq!(run.store.outbox().committed(1, 10).unwrap(), [letter]);
}

/// A store with two snapshots, of sequences 100 and 200; its data directory.
fn two_snapshots() -> (tempfile::TempDir, Options) {
    let dir = tempfile::tempdir().unwrap();
    let history = full_history();
    let options = options(dir.path(), policies(history.policies));
    let mut run = Run::open(&options).unwrap();
    for end in [100, 200] {
        run.apply_all(&history, end - 100..end);
        snapshot(&mut run);
    }
    drop(run);
    lose_the_store(&options);
    (dir, options)
}

/// Adds one event, and says how long a snapshot takes until its file is there.
fn time_of_snapshot(run: &mut Run, dir: &Path, is_waited_for: bool) -> Duration {
    run.apply_script("joined rooms ann");
    run.commit();
    let before = snapshots(dir).pop();
    let start = Instant::now();
    run.store.snapshot().unwrap();
    if is_waited_for {
        run.store.wait().unwrap();
    }
    while snapshots(dir).pop() == before {
        thread::sleep(Duration::from_millis(1));
    }
    let time = start.elapsed();
    run.store.wait().unwrap();
    time
}

/// The walk over all rows is most of the work. Whatever else the machine does: it need not be so each time, but some time.
#[test]
fn a_snapshot_rests_on_its_way_unless_somebody_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Run::open(&options(dir.path(), Policies::default())).unwrap();
    for room in 0..10_000 {
        run.apply_script(&format!("joined r{room} u{}", room % 5_000));
    }
    let mut shortest =
        |is_waited_for| (0..5).map(|_| time_of_snapshot(&mut run, dir.path(), is_waited_for)).min().unwrap();
    let (resting, waited_for) = (shortest(false), shortest(true));
    assert!(resting > 2 * waited_for, "{resting:?} with rests, {waited_for:?} without");
}

#[test]
fn the_newest_are_kept() {
    let (dir, options) = two_snapshots();
    let mut run = Run::open(&options).unwrap();
    assert_eq!(run.counters.applied(), 200);
    run.apply_all(&full_history(), 200..);
    snapshot(&mut run);
    let sequences: Vec<u64> = run.store.snapshots().iter().map(|snapshot| snapshot.sequence).collect();
    assert_eq!(sequences, [300, 200]);
    assert_eq!(snapshots(dir.path()).len(), 2);
}

/// However the newest is damaged, the one before it is taken, and the damaged one is put aside.
#[test]
fn damage_anywhere_is_noticed() {
    let (whole, _) = two_snapshots();
    let newest = snapshots(whole.path()).pop().unwrap();
    let bytes = fs::read(&newest).unwrap();
    let mut damages: Vec<(String, Vec<u8>)> = Vec::new();
    for place in (0..bytes.len()).step_by(1 + bytes.len() / 100) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        damages.push((format!("a bit of byte {place} flipped"), damaged));
    }
    for length in [0, 1, 20, bytes.len() / 2, bytes.len() - 17, bytes.len() - 1] {
        damages.push((format!("cut to {length}"), bytes[..length].to_vec()));
    }
    damages.push(("one more byte".to_owned(), [&*bytes, b"x"].concat()));
    damages.push(("all zero".to_owned(), vec![0; bytes.len()]));
    damages.push(("twice".to_owned(), [&*bytes, &*bytes].concat()));
    for (what, damaged) in damages {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(whole.path(), dir.path());
        fs::write(dir.path().join("snapshots").join(newest.file_name().unwrap()), damaged).unwrap();
        let run = Run::open(&options(dir.path(), policies(full_history().policies))).unwrap();
        assert_eq!(run.counters.applied(), 100, "{what}");
        assert_eq!(snapshots(dir.path()).len(), 1, "{what}");
        let aside = newest.file_name().unwrap().to_str().unwrap().to_owned() + ".damaged";
        assert!(dir.path().join("snapshots").join(aside).exists(), "{what}");
    }
}

#[test]
fn an_older_snapshot_under_the_name_of_a_newer_is_what_it_is() {
    let (dir, options) = two_snapshots();
    let [older, newer] = &*snapshots(dir.path()) else { panic!("two snapshots") };
    fs::rename(older, newer).unwrap();
    assert_eq!(Run::open(&options).unwrap().counters.applied(), 100, "the position is inside");
}

#[test]
fn without_any_that_is_whole_everything_is_recounted() {
    let (dir, options) = two_snapshots();
    for path in snapshots(dir.path()) {
        fs::write(path, "").unwrap();
    }
    let run = Run::open(&options).unwrap();
    let recount = run.store.position().recount.clone().unwrap();
    assert!(recount.contains("for a test"), "{recount}");
    assert!(recount.contains("snapshots"), "{recount}");
}

/// The rows are proved while they are written: damage that nobody has noticed gets into no snapshot.
#[test]
fn a_damaged_store_gives_no_snapshot() {
    for table in [2, 3, 4, 5, 6, 8] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = store_in(dir.path());
        let database = Arc::new(TestDatabase::default());
        options.database = database.clone();
        let mut run = Run::open(&options).unwrap();
        // Behind the store's back.
        let rows = database.rows();
        let (key, _) = rows.scan(&[table]).next().unwrap().unwrap();
        rows.apply(vec![(key.to_vec(), None)]).unwrap();
        run.store.snapshot().unwrap();
        let error = run.store.wait().unwrap_err();
        assert!(error.to_string().contains("damaged"), "table {table}: {error}");
        assert_eq!(snapshots(dir.path()).len(), 0, "table {table}");
        drop((run, rows));
        let recount = Run::open(&options).unwrap().store.position().recount.clone();
        assert!(recount.unwrap().contains("could not trust it"), "table {table}: the next start");
    }
}

#[test]
fn a_snapshot_counted_under_other_policies_is_refused_as_such_a_store_is() {
    let (dir, options) = two_snapshots();
    let mut other = options.clone();
    other.policies.message_window = 3;
    assert!(matches!(Run::open(&other), Err(OpenError::Policies { .. })));
    assert_eq!(snapshots(dir.path()).len(), 2, "they are whole");
    assert_eq!(Run::open(&options).unwrap().counters.applied(), 200);
}

/// Bug this would show: the store that was begun with nothing is current from then on, and the snapshot that an
/// operator brings is never looked at.
#[test]
fn a_snapshot_that_is_brought_after_everything_was_lost_is_taken() {
    let (dir, options) = two_snapshots();
    let aside = dir.path().join("aside");
    fs::create_dir(&aside).unwrap();
    for path in snapshots(dir.path()) {
        fs::rename(&path, aside.join(path.file_name().unwrap())).unwrap();
    }
    for _ in 0..2 {
        assert!(Run::open(&options).unwrap().store.position().recount.is_some());
    }
    for entry in fs::read_dir(&aside).unwrap() {
        let path = entry.unwrap().path();
        fs::rename(&path, dir.path().join("snapshots").join(path.file_name().unwrap())).unwrap();
    }
    let mut run = Run::open(&options).unwrap();
    assert_eq!((run.counters.applied(), run.store.position().recount.clone()), (200, None));
    assert_eq!(fs::read_dir(dir.path().join("quarantine")).unwrap().count(), 1, "an empty store is not kept");
    run.apply_all(&full_history(), 200..);
    run.commit();
    drop(run);
    assert_eq!(Run::open(&options).unwrap().counters.applied(), 300, "what was counted since stays");
}

#[test]
fn an_unfinished_snapshot_is_removed() {
    let (dir, options) = two_snapshots();
    let unfinished = dir.path().join("snapshots/00000000000000000300.snapshot.new");
    fs::write(&unfinished, "half").unwrap();
    assert_eq!(Run::open(&options).unwrap().counters.applied(), 200);
    assert!(!unfinished.exists());
}

#[test]
fn without_space_there_is_no_snapshot_and_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = store_in(dir.path());
    let database = Arc::new(TestDatabase::default());
    options.database = database.clone();
    let mut run = Run::open(&options).unwrap();
    assert!(run.store.has_space());
    database.free_bytes.store(options.reserve_bytes - 1, Ordering::SeqCst);
    assert!(!run.store.has_space());
    snapshot(&mut run);
    assert_eq!(run.store.snapshots(), []);
    assert_eq!(fs::read_dir(dir.path().join("snapshots")).unwrap().count(), 0);
    database.free_bytes.store(options.reserve_bytes, Ordering::SeqCst);
    snapshot(&mut run);
    assert_eq!(run.store.snapshots().len(), 1);
}

#[test]
fn an_opening_waits_for_space() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = store_in(dir.path());
    let database = Arc::new(TestDatabase::default());
    database.free_bytes.store(0, Ordering::SeqCst);
    options.database = database.clone();
    // It may be what fills the disk.
    let unfinished = dir.path().join("snapshots/00000000000000000300.snapshot.new");
    fs::write(&unfinished, "half").unwrap();
    let told = Mutex::new(String::new());
    thread::scope(|scope| {
        let opening = scope.spawn(|| {
            let data_dir = DataDir::open(dir.path()).unwrap();
            let progress = |what: &str| what.clone_into(&mut told.lock().unwrap());
            Store::open_in(data_dir, &options, &Metrics::default(), &progress).unwrap().1.applied()
        });
        while !told.lock().unwrap().contains("waiting for space") {
            assert!(!opening.is_finished());
            thread::sleep(Duration::from_millis(1));
        }
        assert!(!unfinished.exists());
        database.free_bytes.store(u64::MAX, Ordering::SeqCst);
        assert_eq!(opening.join().unwrap(), 300);
    });
}
