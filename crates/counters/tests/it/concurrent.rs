//! Readers while the writer goes on: every answer is one that was right at some moment it claims.

use std::sync::atomic::{AtomicBool, Ordering};

use counters::{MutedRooms, Policies};
use oracle::script::Script;

use crate::model::Model;

/// Ann is the only one who posts; half of what she posts is recalled before it is posted. So the
/// truth never changes for her, and for Bob only by whole steps.
#[test]
fn nobody_ever_sees_half_of_an_event() {
    let mut model = Model::new(Policies::default());
    for step in Script::parse("tagged r1 a,b; joined r1 ann,bob").unwrap().steps {
        model.apply(&step.event, step.stored_ms);
    }
    let done = AtomicBool::new(false);
    let reader = model.reader.clone();
    std::thread::scope(|scope| {
        let watch = |user: &'static str, tags: &'static [&'static str]| {
            let (reader, done) = (reader.clone(), &done);
            scope.spawn(move || {
                let (mut asked, mut last) = (0u64, 0);
                while !done.load(Ordering::Relaxed) {
                    let badge = reader.badge("t", user, tags, MutedRooms::Count);
                    if user == "ann" {
                        assert_eq!(badge.count, 0, "an own or recalled message was counted for a moment");
                    }
                    // Of every two messages from the third event on, one is recalled beforehand.
                    let least = badge.applied.saturating_sub(2) / 3;
                    let most = reader.applied().saturating_sub(2) / 3 + 1;
                    let possible = user == "ann" || (least..=most).contains(&badge.count);
                    assert!(possible, "{} at {}, expected {least} to {most}", badge.count, badge.applied);
                    assert!(badge.applied >= last, "the applied sequence went back");
                    last = badge.applied;
                    asked += 1;
                }
                asked
            })
        };
        let watchers = [watch("ann", &[]), watch("bob", &[]), watch("bob", &["a", "b"])];
        for number in 0..40_000 {
            let text = format!(
                "recalled r1 recalled{number}; posted r1 recalled{number} by ann; posted r1 kept{number} by ann"
            );
            for step in Script::parse(&text).unwrap().steps {
                model.apply(&step.event, step.stored_ms);
            }
        }
        done.store(true, Ordering::Relaxed);
        for watcher in watchers {
            assert!(watcher.join().unwrap() > 0, "the reader was never asked");
        }
    });
    assert_eq!(model.badge("t", "bob", &[], false), 40_000);
}
