//! Programs killed at any moment, also while the shadow is written.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use power_cut::{Unsynced, after_the_cut};
use tempfile::TempDir;

use crate::child::page_of;
use crate::program::{Watched, is_possible};

/// One record is 1 MiB long, so that many kills find it half written.
const PAGES: usize = 256;

/// The last number that a program said, killed at a random moment after that, and what is left.
fn killed(script: &str, random: &mut fastrand::Rng) -> (u64, TempDir) {
    let watched = Watched::new("");
    let mut program = watched.watched_command(script).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut numbers = lines.filter_map(|line| line.strip_prefix("synced ")?.parse().ok());
    let first = numbers.nth(random.usize(0..3)).unwrap();
    thread::sleep(Duration::from_micros(random.u64(0..40_000)));
    program.kill().unwrap();
    let last = numbers.last().unwrap_or(first);
    program.wait().unwrap();

    let left = tempfile::tempdir().unwrap();
    after_the_cut(&watched.shadow(), left.path(), Unsynced::Lost).unwrap();
    (last, left)
}

/// Bug this would show: a sync that the program was told of is not in the shadow, or half of one is.
#[test]
fn content_that_a_program_was_told_is_synced_is_there_as_a_whole() {
    if !is_possible() {
        return;
    }
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..40 {
        let (last, left) = killed(&format!("count-in-place {PAGES}"), &mut random);
        let content = fs::read(left.path().join("in-place")).unwrap();
        let holds = |number| content == page_of(number).repeat(PAGES);
        assert!(holds(last) || holds(last + 1), "neither {last} nor the next, in {} bytes", content.len());
    }
}

/// Bug this would show: as above, of names.
#[test]
fn names_that_a_program_was_told_are_synced_are_there() {
    if !is_possible() {
        return;
    }
    let mut random = fastrand::Rng::with_seed(12);
    for _ in 0..10 {
        let (last, left) = killed("count-by-names", &mut random);
        let replaced: u64 = fs::read_to_string(left.path().join("replaced")).unwrap().parse().unwrap();
        assert!(replaced == last || replaced == last + 1, "{replaced}, not {last} or the next");
        for number in 1..=replaced {
            assert!(left.path().join(format!("made-{number}")).exists(), "made-{number} of {replaced}");
        }
        assert!(!left.path().join(format!("made-{}", replaced + 1)).exists(), "more than {replaced}");
    }
}
