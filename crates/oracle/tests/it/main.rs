//! Is the judge right, do its histories reach everything, and would anybody notice a mistake?

mod counts;

mod coverage;
mod docs;
mod facts;
mod mistakes;
mod outcomes;
mod restored;
mod rules;
mod scene;
mod script;
mod totals;

use oracle::script::Script;
use oracle::{Oracle, Policies};

/// One line of a table.
pub(crate) fn check(policies: Policies, text: &str) {
    let script = Script::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(!script.expectations.is_empty(), "{text}: expects nothing");
    let mut oracle = Oracle::new(policies);
    for step in &script.steps {
        oracle.apply(&step.event, step.stored_ms);
    }
    for expected in &script.expectations {
        let answer = oracle.answer(&expected.question);
        assert_eq!(answer, expected.answer, "\n{text}\nexpected `{expected}`\n{oracle:#?}");
    }
}
