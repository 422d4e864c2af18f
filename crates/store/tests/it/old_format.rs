//! A store that an earlier version wrote is read as it was meant.

use std::collections::BTreeMap;

use oracle::Oracle;
use oracle::history::{History, Variant};

use crate::run::{Run, open_sled, options, policies};

/// The rows of a store of format version 1, a line a row: key and value in hexadecimal digits.
/// Written once, by the test below with `TALLYMARK_WRITE_ROWS=<file>`; a change of format adds a file and
/// keeps this one.
const ROWS: &str = include_str!("../data/format-1.rows");

fn history() -> History {
    History::generate(3, 300, Variant::Default)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|place| u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).unwrap()).collect()
}

#[test]
fn a_store_of_format_version_1_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let history = history();
    let options = options(dir.path(), policies(history.policies));
    drop(Run::open(&options).unwrap());
    let db = open_sled(dir.path());
    for row in ROWS.lines() {
        let (key, value) = row.split_once(' ').unwrap();
        db.insert(bytes(key), bytes(value)).unwrap();
    }
    drop(db);
    let mut oracle = Oracle::new(history.policies);
    for (event, stored_ms) in &history.events {
        oracle.apply(event, *stored_ms);
    }
    let run = Run::open(&options).unwrap();
    assert_eq!(run.counters.applied(), 300);
    run.compare(&oracle, "format version 1");
}

/// This version writes exactly what format version 1 says.
#[test]
fn this_version_writes_format_version_1() {
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
        std::fs::write(path, &rows).unwrap();
    }
    assert!(rows == ROWS, "the rows differ from those of format version {}", store::FORMAT_VERSION);
}
