//! What must not be lost, doubled or mixed up when another generation takes the place of the one in use.

use std::fs;

use tests::{Nats, Service, Settings, home, until};

use crate::operator::{json, run};
use crate::rebuild::{TOKEN, generation};
use crate::stream_identity::{post, posts};

fn counting(nats: &Nats) -> Service {
    posts(nats, 5);
    let mut settings = Settings::new(nats, &["demo"]);
    settings.set("http.operator_token", TOKEN);
    let mut service = Service::start(settings);
    service.ready();
    service
}

#[test]
fn malformed_events_are_not_copied_again_though_the_copies_are_gone() {
    let nats = Nats::start();
    let mut service = counting(&nats);
    let malformed = |count: u64| {
        for _ in 0..count {
            nats.publish("chat.demo.message.posted", "nonsense");
        }
    };
    malformed(3);
    until("the copies", || if nats.count(Nats::DEAD) == 3 { Ok(()) } else { Err("fewer") });
    nats.purge_before(Nats::DEAD, 4);
    run(&service, &["rebuild", "--activate"]).with(0, "answers come from generation 2 now");
    malformed(1);
    until("the copy", || if nats.count(Nats::DEAD) > 0 { Ok(()) } else { Err("none") });
    service.applied(nats.last_sequence(Nats::STREAM));
    until("no letter that waits", || {
        let waiting = service.metrics().sum("tallymark_dead_letters_waiting");
        if waiting == 0 { Ok(()) } else { Err(waiting) }
    });
    assert_eq!(nats.count(Nats::DEAD), 1);
    // Nor by the next process.
    assert_eq!(service.terminate().code, Some(0));
    service.restart();
    service.ready();
    service.applied(post(&nats, "one more"));
    assert_eq!(nats.count(Nats::DEAD), 1);
}

#[test]
fn rollback_goes_to_the_one_that_was_in_use_last() {
    let nats = Nats::start();
    let service = counting(&nats);
    run(&service, &["rebuild", "--activate"]).with(0, "generation 2");
    run(&service, &["generations", "rollback"]).with(0, "generation 1");
    run(&service, &["rebuild", "--activate"]).with(0, "generation 3");
    run(&service, &["generations", "rollback"]).with(0, "generation 1");
    run(&service, &["generations", "rollback"]).with(0, "generation 3");
    assert_eq!(generation(&service), 3);
}

#[test]
fn a_snapshot_is_restored_where_nothing_is_yet() {
    let nats = Nats::start();
    let service = counting(&nats);
    let written = json(&service, &["snapshot", "create"]);
    let file = service.settings_file().parent().unwrap().join(written[0]["file"].as_str().unwrap());
    let mut other = Service::at(service.settings.clone(), home());
    run(&other, &["snapshot", "restore", file.to_str().unwrap(), "--activate"])
        .with(0, "the next start uses generation 1");
    other.restart();
    assert_eq!(other.loaded(), 6);
    other.ready();
    assert_eq!(other.badge("demo", "bob", &[]).count, 5);
    // As is a rebuild.
    let third = Service::at(service.settings.clone(), home());
    assert_eq!(json(&third, &["rebuild"])["applied_sequence"], 6);
}

/// No event comes after the switch, and yet there is a snapshot of the new policy, besides one of the old.
#[test]
fn a_lost_store_is_recovered_by_the_policy_it_was_counted_by() {
    let nats = Nats::start();
    let mut service = counting(&nats);
    assert_eq!(service.terminate().code, Some(0));
    service.settings.set("policy.own_messages", "\"mark_read\"");
    run(&service, &["rebuild", "--activate"]).with(0, "the next start uses generation 2");
    service.restart();
    service.ready();
    assert_eq!(service.terminate().code, Some(0));
    let marker = service.data_dir().join("generations/2/marker");
    fs::write(marker, format!("{:<512}", "dirty for a test\n")).unwrap();
    service.restart();
    assert_eq!(service.loaded(), 6);
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 5);
}
