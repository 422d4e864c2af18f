//! What the store says in the log when something is wrong with its files.

use serde_json::Value;

/// A snapshot is not as it was written.
pub(crate) const SNAPSHOT: &str = "snapshot can't be used";
/// The store is not as it was committed, or at least may not be.
pub(crate) const STORE: &str = "the store can't be used";
/// The store is not opened any more, whatever it holds.
pub(crate) const OPENINGS_DIED: &str = "ended while they opened it";
/// What names the store is not as it was written.
pub(crate) const CURRENT: &str = "current names no store";
/// Everything is counted anew.
pub(crate) const RECOUNT: &str = "recovering without a snapshot";

/// Of each complaint.
const MOST_WORDS: usize = 18;

/// The warnings and errors of the store in a log.
pub(crate) fn complaints(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_store = lines.filter(|line| {
        let is_of_store = line["target"].as_str().is_some_and(|target| target.starts_with("store"));
        is_of_store && (line["level"] == "WARN" || line["level"] == "ERROR")
    });
    of_store.map(|line| without_details(&line)).collect()
}

/// A line without its numbers, paths and quotations.
fn without_details(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    let said = format!("{} {} {}", text("message"), text("reason"), text("error"));
    let is_detail = |word: &str| {
        word.contains(|character: char| character.is_ascii_digit() || "/\"({[".contains(character))
    };
    let words: Vec<&str> = said.split_whitespace().filter(|word| !is_detail(word)).take(MOST_WORDS).collect();
    words.join(" ")
}
