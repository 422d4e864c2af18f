//! Cursors above 65,535, which take four bytes: in rooms with more messages than any history here has.

use std::sync::Arc;

use counters::{Counters, MemberFact, Policies, Restore, RoomFact, RoomIndex, UserIndex};
use oracle::script::{Script, TENANT};

use crate::model::Model;

/// Ann is in three rooms with 10 messages each but `r1`, which has `head`. She has read all but 3, `head - cursor` and 1.
fn model(head: u32, cursor: u32) -> Model {
    let mut restore = Restore::new(Counters::new(Policies::default()), RoomIndex(1), UserIndex(1));
    let mut members = Vec::new();
    for (index, (room, head, cursor)) in (0..).zip([("r0", 10, 7), ("r1", head, cursor), ("r2", 10, 9)]) {
        let fact = RoomFact { head, posted: head.into(), time: 0, tags: Arc::new([]) };
        restore.room(RoomIndex(index), TENANT, room, &fact).unwrap();
        members.push((RoomIndex(index), MemberFact { cursor, muted: false }));
    }
    restore.user(UserIndex(0), TENANT, "ann", &mut members).unwrap();
    Model::of(restore.finish(1, RoomIndex(3)))
}

#[test]
fn cursors_are_exact_below_and_above_65_535() {
    for (head, cursor, text) in [
        // As stored.
        (65_535, 65_535, "| ann 4, ann@r1 0"),
        (65_536, 65_535, "| ann 5, ann@r1 1"),
        (65_537, 65_536, "| ann 5, ann@r1 1"),
        (70_000, 12, "| ann 69992, ann@r1 69988"),
        // A cursor moves beyond, and back.
        (65_535, 65_535, "posted r1 m by bob; read r1 ann | ann 4, ann@r0 3, ann@r1 0, ann@r2 1"),
        (65_535, 65_530, "posted r1 m by bob; posted r1 n by bob; read r1 ann upto m | ann 5, ann@r1 1"),
        (
            65_535,
            65_530,
            "posted r1 m by bob; posted r1 n by bob; read r1 ann; unread r1 ann from m | ann 6, ann@r0 3, ann@r1 2, ann@r2 1",
        ),
        // Rooms are joined and left beside it, with own messages in some.
        (
            70_000,
            69_999,
            "joined r3 ann; posted r3 m by bob; joined r1 bob | ann 6, ann@r1 1, ann@r3 1, bob 0",
        ),
        (70_000, 69_999, "left r0 ann; posted r1 m by ann; posted r1 n by bob | ann 3, ann@r1 2, ann@r2 1"),
        (70_000, 69_999, "left r1 ann; posted r2 m by ann; posted r2 n by bob | ann 5, ann@r0 3, ann@r2 2"),
        (70_000, 69_999, "left r2 ann; joined r1 bob history all | ann 4, bob 70000"),
        (70_000, 69_999, "room_deleted r1; joined r4 ann,bob; posted r4 m by ann | ann 4, bob 1"),
        (70_000, 3, "muted r1 ann; joined r1 bob | ann 70001, ann skip_muted 4, bob 0"),
    ] {
        let script = Script::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut model = model(head, cursor);
        for step in &script.steps {
            model.apply(&step.event, step.stored_ms);
        }
        for expected in &script.expectations {
            let place = format!("head {head}, cursor {cursor}: {text}");
            assert_eq!(model.answer(&expected.question), expected.answer, "{place}\nexpected `{expected}`");
        }
    }
}
