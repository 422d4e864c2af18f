//! The counters against the rules, and against the oracle that keeps every message and recounts.
#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

mod accounts;
mod concurrent;
#[path = "../../../oracle/tests/it/docs.rs"]
mod docs;
mod histories;
mod model;
mod restored;
mod rooms_of_users;
#[path = "../../../oracle/tests/it/rules/mod.rs"]
mod rules;
mod wide;

use counters::{Outcome, Reason};
use oracle::Policies;
use oracle::script::Script;

use crate::model::Model;

/// One line of a table of the rules.
pub(crate) fn check(policies: Policies, text: &str) {
    let script = Script::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(!script.expectations.is_empty(), "{text}: expects nothing");
    let mut model = Model::new(model::policies(policies));
    for step in &script.steps {
        model.apply(&step.event, step.stored_ms);
    }
    for expected in &script.expectations {
        assert_eq!(model.answer(&expected.question), expected.answer, "\n{text}\nexpected `{expected}`");
    }
}

/// In the table of reasons, a row begins with the reason and ends with steps of which the last
/// changes nothing for that reason.
#[test]
fn every_reason_is_in_the_docs_with_an_example() {
    const PAGE: &str = include_str!("../../../../docs/counting.md");
    for reason in Reason::ALL {
        let start = format!("| `{}` | ", reason.as_str());
        let rows: Vec<_> = PAGE.lines().filter(|line| line.starts_with(&start)).collect();
        let [row] = rows[..] else { panic!("{reason:?} has {} rows", rows.len()) };
        let example = row.rsplit("| ").next().unwrap().trim_matches([' ', '`', '|']);
        let mut model = Model::new(model::policies(Policies::default()));
        let script = Script::parse(example).unwrap_or_else(|error| panic!("{row}: {error}"));
        let applied = script.steps.iter().map(|step| model.apply(&step.event, step.stored_ms)).last();
        assert_eq!(applied.map(|applied| applied.outcome), Some(Outcome::Unchanged(reason)), "{row}");
    }
}
