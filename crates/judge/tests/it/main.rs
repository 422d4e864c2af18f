//! The digest of the oracle's facts: kept up to date room by room, and worth comparing.
#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use judge::Judge;
use oracle::history::{History, Variant};
use oracle::script::Script;
use oracle::{Mistake, Policies};
use store::Digest;

const LENGTH: usize = 200;

/// The histories of so many seeds, in turn of every variant.
fn histories(count: u64) -> impl Iterator<Item = History> {
    let seeds = (0..count).zip(Variant::ALL.into_iter().cycle());
    seeds.map(|(seed, variant)| History::generate(seed, LENGTH, variant))
}

#[test]
fn subtotals_of_rooms_add_up_to_the_digest_of_everything() {
    for history in histories(90) {
        let mut judge = Judge::new(history.policies);
        let mut asked_rarely = Judge::new(history.policies);
        for (number, (event, stored_ms)) in history.events.iter().enumerate() {
            judge.apply(event, *stored_ms);
            asked_rarely.apply(event, *stored_ms);
            let digest = judge.digest();
            let place = format!("seed {} event {number}: {event:?}", history.seed);
            assert_eq!(digest, judge.digest_of_everything(), "{place}");
            assert_eq!(digest, judge.digest(), "{place}: nothing happened in between");
            if number % 11 == 10 {
                assert_eq!(digest, asked_rarely.digest(), "{place}");
            }
        }
    }
}

#[test]
fn the_digest_of_nothing_is_zero() {
    for text in ["", "room_deleted r1", "joined r1 ann; posted r1 m1 by ann; recalled r1 m2; room_deleted r1"]
    {
        let mut judge = Judge::new(Policies::default());
        for step in Script::parse(text).unwrap().steps {
            judge.apply(&step.event, step.stored_ms);
            judge.digest();
        }
        assert_eq!(judge.digest(), Digest::default(), "{text}");
    }
}

/// These are mistakes in an answer: the facts are right.
const ONLY_IN_ANSWERS: [Mistake; 13] = [
    Mistake::OwnBeforeJoining,
    Mistake::OwnAndRecalledSubtractedTwice,
    Mistake::RecalledSubtractedThoughRead,
    Mistake::AnyTag,
    Mistake::ForgottenNotCounted,
    Mistake::ForgottenNotOwn,
    Mistake::MutedAlwaysSkipped,
    Mistake::MutedNeverSkipped,
    Mistake::MentionBeforeJoining,
    Mistake::MentionAllOnlyMembers,
    Mistake::OwnMention,
    Mistake::RecalledMention,
    Mistake::ReadMention,
];

/// A comparison of digests is worth something if no mistake in the rules escapes it.
#[test]
fn the_digest_tells_each_mistake_in_a_fact_apart() {
    let mut unnoticed = Mistake::ALL.to_vec();
    for history in histories(900) {
        unnoticed.retain(|mistake| !is_noticed(&history, *mistake));
        if unnoticed.len() == ONLY_IN_ANSWERS.len() {
            break;
        }
    }
    assert_eq!(unnoticed, ONLY_IN_ANSWERS);
}

fn is_noticed(history: &History, mistake: Mistake) -> bool {
    let mut judge = Judge::new(history.policies);
    let mut mistaken = Judge::mistaken(history.policies, mistake);
    history.events.iter().any(|(event, stored_ms)| {
        judge.apply(event, *stored_ms);
        mistaken.apply(event, *stored_ms);
        judge.digest() != mistaken.digest()
    })
}
