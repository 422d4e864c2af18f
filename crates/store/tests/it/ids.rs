//! Remembered message ids, with less memory than they need.

use std::ops::Range;
use std::sync::Arc;

use counters::{Outcome, Policies, Reason};
use events::{Body, Event, Id, MessagePosted, Tenant};
use store::{Bytes, Options, Rows, StoreError};

use crate::run::{Run, TestDatabase, open_sled, options};

/// Every fifth message is silent.
pub(crate) fn posted(room: usize, message: usize) -> Event<'static> {
    let id = |text: String| Id::new(text).unwrap();
    Event {
        tenant: Tenant::new("t").unwrap(),
        body: Body::MessagePosted(MessagePosted {
            room: id(format!("r{room}")),
            message: id(format!("m{message}")),
            sender: id("ann".to_owned()),
            at: None,
            silent: message.is_multiple_of(5),
            mentions: Vec::new(),
            mention_all: false,
        }),
    }
}

/// As at an orderly end: the next process holds nothing of rooms that nobody posts to, and knows what the last one knew.
#[test]
fn paged_ids_leave_no_rows_of_new_ids_and_are_known() {
    let new_ids = |dir: &std::path::Path| open_sled(dir).scan_prefix([8]).count();
    for (id_cache_bytes, messages) in [(1 << 20, 5), (1 << 20, 64), (1 << 20, 150), (0, 70), (20_000, 150)] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { id_cache_bytes, ..options(dir.path(), Policies::default()) };
        let mut run = Run::open(&options).unwrap();
        for message in 0..messages {
            for room in 0..20 {
                run.apply(&posted(room, message), 1);
            }
        }
        run.commit();
        drop(run);
        assert!(new_ids(dir.path()) > 0 || messages == 64, "there are some before");
        let mut run = Run::open(&options).unwrap();
        let digest = run.store.digest();
        run.store.page_new_ids().unwrap();
        // There is nothing left to do.
        run.store.page_new_ids().unwrap();
        drop(run);
        assert_eq!(new_ids(dir.path()), 0, "{messages} messages, {id_cache_bytes} bytes");
        let mut run = Run::open(&options).unwrap();
        assert_eq!(run.store.digest(), digest);
        for (message, room) in (0..messages + 2).flat_map(|message| [(message, 3), (message, 17)]) {
            let known = Outcome::Unchanged(Reason::KnownMessage);
            let expected = if message < messages { known } else { Outcome::Changed };
            assert_eq!(run.apply(&posted(room, message), 2).outcome, expected, "{message} of {messages}");
        }
    }
}

/// Whatever lies in memory, on its way to sled or in sled: exactly the newest `window` are known.
#[test]
fn ids_are_known_to_the_end_of_the_window_wherever_they_lie() {
    const ROOMS: usize = 20;
    for (window, id_cache_bytes) in [(100, 0), (100, 30_000), (64, 0), (63, 10_000), (1, 0), (1_000, 100_000)]
    {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path(), Policies { message_window: window, ..Policies::default() });
        options.id_cache_bytes = id_cache_bytes;
        let mut run = Run::open(&options).unwrap();
        let window = usize::try_from(window).unwrap();
        for message in 0..400 {
            for room in 0..ROOMS {
                assert_eq!(run.apply(&posted(room, message), 1).outcome, Outcome::Changed);
                if message >= 7 && message % 7 == room % 7 {
                    let old = message - room.min(message).min(window - 1);
                    let retried = run.apply(&posted(room, old), 2).outcome;
                    assert_eq!(
                        retried,
                        Outcome::Unchanged(Reason::KnownMessage),
                        "window {window}, {old} after {message}"
                    );
                }
            }
            if message % 3 == 0 {
                run.begin_commit();
            }
            if message % 101 == 100 {
                run.commit();
                drop(run);
                run = Run::open(&options).unwrap();
            }
        }
        let (first_known, last) = (400usize.saturating_sub(window), 399);
        for room in 0..ROOMS {
            let known = Outcome::Unchanged(Reason::KnownMessage);
            assert_eq!(run.apply(&posted(room, first_known), 3).outcome, known);
            assert_eq!(run.apply(&posted(room, last), 3).outcome, known);
            if first_known > 0 {
                let again = run.apply(&posted(room, first_known - 1), 3).outcome;
                assert_eq!(again, Outcome::Changed, "window {window}: forgotten, so new");
            }
        }
        run.commit();
        drop(run);
        Run::open(&options).unwrap();
    }
}

