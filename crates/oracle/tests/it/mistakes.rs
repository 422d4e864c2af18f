//! A test of counts is worth something if it notices each of the mistakes.

use oracle::history::{History, Variant};
use oracle::{Mistake, Oracle};

use crate::counts::{counts, times};

const SEEDS: u64 = 300;
const LENGTH: usize = 200;

/// What a mistake shows itself in.
fn visible(oracle: &Oracle, mistake: Mistake) -> Vec<Option<u64>> {
    match mistake {
        Mistake::TimeOfTheSender | Mistake::TimeFallsBack | Mistake::TimeOfSilent => times(oracle),
        _ => counts(oracle),
    }
}

#[test]
fn each_mistake_is_told_apart() {
    let mut unnoticed = Mistake::ALL.to_vec();
    let mut histories = 0;
    for seed in 0..SEEDS {
        for variant in Variant::ALL {
            let history = History::generate(seed, LENGTH, variant);
            histories += 1;
            unnoticed.retain(|mistake| match first_difference(&history, *mistake) {
                None => true,
                Some(event) => {
                    println!("{mistake:?}: history {histories}, seed {seed}, {variant:?}, event {event}");
                    false
                }
            });
            if unnoticed.is_empty() {
                return;
            }
        }
    }
    panic!("no history of {histories} tells these from the judge: {unnoticed:?}");
}

/// The number of the first event after which the mistaken oracle shows other counts, if any.
fn first_difference(history: &History, mistake: Mistake) -> Option<usize> {
    let mut judge = Oracle::new(history.policies);
    let mut mistaken = Oracle::mistaken(history.policies, mistake);
    history.events.iter().position(|(event, stored_ms)| {
        judge.apply(event, *stored_ms);
        mistaken.apply(event, *stored_ms);
        visible(&judge, mistake) != visible(&mistaken, mistake)
    })
}

#[test]
fn a_judge_agrees_with_itself_and_a_history_with_its_seed() {
    for variant in Variant::ALL {
        let [once, twice, other] = [7, 7, 8].map(|seed| History::generate(seed, LENGTH, variant));
        assert_eq!(once, twice);
        assert_ne!(once.events, other.events);
        assert_eq!(once.events.len(), LENGTH);
    }
}
