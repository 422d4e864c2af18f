//! `tallymark dead-letters list`.

use std::collections::VecDeque;
use std::io::{self, Write as _};

use clap::Args;
use clap::builder::PossibleValuesParser;
use events::{Prefix, Reason, Subject};
use futures::TryStreamExt as _;

use super::letter::{Letter, harmless};
use super::{DeadLetters, explained, print};
use crate::rfc3339;

pub(super) const HELP: &str = "\
SEQUENCE is what show and requeue want. STORED is when the event was stored, ORIGINAL its sequence in the stream of the
events, BYTES the length of its whole body.

Examples:
  tallymark dead-letters list --config tallymark.toml
  tallymark dead-letters list --tenant demo --reason missing_field --limit 1000
  tallymark dead-letters list --json | jq .subject";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only those that are malformed for this reason
    #[arg(long, value_parser = PossibleValuesParser::new(Reason::ALL.map(Reason::as_str)))]
    reason: Option<String>,
    /// Only those whose subject has this tenant
    #[arg(long, value_name = "TENANT", value_parser = crate::dump::tenant)]
    tenant: Option<String>,
}

impl Arguments {
    fn wants(&self, letter: &Letter, prefix: &Prefix) -> bool {
        let tenant = match prefix.parse(&letter.head.subject) {
            Subject::Event { tenant, .. } | Subject::UnknownKind { tenant, .. } => Some(tenant),
            Subject::InvalidTenant { .. } | Subject::OutsidePrefix => None,
        };
        let is_of = |wanted: &String| tenant.is_some_and(|tenant| tenant.as_str() == wanted);
        self.reason.as_ref().is_none_or(|reason| *reason == letter.head.reason)
            && self.tenant.as_ref().is_none_or(is_of)
    }
}

pub(super) async fn run(dead: &DeadLetters, prefix: &Prefix, arguments: &Arguments) -> anyhow::Result<()> {
    let limit = usize::try_from(arguments.limit)?;
    let mut newest = VecDeque::new();
    let (mut wanted, mut strange) = (0_u64, 0_u64);
    let mut messages = std::pin::pin!(dead.log.read(1, u64::MAX));
    while let Some(message) = messages.try_next().await.map_err(explained)? {
        let Some(mut letter) = Letter::new(message) else {
            strange += 1;
            continue;
        };
        if !arguments.wants(&letter, prefix) {
            continue;
        }
        wanted += 1;
        if newest.len() == limit {
            newest.pop_front();
        }
        if !arguments.json {
            letter.body.clear();
        }
        newest.push_back(letter);
    }
    let text = if arguments.json { lines(&newest) } else { table(&newest) };
    print(text.as_bytes())?;
    let mut errors = io::stderr();
    let older = wanted - newest.len() as u64;
    // Nobody is left to tell if standard error is gone.
    if older > 0 {
        _ = writeln!(errors, "{older} older ones are not shown: see --limit");
    }
    if strange > 0 {
        _ = writeln!(errors, "{strange} messages of the stream {:?} are no dead letters", dead.stream);
    }
    Ok(())
}

fn lines<'a>(letters: impl IntoIterator<Item = &'a Letter>) -> String {
    letters.into_iter().map(|letter| letter.to_json().to_string() + "\n").collect()
}

const HEADINGS: [&str; 7] = ["SEQUENCE", "STORED", "SUBJECT", "REASON", "ORIGINAL", "BYTES", "DETAIL"];

/// Columns as wide as what they hold, numbers to the right.
fn table<'a>(letters: impl IntoIterator<Item = &'a Letter>) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(letters.into_iter().map(|letter| {
        let head = &letter.head;
        [
            letter.sequence.to_string(),
            rfc3339::format(head.stored_ms),
            harmless(&head.subject, false),
            head.reason.clone(),
            head.sequence.to_string(),
            head.length.to_string(),
            head.detail.clone(),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [sequence, stored, subject, reason, original, bytes] = [0, 1, 2, 3, 4, 5].map(width);
    let line = |row: &[String; 7]| {
        format!(
            "{:>sequence$}  {:stored$}  {:subject$}  {:reason$}  {:>original$}  {:>bytes$}  {}\n",
            row[0], row[1], row[2], row[3], row[4], row[5], row[6]
        )
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use consumer::DeadLetterHead;

    use super::{Letter, lines, table};

    #[test]
    fn columns_are_aligned() {
        let letter = |sequence: u64, subject: &str, reason: &str| Letter {
            sequence,
            copied_ms: 1_769_846_401_000,
            head: DeadLetterHead {
                reason: reason.to_owned(),
                detail: "what is wrong".to_owned(),
                subject: subject.to_owned(),
                stream: "CHAT".to_owned(),
                sequence: sequence * 1_000,
                stored_ms: 1_769_846_400_250,
                length: 1,
            },
            body: Vec::new(),
        };
        let letters =
            [letter(9, "chat.demo.room.left", "undecodable"), letter(10, "chat.d\u{1b}.x", "over_limit")];
        let expected = "\
SEQUENCE  STORED                   SUBJECT              REASON       ORIGINAL  BYTES  DETAIL
       9  2026-01-31T08:00:00.25Z  chat.demo.room.left  undecodable      9000      1  what is wrong
      10  2026-01-31T08:00:00.25Z  chat.d\\u{1b}.x       over_limit      10000      1  what is wrong
";
        assert_eq!(table(&letters), expected);
        let json: serde_json::Value = serde_json::from_str(&lines(&letters[..1])).unwrap();
        assert_eq!(json["original"]["sequence"], 9_000);
        assert_eq!((&json["cut"], &json["copied"]), (&true.into(), &"2026-01-31T08:00:01Z".into()));
    }
}
