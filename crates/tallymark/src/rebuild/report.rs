//! What a rebuild came to.

use std::io;

use recount::{Summary, differences_table};
use serde_json::json;
use store::Head;

use super::diff::Differences;
use crate::output;

pub(super) struct Report<'a> {
    generation: u64,
    head: &'a Head,
    diff: Option<Differences>,
}

impl<'a> Report<'a> {
    pub(super) fn new(generation: u64, head: &'a Head, diff: Option<Differences>) -> Self {
        Self { generation, head, diff }
    }

    pub(super) fn print(&self, json: bool, examples: usize) -> io::Result<()> {
        let text = if json { self.json(examples) } else { self.text(examples) };
        output::print(&text)
    }

    fn json(&self, examples: usize) -> String {
        let diff = self.diff.as_ref().map(|diff| {
            let summary = Summary::of(&diff.list);
            json!({
                "users_compared": diff.users,
                "memberships_compared": diff.memberships,
                "users_changed": summary.users,
                "memberships_changed": summary.memberships,
                "largest_change": summary.largest,
                "examples": &diff.list[..diff.list.len().min(examples)],
            })
        });
        let Self { generation, head, .. } = self;
        let report = json!({
            "generation": generation,
            "applied_sequence": head.position.applied,
            "digest": head.digest.to_string(),
            "diff": diff,
        });
        format!("{report}\n")
    }

    fn text(&self, examples: usize) -> String {
        let Self { generation, head, diff } = self;
        let mut text = format!(
            "generation {generation} is complete up to sequence {}, digest {}\n",
            head.position.applied, head.digest
        );
        let Some(diff) = diff else { return text };
        let summary = Summary::of(&diff.list);
        if diff.list.is_empty() {
            text += &format!(
                "nothing changes: {} users with {} memberships compared\n",
                diff.users, diff.memberships
            );
            return text;
        }
        text += &format!(
            "{} of {} users change, in {} of {} memberships, a badge by {} at the most\n(EXPECTED is the new count, FOUND the \
             one in use)\n\n",
            summary.users, diff.users, summary.memberships, diff.memberships, summary.largest
        );
        text + &differences_table(&diff.list, examples)
    }
}
