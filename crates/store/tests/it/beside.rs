//! Generations beside the one in use.

use std::fs;

use store::{
    DataDir, Metrics, OpenError, Options, Origin, Role, Standby, Store, generation_head, generations,
    snapshot_head,
};

use crate::run::{Run, full_history, marker, options, policies, store_in};

fn numbers(options: &Options) -> Vec<(u64, &'static str)> {
    let found = generations(&options.data_dir).unwrap();
    let shown = found.iter().map(|generation| match generation.role {
        Role::Current => (generation.number, "current"),
        Role::Standby(Standby { is_complete: true, .. }) => (generation.number, "standby"),
        Role::Standby(_) => (generation.number, "incomplete"),
        Role::Unfinished => (generation.number, "unfinished"),
    });
    shown.collect()
}

/// The history, counted in a generation of its own, with a commit and an opening half-way.
fn rebuild(options: &Options, is_complete: bool) -> u64 {
    let history = full_history();
    let metrics = Metrics::default();
    let half = history.events.len() / 2;
    let mut run = Run::of(Store::begin_standby(options, &metrics).unwrap());
    run.apply_all(&history, ..half);
    run.commit();
    let number = run.store.generation();
    run.store.wait().unwrap();
    drop(run);
    let opened = Store::open_standby(options, &metrics, number, &|_| {}).unwrap();
    let mut run = Run::of(opened);
    run.apply_all(&history, half..);
    run.commit();
    let applied = run.store.position().applied;
    run.store.close().unwrap();
    let standby = Standby::now(Origin::Rebuild, options.policies, applied, is_complete);
    DataDir::beside(&options.data_dir).note(number, standby).unwrap();
    let head = generation_head(options, number).unwrap();
    assert_eq!((head.policies, head.position.applied), (options.policies, applied));
    number
}

#[test]
fn a_generation_is_counted_beside_the_one_in_use_and_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), policies(full_history().policies));
    let mut live = Run::open(&options).unwrap();
    live.apply_all(&full_history(), ..);
    live.commit();
    live.store.wait().unwrap();
    let digest = live.store.digest();

    let number = rebuild(&options, true);
    assert_eq!(numbers(&options), [(1, "current"), (2, "standby")]);
    let found = generations(dir.path()).unwrap();
    assert!(found[0].is_in_use && !found[1].is_in_use && found[1].bytes > 0);

    // As a running service does.
    let data_dir = DataDir::beside(dir.path());
    let (store, _) = Store::open_standby(&options, &Metrics::default(), number, &|_| {}).unwrap();
    assert_eq!(store.digest(), digest);
    assert!(matches!(data_dir.remove(number), Err(OpenError::GenerationInUse(2))));
    let applied = live.store.position().applied;
    let replaced = Standby::now(Origin::Replaced, options.policies, applied, true);
    data_dir.adopt(number, Some((1, replaced))).unwrap();
    assert_eq!(numbers(&options), [(1, "standby"), (2, "current")]);
    live.store.close().unwrap();
    store.close().unwrap();

    let store = Run::open(&options).unwrap().store;
    assert_eq!((store.generation(), store.digest()), (2, digest));
    drop(store);
    assert!(matches!(data_dir.remove(2), Err(OpenError::IsCurrent(2))));
    assert!(matches!(data_dir.adopt(2, None), Err(OpenError::IsCurrent(2))));
    assert!(matches!(data_dir.remove(3), Err(OpenError::NoSuchGeneration { number: 3, .. })));

    // And back.
    data_dir.adopt(1, Some((2, replaced))).unwrap();
    assert_eq!(Run::open(&options).unwrap().store.generation(), 1);
    data_dir.remove(2).unwrap();
    assert_eq!(numbers(&options), [(1, "current")]);
}

/// Bug this would show: whoever lists generations makes another one fail that opens one at the same moment.
#[test]
fn looking_whether_a_generation_is_in_use_keeps_nobody_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let number = rebuild(&options, true);
    let lock = dir.path().join(format!("generations/{number}/lock"));
    let looking = fs::File::open(&lock).unwrap();
    looking.lock_shared().unwrap();
    assert!(!generations(dir.path()).unwrap()[1].is_in_use);
    let open = || Store::open_standby(&options, &Metrics::default(), number, &|_| {});
    assert!(matches!(open(), Err(OpenError::GenerationInUse(2))));
    std::thread::scope(|scope| {
        let opening = scope.spawn(open);
        std::thread::sleep(std::time::Duration::from_millis(30));
        looking.unlock().unwrap();
        opening.join().unwrap().unwrap();
    });
}

