//! What the page for producers says must be true.

use std::collections::BTreeSet;

use events::{Kind, Line, Reason, decode, to_line};

const PAGE: &str = include_str!("../../../../docs/events.md");

#[test]
fn the_examples_are_well_formed() {
    let mut heading = None;
    let mut language = None;
    let (mut kinds, mut lines) = (BTreeSet::new(), 0);
    for text in PAGE.lines() {
        if let Some(title) = text.strip_prefix("### ") {
            heading = Kind::from_name(title.trim_matches('`'));
            assert!(heading.is_some(), "{title} is no kind");
        } else if let Some(begun) = text.strip_prefix("```") {
            language = (!begun.is_empty()).then_some(begun);
        } else if language == Some("json") {
            let kind = heading.expect("examples of bodies are under the heading of a kind");
            assert_eq!(decode(kind, text.as_bytes()).err(), None, "{text}");
            kinds.insert(kind);
        } else if language == Some("ndjson") {
            assert_eq!(to_line(&Line::parse(text).expect(text).event()), text);
            lines += 1;
        }
    }
    assert_eq!(kinds, BTreeSet::from(Kind::ALL), "every kind has an example");
    assert_eq!(lines, 3);
}

#[test]
fn every_reason_has_its_row() {
    let row = |reason: &Reason| PAGE.contains(&format!("\n| `{reason}` | "));
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !row(reason)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
