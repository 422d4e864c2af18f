//! Dead letters wait in the store until they are said to be stored elsewhere.

use counters::Policies;
use store::DeadLetter;

use crate::run::{Run, options};

fn letter(sequence: u64) -> DeadLetter {
    DeadLetter {
        sequence,
        subject: "chat.demo.message.posted".to_owned(),
        dead_subject: "chat-dead.demo.message.posted".to_owned(),
        reason: "undecodable".to_owned(),
        detail: "the body begins with 0x00".to_owned(),
        length: 100_000,
        body: vec![0; 65_536],
        stored_at_ns: 1_700_000_000_000_000_000,
    }
}

#[test]
fn a_dead_letter_waits_from_its_commit_until_it_is_stored_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), Policies::default());
    let mut run = Run::open(&options).unwrap();
    let outbox = run.store.outbox();
    for sequence in [5, 9] {
        run.counters.advance(sequence);
        run.store.add_dead_letter(&letter(sequence));
    }
    assert!(run.store.pending_bytes(&run.counters) > 2 * 65_536);
    assert_eq!(outbox.waiting(), 2);
    let nothing_durable = run.store.durable().sequence();
    assert_eq!(outbox.committed(nothing_durable, 10).unwrap(), [], "a crash could still undo them");
    run.commit();
    drop((run, outbox));

    let mut run = Run::open(&options).unwrap();
    let outbox = run.store.outbox();
    assert_eq!(outbox.committed(9, 10).unwrap(), [letter(5), letter(9)]);
    assert_eq!(outbox.committed(9, 1).unwrap(), [letter(5)]);
    assert_eq!(outbox.committed(8, 10).unwrap(), [letter(5)]);
    outbox.stored(5);
    assert_eq!(outbox.committed(9, 10).unwrap(), [letter(9)]);
    run.commit();
    drop((run, outbox));

    let run = Run::open(&options).unwrap();
    assert_eq!(run.store.outbox().committed(9, 10).unwrap(), [letter(9)]);
}
