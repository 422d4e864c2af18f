//! Where the applier stands still, and what it does not do on standby.

use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::Mutex;

use super::*;

/// At each of these sequences, what had been counted.
type Seen = Arc<Mutex<Vec<(u64, u64)>>>;

/// Stands still at these sequences, and ends at the last.
fn standing_at(sequences: &[u64]) -> (Until, Seen) {
    let seen = Seen::default();
    let (noted, mut rest) = (seen.clone(), sequences[1..].to_vec());
    rest.reverse();
    let reached = move |counters: &counters::Counters| {
        let badge = counters.reader().badge("demo", "bob", &[], MutedRooms::Count).count;
        noted.lock().push((counters.applied(), badge));
        rest.pop()
    };
    (Until { sequence: sequences[0], reached: Box::new(reached) }, seen)
}

fn messages(numbers: RangeInclusive<u64>, last: u64) -> Vec<Delivered> {
    let body = |number| if number == 1 { JOINED.to_owned() } else { posted(number) };
    numbers.map(|number| delivered(number, number, last - number, &body(number))).collect()
}

#[test]
fn nothing_beyond_is_applied_when_it_stands_still() {
    for (sequences, seen_there, ended_at) in [
        (&[1][..], &[(1, 0)][..], 1),
        (&[5], &[(5, 4)], 5),
        (&[8], &[(8, 7)], 8),
        (&[2, 3, 8], &[(2, 1), (3, 2), (8, 7)], 8),
        (&[0, 4], &[(0, 0), (4, 3)], 4),
        // What is passed already is the end.
        (&[3, 3, 8], &[(3, 2)], 3),
    ] {
        let (until, seen) = standing_at(sequences);
        let mut desk = Desk::with(TempDir::new().unwrap(), Vec::new(), Duty::Live, Some(until));
        desk.begin(None, 8);
        desk.send(messages(1..=3, 8));
        desk.send(messages(4..=8, 8));
        assert_eq!(desk.halt(), Some(Halt::Reached), "{sequences:?}");
        assert_eq!(*seen.lock(), seen_there);
        assert_eq!(desk.position().applied, ended_at);
    }
}

#[test]
fn a_missing_sequence_is_where_the_one_before_it_is() {
    // Within the gap, and at its end.
    let (until, seen) = standing_at(&[3, 7]);
    let gaps = vec![Gap { first: 3, last: 5 }];
    let mut desk = Desk::with(TempDir::new().unwrap(), gaps, Duty::Live, Some(until));
    desk.begin(None, 8);
    desk.send(messages(1..=2, 8));
    let after_the_gap = [(6, 3), (7, 4), (8, 5)];
    let after_the_gap =
        after_the_gap.map(|(stream, place)| delivered(stream, place, 8 - stream, &posted(stream)));
    desk.send(after_the_gap.to_vec());
    assert_eq!(desk.halt(), Some(Halt::Reached));
    assert_eq!(*seen.lock(), [(5, 1), (7, 3)]);
}

/// A connection that is lost at the wrong moment begins another session.
#[test]
fn the_end_is_told_once_and_stays_the_end() {
    let (until, seen) = standing_at(&[2]);
    let mut desk = Desk::with(TempDir::new().unwrap(), Vec::new(), Duty::Live, Some(until));
    desk.begin(None, 4);
    desk.send(messages(1..=4, 4));
    assert_eq!(desk.halt(), Some(Halt::Reached));
    desk.begin(None, 4);
    desk.send(vec![delivered(3, 1, 1, &posted(3))]);
    assert_eq!(desk.halt(), Some(Halt::Reached));
    assert_eq!((desk.position().applied, seen.lock().len()), (2, 1));
}

#[test]
fn what_is_reached_already_ends_before_anything_is_applied() {
    let mut desk = Desk::new();
    desk.begin(None, 2);
    desk.send(messages(1..=2, 2));
    let (dir, gaps) = desk.stop();
    let (until, seen) = standing_at(&[1]);
    let mut desk = Desk::with(dir, gaps, Duty::Live, Some(until));
    desk.begin(None, 3);
    desk.send(vec![delivered(3, 1, 0, &posted(3))]);
    assert_eq!(desk.halt(), Some(Halt::Reached));
    assert_eq!(*seen.lock(), [(2, 1)]);
    assert_eq!(desk.badge(), 1);
}

#[test]
fn on_standby_no_snapshot_is_written() {
    for (duty, written) in [(Duty::Standby, 0), (Duty::Live, 1)] {
        let mut desk = Desk::with(TempDir::new().unwrap(), Vec::new(), duty, None);
        desk.begin(None, 2);
        desk.send(messages(1..=2, 2));
        let (dir, _) = desk.stop();
        assert_eq!(open(&dir).0.snapshots().len(), written, "{duty:?}");
    }
}
