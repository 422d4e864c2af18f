//! Random histories through a real store: closed and opened in between, they go on as the oracle
//! says, and their digest does not tell how often that happened.

use oracle::Oracle;
use oracle::history::{History, Variant};
use store::Digest;

use crate::run::{Run, options, policies};

/// Commits after every `commit_every` events, and closes and opens the store after every
/// `open_every`; what was not committed by then is applied again.
fn digest_of(history: &History, commit_every: usize, open_every: usize, id_cache_bytes: usize) -> Digest {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), policies(history.policies));
    options.id_cache_bytes = id_cache_bytes;
    let mut run = Run::open(&options).unwrap();
    let mut oracle = Oracle::new(history.policies);
    let (mut next, mut highest) = (0, 0);
    let mut until_open = open_every;
    while next < history.events.len() {
        let (event, stored_ms) = &history.events[next];
        run.apply(event, *stored_ms);
        next += 1;
        if next > highest {
            highest = next;
            oracle.apply(event, *stored_ms);
            until_open -= 1;
        }
        if next % commit_every == 0 {
            run.commit();
        }
        if next == highest {
            run.compare(&oracle, &format!("seed {} event {}", history.seed, next - 1));
        }
        if until_open == 0 {
            until_open = open_every;
            drop(run);
            run = Run::open(&options).unwrap();
            next = usize::try_from(run.counters.applied()).unwrap();
        }
    }
    let digest = run.commit();
    drop(run);
    let run = Run::open(&options).unwrap();
    run.compare(&oracle, &format!("seed {}, opened at its end", history.seed));
    assert_eq!(run.store.digest(), digest, "seed {}", history.seed);
    digest
}

#[test]
fn a_history_gives_the_same_counts_and_digest_however_often_it_is_committed_and_opened() {
    for (seed, variant) in (0..30).zip(Variant::ALL.into_iter().cycle()) {
        let history = History::generate(seed, 200, variant);
        let at_once = digest_of(&history, 1_000, 1_000, 1 << 20);
        assert_eq!(digest_of(&history, 7, 1_000, 0), at_once, "seed {seed}: 29 commits, no id cache");
        assert_eq!(digest_of(&history, 10, 33, 1 << 20), at_once, "seed {seed}: opened six times");
        assert_eq!(digest_of(&history, 1, 50, 0), at_once, "seed {seed}: a commit for each event");
    }
}

#[test]
fn different_histories_give_different_digests() {
    let history = History::generate(1, 200, Variant::Default);
    let mut other = history.clone();
    other.events.truncate(199);
    let mut digests = vec![digest_of(&history, 50, 1_000, 0)];
    while digests.len() == 1 && !other.events.is_empty() {
        let digest = digest_of(&other, 50, 1_000, 0);
        if digest != digests[0] {
            digests.push(digest);
        }
        other.events.pop();
    }
    assert_eq!(digests.len(), 2, "no event made a difference");
}
