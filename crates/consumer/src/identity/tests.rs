use store::{Position, StreamIdentity};

use super::{Allowed, Found, StreamFacts, Verdict, check};
use crate::gaps::Gap;

/// One line a case: the position | the stream | the settings | the verdict.
///
/// Position: `applied 5 as A` (the last message was A; `as ?` if that can't be said), counted on
/// the stream created at time 100. Stream: `missing`, or `1-9 A created 100 next 6`: first and last
/// sequence, the message at `applied` or `-`, creation time, first message after `applied` or `-`.
#[track_caller]
fn table(line: &str) {
    let fields: Vec<_> = line.split('|').map(str::trim).collect();
    let verdict = check(&position(fields[0]), "CHAT", &facts(fields[1]), &allowed(fields[2]));
    let verdict = match verdict {
        Verdict::Same { lost: None } => "same".to_owned(),
        Verdict::Same { lost: Some(gap) } => format!("same but {gap}"),
        Verdict::Fenced(fence) => fence.name().to_owned(),
    };
    assert_eq!(verdict, fields[3], "{line}");
}

fn identity(created_ns: &str) -> StreamIdentity {
    StreamIdentity { name: "CHAT".to_owned(), created_ns: created_ns.parse().unwrap() }
}

fn message(name: &str) -> Option<[u8; 32]> {
    let byte = name.bytes().next().filter(u8::is_ascii_alphabetic)?;
    Some([byte; 32])
}

fn position(text: &str) -> Position {
    let words: Vec<_> = text.split_whitespace().collect();
    let applied = words[1].parse().unwrap();
    let fingerprint = words.get(3).and_then(|name| message(name));
    let recount = words.contains(&"recounting").then(|| "it smells".to_owned());
    Position { stream: Some(identity("100")), applied, fingerprint, recount, ..Position::default() }
}

fn gap(text: &str) -> Gap {
    let (first, last) = text.split_once('-').unwrap();
    Gap { first: first.parse().unwrap(), last: last.parse().unwrap() }
}

fn facts(text: &str) -> StreamFacts {
    let words: Vec<_> = text.split_whitespace().collect();
    let [sequences, at_applied, _, created, _, next] = words[..] else { return StreamFacts::Missing };
    let Gap { first, last } = gap(sequences);
    StreamFacts::Found(Found {
        identity: identity(created),
        first_sequence: first,
        last_sequence: last,
        at_applied: message(at_applied),
        next: next.parse().ok(),
    })
}

fn allowed(text: &str) -> Allowed {
    let mut allowed = Allowed::default();
    for word in text.split_whitespace() {
        if word == "restored" {
            allowed.restored_stream = true;
        } else {
            allowed.gaps.push(gap(word));
        }
    }
    allowed
}

#[test]
fn row_1_missing_or_truncated() {
    table("applied 0        | missing                  |          | deleted");
    table("applied 5 as A   | missing                  | restored 1-9 | deleted");
    table("applied 5 as A   | 1-4 - created 100 next - |          | truncated");
    table("applied 5 as A   | 0-0 - created 100 next - |          | truncated");
    table("applied 5 as A   | 1-4 - created 200 next - | restored 1-9 | truncated");
}

#[test]
fn row_2_events_lost_before_they_were_read() {
    table("applied 5 as A   | 7-9 - created 100 next 7 |          | events_lost");
    table("applied 0        | 2-9 - created 100 next 2 |          | events_lost");
    table("applied 5 as A   | 7-6 - created 100 next - |          | events_lost");
    table("applied 5 as A   | 7-9 - created 100 next 7 | 6-6      | same but 6-6");
    table("applied 0        | 3-9 - created 100 next 3 | 1-2      | same but 1-2");
    table("applied 0        | 3-9 - created 100 next 3 | 1-1      | events_lost");
    table("applied 5 as A   | 9-8 - created 100 next - | 6-8      | same but 6-8");
    // Then the applied message can't be checked, and the creation time decides.
    table("applied 5 as A   | 7-9 - created 200 next 7 | 6-6      | recreated");
    table("applied 5 as A   | 7-9 - created 200 next 7 | 6-6 restored | same but 6-6");
    table("applied 5 as A   | 7-9 - created 200 next 7 |          | events_lost");
}

