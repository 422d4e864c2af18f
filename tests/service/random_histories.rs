//! Random histories of every kind of event, in both encodings, under each policy.

use events::{Prefix, encode_json, encode_message_pack};
use oracle::history::{History, ROOMS, TAGS, TENANTS, USERS, Variant};
use oracle::{Filter, OwnMessages};
use tests::{Nats, Recount, Service, Settings};

const LENGTH: usize = 3_000;

/// The first history after this seed that has all tenants, rooms and users.
pub(crate) fn full_history(seed: u64, length: usize, variant: Variant) -> History {
    let mut histories = (seed..).map(|seed| History::generate(seed, length, variant));
    let has_all = |history: &History| {
        let text = format!("{:?}", &history.events[..length.min(1_000)]);
        let names = TENANTS.iter().chain(&ROOMS).chain(&USERS);
        names.into_iter().all(|name| text.contains(&format!("\"{name}\"")))
    };
    histories.find(has_all).unwrap()
}

/// The settings under which that history is to be counted.
pub(crate) fn settings(nats: &Nats, history: &History) -> Settings {
    let mut settings = Settings::new(nats, &TENANTS);
    settings.set("policy.message_window", &history.policies.message_window.to_string());
    let own_messages = match history.policies.own_messages {
        OwnMessages::Exclude => "\"exclude\"",
        OwnMessages::MarkRead => "\"mark_read\"",
    };
    settings.set("policy.own_messages", own_messages);
    settings
}

/// Each event as it is published, one in JSON, the next in MessagePack.
pub(crate) fn messages(history: &History) -> Vec<(String, Vec<u8>)> {
    let prefix = Prefix::new("chat").unwrap();
    let encoded = history.events.iter().enumerate().map(|(place, (event, _))| {
        let encode = if place % 2 == 0 { encode_json } else { encode_message_pack };
        (prefix.event(event.tenant, event.body.kind()), encode(&event.body))
    });
    encoded.collect()
}

/// Checks everybody's badge, former members' too, with every set of tags.
#[track_caller]
pub(crate) fn check(recount: &Recount, service: &Service) {
    let sets = (0..1 << TAGS.len()).map(|set: usize| {
        let chosen = TAGS.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1);
        chosen.map(|(_, tag)| *tag).collect()
    });
    let mut sets: Vec<Vec<&str>> = sets.collect();
    sets.push(vec!["unknown"]);
    let sum: u64 = TENANTS.iter().map(|tenant| recount.check(service, tenant, &USERS, &sets)).sum();
    assert!(sum > 0, "nothing is unread");
}

/// Checks everything else that can be asked about everybody; returns how many mentions are unread.
#[track_caller]
fn check_family(recount: &Recount, service: &Service) -> u64 {
    let filters =
        [&[][..], &TAGS[..1], &TAGS[..2], &["b", "unknown"]].into_iter().flat_map(|tags| {
            [(false, &[][..]), (true, &[]), (false, &["c"]), (true, &["a", "unknown"])]
                .map(|(any, not)| Filter { tags, any, not })
        });
    let filters: Vec<_> = filters.collect();
    TENANTS.iter().map(|tenant| recount.check_family(service, tenant, &USERS, &filters)).sum()
}

fn counts_as_the_judge(variant: Variant, muted_rooms: &str) {
    let history = full_history(7, LENGTH, variant);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("policy.muted_rooms", &format!("{muted_rooms:?}"));
    let mut service = Service::start(settings);
    let mut recount = Recount::new(history.policies);
    if muted_rooms == "skip" {
        recount = recount.skipping_muted_rooms();
    }
    let messages = messages(&history);
    // At several lengths of the history, because a late event may hide what an early one spoiled.
    let pieces = LENGTH / 6;
    let mut mentions = 0;
    for (events, messages) in history.events.chunks(pieces).zip(messages.chunks(pieces)) {
        nats.publish_all(messages.iter().cloned());
        for (event, _) in events {
            recount.hear(event);
        }
        service.applied(nats.last_sequence(Nats::STREAM));
        service.ready();
        check(&recount, &service);
        mentions += check_family(&recount, &service);
    }
    assert!(mentions > 0, "nobody is mentioned");
    let metrics = service.metrics();
    assert_eq!(metrics.sum("tallymark_events_total"), LENGTH as u64);
    assert_eq!(metrics.sum("tallymark_events_malformed_total"), 0);
}

#[test]
fn under_the_default_policies() {
    counts_as_the_judge(Variant::Default, "count");
}

#[test]
fn with_own_messages_marking_as_read() {
    counts_as_the_judge(Variant::MarkRead, "skip");
}

#[test]
fn with_a_small_window() {
    counts_as_the_judge(Variant::SmallWindow, "count");
}
