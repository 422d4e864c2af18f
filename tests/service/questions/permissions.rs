//! Who may ask is up to the NATS server, and where answers go is not up to who asks.

use std::fs;

use serde_json::json;
use tests::{Nats, PATIENCE, Peer, Service, Settings, until};
use xtask::Options;

use super::{MOMENT, started};
use crate::stream_identity::posts;

const QUESTION: &str = r#"{"users":["bob"]}"#;
const SUBJECT: &str = "chat-ask.demo.badges";

/// The permissions of docs/nats.md, and somebody who may do everything, which is also whoever has no name.
fn as_documented() -> String {
    let page = fs::read_to_string(xtask::root().join("docs/nats.md")).unwrap();
    let (_, block) = page.split_once("<!-- permissions -->\n```\n").expect("the example");
    let (block, _) = block.split_once("\n```").expect("its end");
    let everything = "users: [\n{ user: test, password: test }\n";
    format!("no_auth_user: test\n{}\n", block.replacen("users: [", everything, 1))
}

/// The URL of a server with a login in it.
fn login(nats: &Nats, user: &str, password: &str) -> String {
    nats.url().replace("nats://", &format!("nats://{user}:{password}@"))
}

#[test]
fn a_tenants_servers_ask_about_their_tenant_only() {
    let nats = Nats::without_streams(&Options { configuration: as_documented(), ..Options::default() });
    nats.create_streams();
    posts(&nats, 3);
    // A malformed event, so that everything the service does is tried.
    nats.publish("chat.demo.message.posted", "malformed");
    let mut settings = Settings::new(&nats, &["demo", "other"]);
    settings.set("nats.url", &format!("{:?}", login(&nats, "tallymark", "change-me")));
    settings.set("nats.answer_questions", "true");
    let mut service = Service::start(settings);
    service.ready();
    let demo = Peer::with_login(&nats.url(), ("demo-backend", "change-me-too"), "_INBOX.demo");
    let other = Peer::with_login(&nats.url(), ("other-backend", "change-me-as-well"), "_INBOX.other");
    let reply = until("an answer", || demo.ask(SUBJECT, QUESTION).ok_or_else(|| service.printed()));
    assert_eq!(reply.json()["result"]["totalBadge"], 3);
    let of_other = other.ask("chat-ask.other.badges", QUESTION).expect("an answer");
    assert_eq!(of_other.json()["result"]["totalBadge"], 0);

    // Watched badges go to who may hear them.
    let (mut own, mut of_others) = (demo.listen("chat-badge.demo"), other.listen("chat-badge.demo"));
    assert!(demo.ask("chat-ask.demo.watch", QUESTION).is_some());
    assert_eq!(own.next(PATIENCE).expect("a badge").json()["badge"], 3);
    assert_eq!(of_others.next(MOMENT), None, "others hear a badge");

    // What somebody may not publish arrives nowhere.
    let answered = |service: &Service| service.metrics().sum("tallymark_nats_questions_total");
    // An answer is counted when it is sent.
    std::thread::sleep(MOMENT);
    let before = answered(&service);
    other.send(SUBJECT, "_INBOX.other.1", QUESTION);
    other.send("chat-ask.demo.other.badges", "_INBOX.other.1", QUESTION);
    let mut overheard = other.listen("_INBOX.>");
    assert!(demo.ask(SUBJECT, QUESTION).is_some());
    assert_eq!(overheard.next(MOMENT), None, "others hear the answer");
    until("one question more", || match answered(&service) - before {
        1 => Ok(()),
        0 => Err("none"),
        _ => panic!("another tenant's server was answered"),
    });
    until("the copy of what is malformed", || match nats.count(Nats::DEAD) {
        1 => Ok(()),
        _ => Err(service.printed()),
    });
    let log = service.printed();
    assert!(!log.to_lowercase().contains("permissions violation"), "the service lacks a right: {log}");
    assert_eq!(service.terminate().code, Some(0));
}

#[test]
fn an_answer_is_no_event_and_no_order() {
    let nats = Nats::start();
    posts(&nats, 3);
    let (service, peer) = started(&nats, &[]);
    let last = nats.last_sequence(Nats::STREAM);
    let refused = || service.metrics().with("tallymark_nats_questions_total", "code", "REPLY_REFUSED");
    for reply in ["chat.demo.user.deleted", "chat-ask.other.badges", "$JS.API.STREAM.PURGE.CHAT"] {
        let before = refused();
        peer.send(SUBJECT, reply, QUESTION);
        until("a question that is not answered", || match refused() - before {
            1 => Ok(()),
            other => Err(other),
        });
    }
    // What came before it is done with.
    assert_eq!(peer.ask(SUBJECT, QUESTION).unwrap().json()["result"]["totalBadge"], 3);
    assert_eq!(nats.last_sequence(Nats::STREAM), last);
    assert_eq!(nats.count(Nats::STREAM), last, "the stream was purged");
}

#[test]
fn a_stream_that_holds_questions_is_told() {
    let nats = Nats::start();
    nats.create_stream("ALL", &["chat-ask.>"]);
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("nats.answer_questions", "true");
    let service = Service::start(settings);
    until("an error in the log", || {
        let log = service.printed();
        let line = log.lines().find(|line| line.contains("chat-ask.*.>") && line.contains("ERROR"));
        line.map(|_| ()).ok_or(log.clone())
    });
}

#[test]
fn a_service_that_may_not_subscribe_counts_on() {
    let configuration = "authorization { users: [
        { user: test, password: test },
        { user: mute, password: mute, permissions: { subscribe: { deny: [\"chat-ask.>\"] } } }
    ] }\nno_auth_user: test\n";
    let options = Options { configuration: configuration.to_owned(), ..Options::default() };
    let nats = Nats::without_streams(&options);
    nats.create_streams();
    posts(&nats, 3);
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("nats.url", &format!("{:?}", login(&nats, "mute", "mute")));
    settings.set("nats.answer_questions", "true");
    let mut service = Service::start(settings);
    service.ready();
    until("the reason in the log", || {
        let log = service.printed();
        let told = log.to_lowercase().contains("permissions violation for subscription");
        if told { Ok(()) } else { Err(log) }
    });
    assert_eq!(service.badge("demo", "bob", &[]).count, 3);
    let peer = Peer::connect(&nats.url());
    assert_eq!(peer.ask(SUBJECT, json!({ "users": ["bob"] }).to_string()), None);
}