#[test]
fn row_3_nothing_was_applied() {
    table("applied 0        | 0-0 - created 100 next - |          | same");
    table("applied 0        | 1-9 - created 200 next 1 |          | same");
}

#[test]
fn row_4_the_applied_message_is_just_gone() {
    table("applied 5 as A   | 6-9 - created 100 next 6 |          | same");
    table("applied 5 as A   | 6-5 - created 100 next - |          | same");
    table("applied 5 as A   | 6-9 - created 200 next 6 |          | recreated");
    table("applied 5 as A   | 6-9 - created 200 next 6 | restored | same");
}

#[test]
fn row_5_another_history() {
    table("applied 5 as A   | 1-9 B created 100 next 6 |          | applied_differs");
    table("applied 5 as A   | 1-9 - created 100 next 6 |          | applied_missing");
    // Before row 6, and whatever is allowed.
    table("applied 5 as A   | 1-9 B created 200 next 6 | restored | applied_differs");
    table("applied 5 as A   | 1-9 - created 200 next 6 | restored | applied_missing");
    table("applied 5 as A   | 1-5 B created 100 next - |          | applied_differs");
    // The last one applied was accepted as lost: only the creation time is left.
    table("applied 5 as ?   | 1-9 - created 100 next 6 |          | same");
    table("applied 5 as ?   | 1-9 B created 200 next 6 |          | recreated");
    table("applied 5 as ?   | 1-9 B created 200 next 6 | restored | same");
}

#[test]
fn row_6_recreated() {
    table("applied 5 as A   | 1-9 A created 100 next 6 |          | same");
    table("applied 5 as A   | 1-9 A created 200 next 6 |          | recreated");
    table("applied 5 as A   | 1-9 A created 200 next 6 | restored | same");
    table("applied 5 as A   | 1-5 A created 100 next - |          | same");
}

#[test]
fn then_holes_right_after_the_applied_message() {
    table("applied 5 as A   | 1-9 A created 100 next 8 |          | gap");
    table("applied 5 as A   | 1-9 A created 100 next 8 | 6-7      | same but 6-7");
    table("applied 0        | 0-3 - created 100 next - |          | gap");
    table("applied 0        | 1-3 - created 100 next 2 |          | gap");
    // At the end of the stream nothing would ever come after the hole.
    table("applied 5 as A   | 1-9 A created 100 next - |          | gap");
    table("applied 5 as A   | 1-9 A created 100 next - | 6-8      | gap");
    table("applied 5 as A   | 1-9 A created 100 next - | 6-9      | same but 6-9");
    table("applied 5 as A   | 1-9 A created 200 next 8 |          | recreated");
}

#[test]
fn a_stream_that_was_never_counted_may_still_come() {
    let verdict = check(&Position::default(), "CHAT", &StreamFacts::Missing, &Allowed::default());
    let Verdict::Fenced(fence) = verdict else { panic!("{verdict:?}") };
    assert_eq!(fence.name(), "missing");
}

/// A stream of another name is another stream, unless it is said to be a copy.
#[test]
fn the_name_is_part_of_the_identity() {
    let StreamFacts::Found(found) = facts("1-9 A created 100 next 6") else { panic!() };
    let identity = StreamIdentity { name: "OTHER".to_owned(), created_ns: 100 };
    let facts = StreamFacts::Found(Found { identity, ..found });
    let position = position("applied 5 as A");
    let verdict = check(&position, "OTHER", &facts, &Allowed::default());
    assert!(matches!(verdict, Verdict::Fenced(fence) if fence.name() == "recreated"));
    let verdict = check(&position, "OTHER", &facts, &allowed("restored"));
    assert_eq!(verdict, Verdict::Same { lost: None });
}

#[test]
fn a_fence_says_the_numbers_and_the_way_out() {
    let verdict =
        check(&position("applied 5 as A"), "CHAT", &facts("9-12 - created 100 next 9"), &allowed(""));
    let Verdict::Fenced(fence) = verdict else { panic!("{verdict:?}") };
    assert_eq!(
        fence.to_string(),
        "the stream begins at sequence 9, but it was counted up to 5: events 6-8 are lost. Restore them, or accept \
         their loss with nats.accepted_gaps = [\"6-8\"]"
    );
}
