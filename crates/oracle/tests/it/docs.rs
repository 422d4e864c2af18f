//! The examples of the page for developers of chat backends, for whatever `crate::check` puts to
//! the test: the oracle here, the counters in their own tests.

use oracle::{OwnMessages, Policies};

use crate::check;

const PAGE: &str = include_str!("../../../../docs/counting.md");

/// Rules about delivery and malformed events, which no script can show.
const WITHOUT_SCRIPT: [usize; 2] = [15, 16];

/// A rule's section, from its heading to the next.
struct Section {
    heading: &'static str,
    examples: Vec<(Policies, &'static str)>,
}

fn sections() -> Vec<Section> {
    let mut sections = Vec::new();
    let mut policies = None;
    for text in PAGE.lines() {
        if let Some(heading) = text.strip_prefix("### ") {
            sections.push(Section { heading, examples: Vec::new() });
        } else if let Some(info) = text.strip_prefix("```") {
            policies = info.strip_prefix("script").map(policies_of);
        } else if let Some(policies) = policies {
            let section = sections.last_mut().expect("examples are under the heading of a rule");
            section.examples.push((policies, text));
        }
    }
    sections
}

/// From the words after `script` on the line that opens a block.
fn policies_of(info: &str) -> Policies {
    let mut policies = Policies::default();
    for word in info.split_whitespace() {
        match word.split_once('=') {
            None if word == "mark_read" => policies.own_messages = OwnMessages::MarkRead,
            Some(("window", count)) => policies.message_window = count.parse().expect(info),
            _ => panic!("`{word}` is no policy: expected `mark_read` or `window=<count>`"),
        }
    }
    policies
}

#[test]
fn the_examples_of_the_docs_are_true() {
    for (policies, line) in sections().iter().flat_map(|section| &section.examples) {
        check(*policies, line);
    }
}

#[test]
fn every_rule_has_its_section_and_example_in_the_docs() {
    let sections = sections();
    assert_eq!(sections.len(), 18);
    for (number, section) in (1..).zip(&sections) {
        let heading = section.heading;
        assert!(heading.starts_with(&format!("{number}. ")), "`{heading}` stands where rule {number} should");
        assert_eq!(section.examples.is_empty(), WITHOUT_SCRIPT.contains(&number), "examples of `{heading}`");
    }
}
