//! `/badges/byRoomTagsAndTime` on random histories, with the times at which the stream stored them.

use oracle::history::{TAGS, TENANTS, USERS, Variant};
use tests::{BeforeTimes, Nats, Recount, Service};

use crate::random_histories::{full_history, messages, settings};

const LENGTH: usize = 1_500;
/// So many times are asked for.
const TIMES: usize = 12;

fn answers_as_the_judge(variant: Variant, muted_rooms: &str, id_cache_bytes: u64) -> BeforeTimes {
    // The first after 30 that ends with unread messages in tagged rooms, which many do not.
    let history = full_history(31, LENGTH, variant);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("policy.muted_rooms", &format!("{muted_rooms:?}"));
    settings.set("store.id_cache_bytes", &id_cache_bytes.to_string());
    let mut service = Service::start(settings);
    nats.publish_all(messages(&history));
    service.applied(nats.last_sequence(Nats::STREAM));
    service.ready();
    let mut recount = Recount::new(history.policies);
    if muted_rooms == "skip" {
        recount = recount.skipping_muted_rooms();
    }
    for ((event, _), stored) in history.events.iter().zip(nats.messages(Nats::STREAM)) {
        recount.hear_at(event, stored.stored_ms);
    }
    let lists = [&[][..], &TAGS[..1], &TAGS[..2], &["c", "unknown"]];
    let mut all = BeforeTimes::default();
    for tenant in TENANTS {
        let times = recount.times(tenant, TIMES);
        let found = recount.check_before_times(&service, (tenant, &USERS), &lists, &times);
        all.unread += found.unread;
        all.too_old += found.too_old;
    }
    all
}

#[test]
fn when_every_time_is_remembered() {
    let found = answers_as_the_judge(Variant::Default, "count", 256 << 20);
    assert!(found.unread > 100 && found.too_old == 0, "{found:?}");
}

#[test]
fn when_most_times_are_forgotten() {
    let found = answers_as_the_judge(Variant::SmallWindow, "skip", 65_536);
    assert!(found.unread > 10 && found.too_old > 10, "{found:?}");
}