#[test]
fn what_stands_beside_is_kept_at_a_start_and_never_taken_for_the_one_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let number = rebuild(&options, false);
    assert!(matches!(DataDir::beside(dir.path()).adopt(number, None), Err(OpenError::NotComplete(2))));
    fs::write(dir.path().join("current"), "").unwrap();
    let store = Run::open(&options).unwrap().store;
    assert_eq!(store.generation(), 1, "`current` can't be read, and generation 2 is not the one in use");
    assert_eq!(numbers(&options), [(1, "current"), (2, "incomplete")]);
    assert!(matches!(
        Store::open_standby(&options, &Metrics::default(), 1, &|_| {}),
        Err(OpenError::IsCurrent(1))
    ));
}

/// Bug this would show: a rebuild that was killed at its very start is said to be the generation in use.
#[test]
fn one_that_was_broken_off_at_its_start_is_called_so_and_can_be_removed() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let unfinished = dir.path().join("generations/2");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("unfinished"), "").unwrap();
    let data_dir = DataDir::beside(dir.path());
    assert!(matches!(data_dir.adopt(2, None), Err(OpenError::Unfinished(2))));
    let open = Store::open_standby(&options, &Metrics::default(), 2, &|_| {});
    assert!(matches!(open, Err(OpenError::Unfinished(2))));
    data_dir.remove(2).unwrap();
    assert_eq!(numbers(&options), [(1, "current")]);
}

#[test]
fn a_power_cut_between_the_steps_of_an_adoption_is_healed_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let data_dir = DataDir::beside(dir.path());
    let number = rebuild(&options, true);
    let standby = dir.path().join(format!("generations/{number}/standby"));
    let text = fs::read_to_string(&standby).unwrap();
    data_dir.adopt(number, None).unwrap();
    fs::write(&standby, text).unwrap();
    assert_eq!(Run::open(&options).unwrap().store.generation(), number);
    assert!(!standby.exists());
}

#[test]
fn a_generation_made_of_a_snapshot_is_the_same_store() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let mut live = Run::open(&options).unwrap();
    live.store.snapshot().unwrap();
    live.store.wait().unwrap();
    let snapshot = live.store.snapshots()[0].clone();
    let (head, counts) = snapshot_head(&snapshot.path).unwrap();
    assert_eq!((head.policies, head.digest), (options.policies, live.store.digest()));
    assert_eq!((&head.position, counts.users), (live.store.position(), live.counters.user_count() as u64));
    let metrics = Metrics::default();
    let (store, counters) =
        Store::standby_from_snapshot(&options, &metrics, &snapshot, Origin::Snapshot).unwrap();
    assert_eq!((store.digest(), counters.applied()), (live.store.digest(), live.counters.applied()));
    assert_eq!(numbers(&options), [(1, "current"), (2, "standby")]);
    drop(store);

    let mut bytes = fs::read(&snapshot.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&snapshot.path, bytes).unwrap();
    let refused = Store::standby_from_snapshot(&options, &metrics, &snapshot, Origin::Snapshot);
    assert!(matches!(refused, Err(OpenError::Snapshot(_))));
    assert_eq!(numbers(&options), [(1, "current"), (2, "standby")], "nothing is left of it");
}

#[test]
fn a_damaged_one_is_refused_and_left_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let number = rebuild(&options, true);
    let marker = marker(dir.path()).with_file_name("..").join(number.to_string()).join("marker");
    fs::write(marker, format!("{:<512}", "dirty for a test\n")).unwrap();
    let opened = Store::open_standby(&options, &Metrics::default(), number, &|_| {});
    assert!(matches!(opened, Err(OpenError::Damaged { number: 2, .. })));
    assert_eq!(numbers(&options), [(1, "current"), (2, "standby")]);
}

#[test]
fn who_holds_the_directory_can_be_found() {
    let dir = tempfile::tempdir().unwrap();
    let held = DataDir::open(dir.path()).unwrap();
    assert_eq!(DataDir::announced(dir.path()).unwrap(), "");
    held.announce("http://127.0.0.1:12345").unwrap();
    held.announce("http://127.0.0.1:9").unwrap();
    assert_eq!(DataDir::announced(dir.path()).unwrap(), "http://127.0.0.1:9");
    let other = held.clone();
    drop(held);
    assert!(matches!(DataDir::open(dir.path()), Err(OpenError::InUse(_))));
    drop(other);
    let _held = DataDir::open(dir.path()).unwrap();
    assert_eq!(DataDir::announced(dir.path()).unwrap(), "", "it was another process's");
}