/// Two bytes of an id are all that is in memory of most: several ids of a room share them.
#[test]
fn ids_that_share_their_first_bytes_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), Policies::default());
    options.id_cache_bytes = 0;
    let mut run = Run::open(&options).unwrap();
    for message in 0..2_000 {
        for room in 0..2 {
            assert_eq!(run.apply(&posted(room, message), 1).outcome, Outcome::Changed, "{message}");
        }
    }
    for message in 0..2_000 {
        for room in 0..2 {
            let known = Outcome::Unchanged(Reason::KnownMessage);
            assert_eq!(run.apply(&posted(room, message), 1).outcome, known, "{message}");
        }
    }
}

/// Ids of rooms that left memory are in their pages, and still beside the ids of rooms that did not.
#[test]
fn an_id_that_is_stored_twice_is_one() {
    const ROOMS: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), Policies::default());
    options.id_cache_bytes = 8_000;
    let mut run = Run::open(&options).unwrap();
    for room in 0..ROOMS / 8 {
        run.apply(&posted(room, 0), 1);
    }
    run.commit();
    for room in ROOMS / 8..ROOMS {
        run.apply(&posted(room, 0), 1);
        // This room stays in memory.
        assert_eq!(run.apply(&posted(0, 0), 1).outcome, Outcome::Unchanged(Reason::KnownMessage));
    }
    run.commit();
    drop(run);
    let tables = || {
        let db = open_sled(dir.path());
        db.iter().keys().map(|key| key.unwrap()[0]).collect::<Vec<u8>>()
    };
    let rows = |table| tables().iter().filter(|found| **found == table).count();
    assert!(rows(6) > ROOMS / 2, "most rooms have left memory");
    assert!(rows(8) > 0, "one has not");
    let mut run = Run::open(&options).unwrap();
    for room in 0..ROOMS {
        assert_eq!(run.apply(&posted(room, 0), 1).outcome, Outcome::Unchanged(Reason::KnownMessage));
        assert_eq!(run.apply(&posted(room, 1), 1).outcome, Outcome::Changed);
    }
    run.commit();
    drop(run);
    Run::open(&options).unwrap();
}

/// The rows of ids that are in pages.
fn pages(rows: &dyn Rows) -> Vec<(Bytes, Bytes)> {
    let table = [6];
    rows.scan(&table).map(|row| row.unwrap()).take_while(|(key, _)| key.starts_with(&table)).collect()
}

/// The store notices that all pages are as they were once, when an id that they lack is looked up.
#[track_caller]
fn notices_older_pages(id_cache_bytes: usize, once: usize, now: usize) {
    const ROOMS: usize = 3;
    let dir = tempfile::tempdir().unwrap();
    let database = Arc::new(TestDatabase::default());
    // Without memory, what was posted goes into pages at once.
    let options = Options { id_cache_bytes: 0, ..options(dir.path(), Policies::default()) };
    let options = Options { database: database.clone(), ..options };
    let post = |run: &mut Run, messages: Range<usize>| {
        for room in 0..ROOMS {
            messages.clone().for_each(|message| _ = run.apply(&posted(room, message), 1));
        }
        run.commit();
    };
    let mut run = Run::open(&options).unwrap();
    post(&mut run, 0..once);
    let older = pages(&*database.rows());
    drop(run);
    let mut run = Run::open(&Options { id_cache_bytes, ..options }).unwrap();
    post(&mut run, once..now);
    let changes = older.iter().map(|(key, row)| (key.to_vec(), Some(row.to_vec().into())));
    database.rows().apply(changes.collect()).unwrap();
    let again = posted(0, once);
    let (room, key) = run.counters.locate(&again).message().unwrap();
    let found = run.store.find(&run.counters, room, &key);
    assert!(matches!(found, Err(StoreError::Damaged { .. })), "{found:?}");
}

#[test]
fn a_page_that_lacks_its_newest_ids_is_damage() {
    notices_older_pages(0, 10, 20);
}

#[test]
fn a_page_that_lacks_an_id_of_which_two_bytes_are_in_memory_is_damage() {
    notices_older_pages(9_000, 60, 130);
}
