//! The corpora are short, mean something, and are read without a finding.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these tests talk to whoever sees them fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::TARGETS;

fn crate_directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a directory, each with its contents.
fn files(directory: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(crate_directory().join(directory)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// What becomes of all inputs of a target. Says on the way which input it was, should one be a finding.
fn outcomes(target: &str) -> BTreeSet<String> {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let mut outcomes = BTreeSet::new();
    for (path, input) in files(&format!("corpus/{target}")) {
        println!("{}", path.display());
        outcomes.extend(run(&input));
    }
    outcomes
}

fn check_reached(target: &str, expected: impl IntoIterator<Item = String>) {
    let outcomes = outcomes(target);
    let missing: Vec<_> = expected.into_iter().filter(|expected| !outcomes.contains(expected)).collect();
    assert!(missing.is_empty(), "no input of {target} ends as {missing:?}, only as {outcomes:?}");
}

#[test]
fn events_of_every_kind_and_for_every_reason() {
    let mut expected = vec!["outside the prefix".to_owned(), "not text".to_owned()];
    let kinds = || events::Kind::ALL.map(events::Kind::as_str).into_iter();
    let reasons = || events::Reason::ALL.map(events::Reason::as_str).into_iter();
    for source in ["JSON message", "MessagePack message", "line"] {
        expected.extend(kinds().chain(reasons()).map(|outcome| format!("{source}: {outcome}")));
    }
    check_reached("event", expected);
}

#[test]
fn query_strings_with_every_number_of_tags_that_matters() {
    let expected = ["0 tags", "1 tags", "2 tags", "32 tags", "refused", "not text"];
    check_reached("query_string", expected.map(str::to_owned));
}

#[test]
fn snapshots_are_whole_or_refused() {
    let whole: BTreeSet<_> = files("corpus/snapshot")
        .into_iter()
        .filter(|(_, input)| fuzz::snapshot(input)[0].ends_with("whole"))
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let names = ["nothing", "small", "medium", "pages", "with_dead_letter"];
    let expected = names.iter().flat_map(|name| [format!("{name}.snapshot"), format!("{name}.rows")]);
    // Deleting a room leaves its memberships where they are.
    let left_over = ["membership_of_no_room.rows".to_owned()];
    assert_eq!(whole, expected.chain(left_over).collect());
}

#[test]
fn tokens_of_every_algorithm_and_for_every_reason() {
    let users = query::Algorithm::ALL.map(|algorithm| format!("{}: a user", algorithm.as_str()));
    let reasons = [
        "too_long",
        "signature",
        "critical",
        "user",
        "times",
        "issuer",
        "audience",
        "not_yet_valid",
        "expired",
    ];
    check_reached("token", users.into_iter().chain(reasons.map(|reason| format!("HS256: {reason}"))));
}

#[test]
fn every_target_has_a_program_and_a_short_corpus() {
    let names = |directory: &str| {
        let paths =
            fs::read_dir(crate_directory().join(directory)).unwrap().map(|entry| entry.unwrap().path());
        paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);

    let mut bytes = 0;
    for target in targets {
        let inputs = files(&format!("corpus/{target}"));
        assert!((1..100).contains(&inputs.len()), "{target} has {} inputs", inputs.len());
        bytes += inputs.iter().map(|(_, input)| input.len()).sum::<usize>();
    }
    assert!(bytes < 200_000, "the corpora have {bytes} bytes: was libFuzzer let write into them?");
}
