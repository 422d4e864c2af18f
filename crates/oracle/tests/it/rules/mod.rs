//! The rules, a line a case, under the policies that the table's function names; for whatever
//! `crate::check` puts to the test: the oracle here, the counters in their own tests.

mod messages;
mod rooms;

use oracle::{OwnMessages, Policies};

use crate::check;

fn check_all(policies: Policies, table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        check(policies, line);
    }
}

fn exclude(table: &str) {
    check_all(Policies::default(), table);
}

fn mark_read(table: &str) {
    check_all(Policies { own_messages: OwnMessages::MarkRead, ..Policies::default() }, table);
}

fn window(message_window: u32, table: &str) {
    check_all(Policies { message_window, ..Policies::default() }, table);
}

/// One step a number, joined to a script.
pub(crate) fn each(numbers: std::ops::RangeInclusive<u32>, step: impl Fn(u32) -> String) -> String {
    numbers.map(step).collect::<Vec<_>>().join("; ")
}
