//! The digest of a store is that of the oracle's facts: two that know nothing of each other, down
//! to every remembered id.

use judge::Judge;
use oracle::history::{History, Variant};

use crate::run::{Run, options, policies};

const LENGTH: usize = 200;
/// The full number is asked for by `TALLYMARK_HISTORIES=2000`.
const HISTORIES: u64 = 120;

#[test]
fn the_digest_is_that_of_the_oracles_facts() {
    let count = std::env::var("TALLYMARK_HISTORIES").ok();
    let count = count.map_or(HISTORIES, |count| count.parse().expect("TALLYMARK_HISTORIES is a number"));
    for (seed, variant) in (0..count).zip(Variant::ALL.into_iter().cycle()) {
        let history = History::generate(seed, LENGTH, variant);
        // Event by event, or many of them coalesced: the disk takes longest.
        let commit_every = if seed % 40 == 0 { 1 } else { 20 };
        compare(&history, commit_every, if seed % 2 == 0 { 1 << 20 } else { 0 });
    }
}

/// The digest after each commit, as kept up to date by both sides, and at the end as computed anew
/// from the oracle's facts and from the store's rows.
fn compare(history: &History, commit_every: usize, id_cache_bytes: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), policies(history.policies));
    options.id_cache_bytes = id_cache_bytes;
    let mut run = Run::open(&options).unwrap();
    let mut judge = Judge::new(history.policies);
    for (place, (event, stored_ms)) in history.events.iter().enumerate() {
        run.apply(event, *stored_ms);
        judge.apply(event, *stored_ms);
        if (place + 1) % commit_every == 0 {
            let digest = run.commit();
            let place = format!("seed {} event {place}, a commit each {commit_every}", history.seed);
            assert_eq!(digest, judge.digest(), "{place}: {event:?}");
        }
    }
    run.commit();
    drop(run);
    let run = Run::open(&options).unwrap();
    assert_eq!(run.store.digest(), judge.digest_of_everything(), "seed {}, opened again", history.seed);
}
