//! Whoever wants to know of each event is told when it can be seen.

use std::sync::mpsc::Sender;

use counters::{Applied, MutedRooms, Outcome, Reader};
use events::Event;

use super::{Desk, JOINED, delivered, posted};

/// Notes what was told, and what there was to be seen at that moment.
pub(super) fn tell(told: Sender<String>, reader: Reader) -> impl Fn(&Event<'_>, &Applied) + Send + Sync {
    move |event, applied| {
        let badge = reader.badge("demo", "bob", &[], MutedRooms::Count);
        let changed = if applied.outcome == Outcome::Changed { "" } else { ", unchanged" };
        let kind = event.body.kind().as_str();
        // Nobody listens any more when a test ends.
        let _ = told.send(format!("{kind}: {} at {}{changed}", badge.count, badge.applied));
    }
}

#[test]
fn an_event_is_told_when_it_is_visible_and_claimed() {
    let mut desk = Desk::new();
    desk.begin(None, 5);
    desk.send(vec![
        delivered(1, 1, 4, JOINED),
        delivered(2, 2, 3, &posted(1)),
        delivered(3, 3, 2, "message.posted nonsense"),
        delivered(4, 4, 1, &posted(1)),
        delivered(5, 5, 0, &posted(2)),
    ]);
    assert_eq!(desk.badge(), 2);
    let told: Vec<_> = desk.told.try_iter().collect();
    let expected = [
        "room.joined: 0 at 1",
        "message.posted: 1 at 2",
        "message.posted: 1 at 4, unchanged",
        "message.posted: 2 at 5",
    ];
    assert_eq!(told, expected);
}
