//! The server comes, goes and comes back with the same stream: counting goes on.

use tests::{Nats, Service, Settings};

pub(crate) const POSTED: &str = "chat.demo.message.posted";

pub(crate) fn post(nats: &Nats, message: &str) -> u64 {
    nats.publish(POSTED, format!(r#"{{"room":"r1","message":"{message}","sender":"ann"}}"#))
}

/// Bob joins a room in which ann posts so many messages.
pub(crate) fn posts(nats: &Nats, count: usize) {
    nats.publish("chat.demo.room.joined", r#"{"room":"r1","users":["bob"]}"#);
    for number in 0..count {
        post(nats, &format!("m{number}"));
    }
}

/// The service refuses badges, for this reason, with a detail that has this text.
#[track_caller]
pub(crate) fn refuses(service: &mut Service, reason: &str, detail: &str) {
    service.readiness(&format!("{reason}, {detail}"), |said| {
        said["reason"] == reason && said["detail"].as_str().is_some_and(|said| said.contains(detail))
    });
    let refusal = service.ask("demo", "bob", &[]);
    assert_eq!((refusal.status, refusal.error_code().as_str()), (503, "NOT_READY"), "{refusal:?}");
    assert!(
        refusal.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()),
        "{refusal:?}"
    );
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let mut nats = Nats::start();
    posts(&nats, 3);
    nats.kill();
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    refuses(&mut service, "connecting", "");
    nats.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 3);

    // Once ready, it answers on, and says how far.
    for number in 0..2 {
        let before = service.badge("demo", "bob", &[]);
        nats.kill();
        let said = service.readiness("no connection", |said| said["connected"] == false);
        assert_eq!(said["ready"], true, "{said}");
        assert_eq!(service.badge("demo", "bob", &[]), before);
        nats.restart();
        let last = post(&nats, &format!("after {number}"));
        service.applied(last);
        service.ready();
        let after = service.badge("demo", "bob", &[]);
        assert_eq!((after.count, after.sequence), (before.count + 1, last));
    }

    // Without a server there is nothing to confirm the stream with.
    nats.kill();
    service.kill();
    service.restart();
    refuses(&mut service, "connecting", "");
    nats.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 5);
}

#[test]
fn streams_are_made_where_the_settings_say_so() {
    let nats = Nats::without_streams(&xtask::Options::default());
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("nats.create_stream", "true");
    let mut service = Service::start(settings);
    service.ready();
    posts(&nats, 2);
    nats.publish(POSTED, "malformed");
    service.applied(4);
    assert_eq!(service.badge("demo", "bob", &[]).count, 2);
    tests::until("the dead letter", || match nats.count(Nats::DEAD) {
        1 => Ok(()),
        other => Err(format!("{other} dead letters")),
    });

    // Never when there is a checkpoint: an empty stream in its place would be another history.
    service.terminate();
    nats.delete_stream(Nats::STREAM);
    service.restart();
    refuses(&mut service, "fenced", "no stream \"CHAT\"");
}
