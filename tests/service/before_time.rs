//! `/badges/byRoomTagsAndTime` on random histories, with the times at which the stream stored them.

use std::collections::BTreeSet;

use oracle::Oracle;
use oracle::history::{TAGS, TENANTS, USERS, Variant};
use serde_json::json;
use tests::{Nats, Service};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::random_histories::{full_history, messages, settings};

const LENGTH: usize = 1_500;
/// So many times are asked for, with the next millisecond each.
const TIMES: usize = 12;

/// Returns how many questions were answered, and how many went too far back.
fn answers_as_the_judge(variant: Variant, muted_rooms: &str, id_cache_bytes: u64) -> (usize, usize) {
    let history = full_history(31, LENGTH, variant);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("policy.muted_rooms", &format!("{muted_rooms:?}"));
    settings.set("store.id_cache_bytes", &id_cache_bytes.to_string());
    let mut service = Service::start(settings);
    nats.publish_all(messages(&history));
    service.applied(nats.last_sequence(Nats::STREAM));
    service.ready();
    let mut oracle = Oracle::new(history.policies);
    for ((event, _), stored) in history.events.iter().zip(nats.messages(Nats::STREAM)) {
        oracle.apply(event, stored.stored_ms);
    }
    let asker = service.asker();
    let (mut answered, mut too_old) = (0, 0);
    for tenant in TENANTS {
        for before_ms in times(&oracle, tenant) {
            let nanoseconds = i128::from(before_ms) * 1_000_000;
            let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap();
            let time = time.format(&Rfc3339).unwrap();
            for user in USERS {
                for tags in [&[][..], &TAGS[..1], &TAGS[..2], &["c", "unknown"]] {
                    let skip_muted = muted_rooms == "skip";
                    let expected = oracle.by_tags_before(tenant, user, tags, skip_muted, before_ms);
                    let body = json!({ "tags": tags, "beforeTime": time });
                    let found = asker.try_post("/badges/byRoomTagsAndTime", &body, tenant, user);
                    let place = format!("{tenant} {user} {body}: {found:?}");
                    match expected {
                        Some((total, parts)) => {
                            assert_eq!(found.status, 200, "{place}");
                            let expected = json!({ "totalBadge": total, "data": parts });
                            assert_eq!(found.json()["result"], expected, "{place}");
                            answered += usize::from(total > 0);
                        }
                        None => {
                            assert_eq!(
                                (found.status, found.error_code()),
                                (400, "TIME_TOO_OLD".into()),
                                "{place}"
                            );
                            too_old += 1;
                        }
                    }
                }
            }
        }
    }
    (answered, too_old)
}

/// Times of messages, and those right after them.
fn times(oracle: &Oracle, tenant: &str) -> BTreeSet<u64> {
    let rooms = oracle.rooms_of_tenant(tenant).into_iter();
    let known = rooms.flat_map(|room| oracle.known_messages(tenant, room));
    let times: BTreeSet<u64> = known.map(|known| known.time).collect();
    let step = times.len() / TIMES + 1;
    let mut chosen: BTreeSet<u64> = times.iter().step_by(step).flat_map(|time| [*time, time + 1]).collect();
    chosen.extend(times.last().map(|last| last + 1));
    chosen
}

#[test]
fn when_every_time_is_remembered() {
    let (answered, too_old) = answers_as_the_judge(Variant::Default, "count", 256 << 20);
    assert!(answered > 100 && too_old == 0, "{answered} answered, {too_old} too old");
}

#[test]
fn when_most_times_are_forgotten() {
    let (answered, too_old) = answers_as_the_judge(Variant::SmallWindow, "skip", 65_536);
    assert!(answered > 10 && too_old > 10, "{answered} answered, {too_old} too old");
}
