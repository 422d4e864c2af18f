//! What the store says in the log when something is wrong with its files.

use serde_json::Value;

/// A snapshot is not as it was written.
pub(crate) const SNAPSHOT: &str = "this snapshot can't be used";
/// The store is not as it was committed, or at least may not be.
pub(crate) const STORE: &str = "the store can't be used";
/// The store is not opened any more, whatever it holds.
pub(crate) const OPENINGS_DIED: &str = "processes in a row ended while they opened it";
/// The store is not as it was committed, seen by a process that had it open.
pub(crate) const DIRTY: &str = "the store can't be trusted any more";
/// What names the store is not as it was written.
pub(crate) const CURRENT: &str = "the file current names no store";
/// Everything is counted anew.
pub(crate) const RECOUNT: &str = "recovering without a snapshot";
/// A snapshot takes the store's place.
pub(crate) const RECOVERING: &str = "recovering from a snapshot";
/// It has taken it.
pub(crate) const RECOVERED: &str = "recovered from a snapshot";
/// What belongs to a recovery.
pub(crate) const RECOVERY: [&str; 4] =
    [RECOVERING, RECOVERED, "removed a store that was never finished", "removed an old damaged store"];
/// A process died while sled wrote a list of its pages, which it makes again.
pub(crate) const INTERRUPTED: &str = "removed what an interrupted opening left behind";

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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::phase;

    /// All sources of a crate in one.
    fn sources(of: &str) -> String {
        fn add(directory: &Path, text: &mut String) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    add(&path, text);
                } else {
                    *text += &fs::read_to_string(path).unwrap();
                }
            }
        }
        let mut text = String::new();
        add(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src"), &mut text);
        text
    }

    /// Bug this would show: a message that is worded anew, and is heeded no more.
    #[test]
    fn each_text_is_in_the_sources_of_who_says_it() {
        let (store, service) = (sources("store"), sources("tallymark"));
        let complaints = [SNAPSHOT, STORE, OPENINGS_DIED, DIRTY, CURRENT, RECOUNT, INTERRUPTED];
        for text in complaints.into_iter().chain(RECOVERY) {
            assert!(store.contains(text), "the store never says {text:?}");
        }
        for text in phase::TEXTS {
            let is_said = if text == phase::LOADED { &service } else { &store }.contains(text);
            assert!(is_said, "nobody says {text:?}");
        }
    }
}
