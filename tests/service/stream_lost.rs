//! A stream that is not the one that was counted is never counted on: the service says so instead.

use tests::{Nats, Service, Settings};
use xtask::Signal;

use crate::stream_identity::{post, posts, refuses};

/// A service that has counted ten messages.
fn counted() -> (Nats, Service) {
    let nats = Nats::start();
    posts(&nats, 10);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 10);
    service.durable(11);
    (nats, service)
}

/// Something happens to the stream while the service runs, and it refuses.
#[track_caller]
fn fenced_while_running(detail: &str, event: impl FnOnce(&mut Nats)) {
    let (mut nats, mut service) = counted();
    event(&mut nats);
    refuses(&mut service, "fenced", detail);
    // Also for the next process.
    service.kill();
    service.restart();
    refuses(&mut service, "fenced", detail);
    assert_eq!(service.metrics().sum("tallymark_events_total"), 0);
}

/// The same, while the service does not run.
#[track_caller]
fn fenced_at_start(detail: &str, event: impl FnOnce(&mut Nats)) -> (Nats, Service) {
    let (mut nats, mut service) = counted();
    assert_eq!(service.terminate().code, Some(0));
    event(&mut nats);
    service.restart();
    refuses(&mut service, "fenced", detail);
    (nats, service)
}

#[test]
fn a_stream_deleted() {
    fenced_while_running("no stream \"CHAT\", which was counted up to sequence 11", |nats| {
        nats.delete_stream(Nats::STREAM);
    });
}

#[test]
fn a_stream_recreated_with_other_events() {
    fenced_while_running("another history", |nats| {
        nats.delete_stream(Nats::STREAM);
        nats.create_stream(Nats::STREAM, &["chat.>"]);
        posts(nats, 20);
    });
}

#[test]
fn a_stream_recreated_and_shorter() {
    fenced_while_running("it was truncated or recreated", |nats| {
        nats.delete_stream(Nats::STREAM);
        nats.create_stream(Nats::STREAM, &["chat.>"]);
        posts(nats, 3);
    });
}

/// The one case in which another stream is the one that was counted.
#[test]
fn a_copy_of_the_stream_is_counted_on_if_the_operator_says_so() {
    let (nats, mut service) = counted();
    post(&nats, "before the copy");
    service.applied(12);
    service.terminate();
    nats.create_mirror("COPY", Nats::STREAM);
    service.settings.set("nats.stream", "\"COPY\"");
    service.restart();
    refuses(&mut service, "fenced", "If it is a restored copy or a promoted mirror");
    assert_eq!(service.metrics().with("tallymark_fenced", "reason", "recreated"), 1);
    service.kill();

    service.settings.set("nats.allow_restored_stream", "true");
    service.restart();
    service.ready();
    assert_eq!(service.loaded(), 12);
    post(&nats, "after it");
    service.applied(13);
    assert_eq!(service.badge("demo", "bob", &[]).count, 12);
    service.terminate();

    // From then on it is the stream that was counted.
    service.settings.set("nats.allow_restored_stream", "false");
    service.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 12);
}

/// What the operator says holds for a copy only: not for another history under the same name.
#[test]
fn another_history_is_not_counted_on_whatever_the_operator_says() {
    let (nats, mut service) = counted();
    service.terminate();
    nats.delete_stream(Nats::STREAM);
    nats.create_stream(Nats::STREAM, &["chat.>"]);
    posts(&nats, 20);
    service.settings.set("nats.allow_restored_stream", "true");
    service.restart();
    refuses(&mut service, "fenced", "another history");
}

#[test]
fn a_server_that_comes_back_without_its_store() {
    fenced_while_running("no stream \"CHAT\", which was counted up to sequence 11", |nats| {
        nats.wipe();
        nats.restart();
    });
}

#[test]
fn a_server_that_comes_back_with_other_events() {
    fenced_while_running("another history", |nats| {
        nats.wipe();
        nats.restart();
        nats.create_stream(Nats::STREAM, &["chat.>"]);
        posts(nats, 20);
    });
}

#[test]
fn events_purged_while_the_service_stood_still() {
    let (mut nats, mut service) = counted();
    // So that nothing is on its way to it.
    service.signal(Signal::STOP);
    nats.kill();
    nats.restart();
    for number in 0..5 {
        post(&nats, &format!("later {number}"));
    }
    nats.purge_before(Nats::STREAM, 15);
    service.signal(Signal::CONT);
    refuses(&mut service, "fenced", "events 12-14 are lost");
}

#[test]
fn events_purged_before_they_were_counted() {
    let (nats, mut service) = fenced_at_start("events 12-14 are lost", |nats| {
        for number in 0..5 {
            post(nats, &format!("later {number}"));
        }
        nats.purge_before(Nats::STREAM, 15);
    });
    // What was counted already may go.
    service.terminate();
    service.settings.set("nats.accepted_gaps", "[\"12-14\"]");
    service.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 12);
    nats.purge_before(Nats::STREAM, 16);
    let last = post(&nats, "last");
    service.applied(last);
    assert_eq!(service.badge("demo", "bob", &[]).count, 13);
}

#[test]
fn a_hole_within_the_stream() {
    let (nats, mut service) = fenced_at_start("messages 13-14 are missing", |nats| {
        for number in 0..5 {
            post(nats, &format!("later {number}"));
        }
        nats.delete_message(Nats::STREAM, 13);
        nats.delete_message(Nats::STREAM, 14);
    });
    assert_eq!(service.metrics().with("tallymark_fenced", "reason", "gap"), 1);

    // Another hole than the one named.
    service.kill();
    service.settings.set("nats.accepted_gaps", "[\"12-13\"]");
    service.restart();
    refuses(&mut service, "fenced", "messages 13-14 are missing");

    service.kill();
    service.settings.set("nats.accepted_gaps", "[\"13-14\"]");
    service.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 13);
    assert_eq!(service.metrics().sum("tallymark_fenced"), 0);
    let last = post(&nats, "last");
    service.applied(last);
    assert_eq!(service.badge("demo", "bob", &[]).count, 14);

    // The hole is behind the checkpoint then, and need not be named any more.
    service.terminate();
    service.settings.set("nats.accepted_gaps", "[]");
    service.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 14);
}
