//! What is not as it should be.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::table::table;

/// One membership that is counted otherwise than it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The tenant.
    pub tenant: String,
    /// The user.
    pub user: String,
    /// The room.
    pub room: String,
    /// The stream sequence at which both were so.
    pub sequence: u64,
    /// What it should be; `None`: no member.
    pub expected: Option<Counts>,
    /// What it is; `None`: no member.
    pub found: Option<Counts>,
}

/// Differences in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Memberships that differ.
    pub memberships: u64,
    /// Users of whom some membership differs.
    pub users: u64,
    /// By how much the badge of any one user is too high or too low, at the most, muted rooms included.
    pub largest: u64,
}

impl Summary {
    /// Of these differences.
    pub fn of(differences: &[Difference]) -> Self {
        let mut users: HashMap<(&str, &str), i128> = HashMap::new();
        let unread = |counts: &Option<Counts>| counts.as_ref().map_or(0, |counts| i128::from(counts.unread));
        for difference in differences {
            let user = users.entry((&difference.tenant, &difference.user)).or_default();
            *user += unread(&difference.found) - unread(&difference.expected);
        }
        let largest = users.values().map(|by| by.unsigned_abs()).max().unwrap_or(0);
        Self {
            memberships: differences.len() as u64,
            users: users.len() as u64,
            largest: u64::try_from(largest).unwrap_or(u64::MAX),
        }
    }
}

/// The first so many differences as lines of text, and how many more there are.
pub fn differences_table(differences: &[Difference], most: usize) -> String {
    let mut rows = vec![["TENANT", "USER", "ROOM", "EXPECTED", "FOUND", "AT SEQUENCE"].map(str::to_owned)];
    for difference in differences.iter().take(most) {
        let Difference { tenant, user, room, sequence, expected, found } = difference;
        let (expected, found) = (shown(expected, found), shown(found, expected));
        rows.push([tenant.clone(), user.clone(), room.clone(), expected, found, sequence.to_string()]);
    }
    let mut text = table(&rows);
    if differences.len() > most {
        text += &format!("… and {} more\n", differences.len() - most);
    }
    text
}

/// The number of unread messages, and of the rest what the other one has otherwise.
fn shown(counts: &Option<Counts>, other: &Option<Counts>) -> String {
    let Some(counts) = counts else { return "no member".to_owned() };
    let mut text = counts.unread.to_string();
    let Some(other) = other else { return text };
    if counts.mentions != other.mentions {
        text += &format!(", {} mentioned", counts.mentions);
    }
    if counts.muted != other.muted {
        text += if counts.muted { ", muted" } else { ", not muted" };
    }
    if counts.tags != other.tags {
        text += &format!(
            ", tags {}",
            if counts.tags.is_empty() { "-".to_owned() } else { counts.tags.join(",") }
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(unread: u64) -> Option<Counts> {
        Some(Counts { unread, ..Counts::default() })
    }

    fn difference(user: &str, expected: Option<Counts>, found: Option<Counts>) -> Difference {
        let (tenant, room) = ("demo".to_owned(), "r1".to_owned());
        Difference { tenant, user: user.to_owned(), room, sequence: 12, expected, found }
    }

    #[test]
    fn differences_are_lines_and_numbers() {
        let muted = Some(Counts { unread: 1, mentions: 2, muted: true, tags: vec!["a".to_owned()] });
        let differences = [
            difference("ann", counts(3), counts(10)),
            difference("ann", counts(5), None),
            difference("benedict", counts(1), muted),
            difference("cid", None, counts(4)),
        ];
        let expected = "\
TENANT  USER      ROOM  EXPECTED                           FOUND                           AT SEQUENCE
demo    ann       r1    3                                  10                              12
demo    ann       r1    5                                  no member                       12
demo    benedict  r1    1, 0 mentioned, not muted, tags -  1, 2 mentioned, muted, tags a  12
… and 1 more
";
        let found = differences_table(&differences, 3);
        let squeezed = |text: &str| {
            text.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("|")
        };
        assert_eq!(squeezed(&found), squeezed(expected), "{found}");
        assert_eq!(Summary::of(&differences), Summary { memberships: 4, users: 3, largest: 4 });
        assert_eq!(Summary::of(&[]), Summary::default());
        let json = serde_json::to_value(&differences[3]).unwrap();
        assert_eq!((&json["expected"], &json["found"]["unread"]), (&serde_json::Value::Null, &4.into()));
    }
}
