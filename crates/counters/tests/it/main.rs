//! The counters against the rules, and against the oracle that keeps every message and recounts.
#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

mod concurrent;
mod histories;
mod model;
mod restored;
#[path = "../../../oracle/tests/it/rules/mod.rs"]
mod rules;

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
