//! Cuts that leave some of what was not synced.

use std::collections::BTreeSet;
use std::fs;

use power_cut::{Unsynced, after_the_cut, watch};

use crate::child::page_of;
use crate::program::{Watched, is_possible};

const SEEDS: u64 = 60;

/// All that is left of a script over many seeds.
fn outcomes(before: &str, script: &str) -> BTreeSet<String> {
    let watched = Watched::new(before);
    watched.play(script);
    let left = || (0..SEEDS).map(|seed| watched.left(Unsynced::ByChance { seed }));
    assert!(left().eq(left()), "equal seeds give equal chances");
    left().collect()
}

#[track_caller]
fn check(before: &str, script: &str, expected: &[&str]) {
    if is_possible() {
        let outcomes = outcomes(before, script);
        assert_eq!(outcomes.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_was_not_synced_is_there_or_not() {
    check("write a old", "write a new", &["a=new", "a=old"]);
    check("write a old", "write b new; sync b; rename b a", &["a=new", "a=old"]);
    check("write a old; write b old", "remove a", &["a=old b=old", "b=old"]);
    check("", "mkdir d; write d/a new; sync d/a", &["", "d/", "d/ d/a=new"]);
    check("write a 1234", "shorten a 2; append a 56", &["a=1234", "a=1256"]);
    check("write a 12", "append a 34", &["a=12", "a=1234", "a=12__"]);
}

#[test]
fn what_was_synced_is_there_in_any_case() {
    check("write a old", "write a new; sync a", &["a=new"]);
    check("write a old", "write a new; sync a; remove a; write a newer; sync a", &["a=new", "a=newer"]);
    check("", "write a new; sync a; sync .", &["a=new"]);
    check("write a old", "remove a; sync .", &[""]);
}

/// Bug this would show: pages that survive all together, or in their order, which no disk promises.
#[test]
fn pages_survive_one_by_one() {
    if !is_possible() {
        return;
    }
    let watched = Watched::new("");
    let (old, new) = (page_of(1).repeat(100), page_of(2).repeat(120));
    let path = watched.directory().join("pages");
    fs::write(&path, &old).unwrap();
    watch(&watched.directory(), &watched.shadow()).unwrap();
    fs::write(&path, &new).unwrap();

    let (mut lengths, mut overtaken, mut few, mut many) = (BTreeSet::new(), false, false, false);
    for seed in 0..SEEDS {
        let left = tempfile::tempdir().unwrap();
        after_the_cut(&watched.shadow(), left.path(), Unsynced::ByChance { seed }).unwrap();
        let pages = fs::read(left.path().join("pages")).unwrap();
        let kinds: Vec<u64> = pages
            .chunks(4096)
            .map(|page| {
                let kind = (0..3).find(|kind| page == page_of(*kind));
                kind.expect("a page is whole")
            })
            .collect();
        assert!(kinds[..100].iter().all(|kind| *kind > 0) && kinds[100..].iter().all(|kind| *kind != 1));
        lengths.insert(kinds.len());
        overtaken |= !kinds.is_sorted_by(|one, other| one >= other);
        let survived = kinds[..100].iter().filter(|kind| **kind == 2).count();
        few |= survived < 15;
        many |= survived > 85;
    }
    assert!(overtaken && few && many);
    assert_eq!((lengths.first(), lengths.last()), (Some(&100), Some(&120)));
    assert!(lengths.len() > 5, "{lengths:?}");
}
