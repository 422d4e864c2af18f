//! What is durable, case by case: `what was there | what the program did | what is left`.

use power_cut::Unsynced;

use crate::program::{Watched, is_possible};

#[track_caller]
fn check(case: &str) {
    if !is_possible() {
        return;
    }
    let parts: Vec<&str> = case.split('|').map(str::trim).collect();
    let [before, script, expected] = parts[..] else { panic!("{case:?} has not three parts") };
    let watched = Watched::new(before);
    watched.play(script);
    assert_eq!(watched.left(Unsynced::Lost), expected, "{case}");
}

#[test]
fn only_synced_content_is_durable() {
    check("write a old | write a new | a=old");
    check("write a old | write a new; sync a | a=new");
    check("write a old | write a new; sync-data a | a=new");
    check("write a old | write a new; sync a; write a NEWER | a=new");
    check("write a old; write b old | write a new; write b new; sync b | a=old b=new");
    check("write a old | append a er; sync a; append a still | a=older");
}

#[test]
fn a_length_is_content() {
    check("write a 123456 | shorten a 3 | a=123456");
    check("write a 123456 | shorten a 3; sync a | a=123");
    check("write a 123456 | shorten a 3; sync a; shorten a 0; append a x | a=123");
    check("write a 123456 | shorten a 0; shorten a 4; sync a | a=____");
}

#[test]
fn a_name_is_durable_once_its_directory_is_synced() {
    check(" | write a new; sync a | ");
    check(" | write a new; sync . | a=");
    check(" | write a new; sync a; sync . | a=new");
    check(" | write a new; sync .; sync a | a=new");
    check("write a old | remove a | a=old");
    check("write a old | remove a; sync . | ");
    check("write a old | link a b; write b new; sync b | a=new");
    check("write a old | link a b; sync . | a=old b=old");
}

#[test]
fn a_rename_is_durable_once_its_directory_is_synced() {
    check("write a old | write b new; sync b; rename b a | a=old");
    check("write a old | write b new; sync b; rename b a; sync . | a=new");
    check("write a old | write b new; rename b a; sync . | a=");
    check("write a old | write b new; rename b a; sync .; sync a | a=new");
    check("write a old | rename a b; write b new; sync b | a=new");
}

#[test]
fn each_directory_has_names_of_its_own() {
    check(" | mkdir d; write d/a new; sync d/a; sync d | ");
    check(" | mkdir d; write d/a new; sync d/a; sync . | d/");
    check(" | mkdir d; write d/a new; sync d/a; sync d; sync . | d/ d/a=new");
    check("mkdir d; write d/a old | remove d/a; rmdir d; sync . | ");
    check("mkdir d; write d/a old | rename d e; write e/a new; sync e/a | d/ d/a=new");
    check(
        "mkdir d; write d/a old | rename d e; write e/b new; sync .; sync e/b; sync e | e/ e/a=old e/b=new",
    );
    check("mkdir d; mkdir e; write d/a old | rename d/a e/a; sync e | d/ d/a=old e/ e/a=old");
    check("mkdir d; mkdir e; write d/a old | rename d/a e/a; sync d | d/ e/");
}

/// Bug this would show: a file system gives the number of a file that is gone to the next one, and what is synced
/// of that is taken for content of the first.
#[test]
fn a_new_file_with_the_number_of_an_old_one_is_another() {
    check("write a old | remove a; write b new; sync b | a=old");
    check("write a old | remove a; write b new; sync . | b=");
    check(" | write a old; sync a; sync .; remove a; write b new; sync b | a=old");
    check(" | write a 1; sync a; rename a c; sync .; write a 2; sync a; rename a c; write a 3; sync a | c=1");
    check("mkdir d; write d/a old | remove d/a; rmdir d; mkdir e; write e/b new; sync e | d/ d/a=old");
}

#[test]
fn what_is_not_watched_is_only_synced() {
    check("write a old | write ../b new; sync ../b; sync ..; sync-a-pipe | a=old");
    check("write a old | write a new; sync-removed a | a=new");
}
