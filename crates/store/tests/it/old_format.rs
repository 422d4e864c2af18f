//! A store, and a snapshot, is read as the version that wrote it meant it, or refused by its number.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use oracle::Oracle;
use oracle::history::{History, Variant};
use store::{OpenError, Options};

use crate::run::{Run, open_sled, options, policies};
use crate::snapshots::snapshot;

/// The rows of a store of this format version, a line a row: key and value in hexadecimal digits.
/// Written once, by the test below with `TALLYMARK_WRITE_ROWS=<file>`; a change of format adds a file and
/// keeps the others.
const ROWS: &str = include_str!("../data/format-2.rows");
/// The same store in format version 1, of which every hash was a SipHash.
const ROWS_1: &str = include_str!("../data/format-1.rows");
/// Snapshots of the first `IN_SNAPSHOT` events, as these format versions wrote them: the first by the test at the end
/// with `TALLYMARK_WRITE_SNAPSHOT=<file>`.
const SNAPSHOT: &[u8] = include_bytes!("../data/format-2.snapshot");
const SNAPSHOT_1: &[u8] = include_bytes!("../data/format-1.snapshot");
const IN_SNAPSHOT: u64 = 12;

fn history() -> History {
    History::generate(3, 300, Variant::Default)
}

fn oracle(events: u64) -> Oracle {
    let history = history();
    let mut oracle = Oracle::new(history.policies);
    for (event, stored_ms) in history.events.iter().take(usize::try_from(events).unwrap()) {
        oracle.apply(event, *stored_ms);
    }
    oracle
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|place| u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).unwrap()).collect()
}

/// A store with these rows.
fn store_of(rows: &str, dir: &Path) -> Options {
    let options = options(dir, policies(history().policies));
    drop(Run::open(&options).unwrap());
    let db = open_sled(dir);
    for row in rows.lines() {
        let (key, value) = row.split_once(' ').unwrap();
        db.insert(bytes(key), bytes(value)).unwrap();
    }
    options
}

#[test]
fn a_store_of_format_version_1_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = Run::open(&store_of(ROWS_1, dir.path())).map(drop).unwrap_err();
    assert!(matches!(error, OpenError::Version { found: 1, expected: 2, .. }), "{error}");
    assert!(error.to_string().contains("format version 1"), "{error}");
}

#[test]
fn a_store_of_format_version_2_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::open(&store_of(ROWS, dir.path())).unwrap();
    assert_eq!(run.counters.applied(), 300);
    run.compare(&oracle(300), "format version 2");
}

/// A data directory of which only this snapshot is left.
fn only_a_snapshot(snapshot: &[u8], dir: &Path) -> Options {
    let options = options(dir, policies(history().policies));
    let directory = dir.join("snapshots");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join(format!("{IN_SNAPSHOT:020}.snapshot")), snapshot).unwrap();
    options
}

#[test]
fn a_snapshot_of_format_version_1_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = only_a_snapshot(SNAPSHOT_1, dir.path());
    for _ in 0..2 {
        let error = Run::open(&options).map(drop).unwrap_err();
        assert!(matches!(error, OpenError::Version { found: 1, expected: 2, .. }), "{error}");
    }
    let snapshots = store::snapshots_in(dir.path()).unwrap();
    assert_eq!(fs::read(&snapshots[0].path).unwrap(), SNAPSHOT_1);
}

#[test]
fn a_snapshot_of_format_version_2_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::open(&only_a_snapshot(SNAPSHOT, dir.path())).unwrap();
    assert_eq!(run.counters.applied(), IN_SNAPSHOT);
    run.compare(&oracle(IN_SNAPSHOT), "a snapshot of format version 2");
}

/// This version writes exactly what format version 2 says.
#[test]
fn this_version_writes_format_version_2() {
    let dir = tempfile::tempdir().unwrap();
    let history = history();
    let mut run = Run::open(&options(dir.path(), policies(history.policies))).unwrap();
    for (event, stored_ms) in &history.events {
        run.apply(event, *stored_ms);
    }
    run.commit();
    drop(run);
    let db = open_sled(dir.path());
    let rows: BTreeMap<String, String> =
        db.iter().map(Result::unwrap).map(|(key, row)| (hex(&key), hex(&row))).collect();
    let rows: String = rows.iter().map(|(key, row)| format!("{key} {row}\n")).collect();
    if let Some(path) = std::env::var_os("TALLYMARK_WRITE_ROWS") {
        fs::write(path, &rows).unwrap();
    }
    assert!(rows == ROWS, "the rows differ from those of format version {}", store::FORMAT_VERSION);
}

#[test]
fn this_version_writes_snapshots_of_format_version_2() {
    let dir = tempfile::tempdir().unwrap();
    let history = history();
    let mut run = Run::open(&options(dir.path(), policies(history.policies))).unwrap();
    run.apply_all(&history, ..usize::try_from(IN_SNAPSHOT).unwrap());
    snapshot(&mut run);
    let snapshots = store::snapshots_in(dir.path()).unwrap();
    let written = fs::read(&snapshots[0].path).unwrap();
    if let Some(path) = std::env::var_os("TALLYMARK_WRITE_SNAPSHOT") {
        fs::write(path, &written).unwrap();
    }
    assert!(written == SNAPSHOT, "it differs from that of format version {}", store::FORMAT_VERSION);
}
