//! From settings to what each part wants to know, and from the consumer's words to those of HTTP.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use consumer::IDENTITY_CHECK_INTERVAL;
use counters::Policies;
use query::Rate;
use store::Sled;

use crate::settings::{MutedRooms, OwnMessages, Rates, Settings};

pub(crate) fn store_options(settings: &Settings) -> anyhow::Result<store::Options> {
    let own_messages = match settings.policy.own_messages {
        OwnMessages::Exclude => counters::OwnMessages::Exclude,
        OwnMessages::MarkRead => counters::OwnMessages::MarkRead,
    };
    let policies = Policies { own_messages, message_window: settings.policy.message_window };
    let store = &settings.store;
    Ok(store::Options {
        id_cache_bytes: bytes("store.id_cache_bytes", store.id_cache_bytes)?,
        database: Arc::new(Sled { cache_bytes: store.sled_cache_bytes }),
        snapshots_kept: store.snapshots_kept,
        quarantines_kept: store.quarantines_kept,
        reserve_bytes: store.reserve_bytes,
        open_timeout: store.open_timeout,
        write_timeout: store.write_timeout,
        give_up: Arc::new(give_up),
        ..store::Options::new(&settings.data_dir, policies)
    })
}

/// What hangs can't be waited for, so nothing is closed in order.
fn give_up(why: &str) {
    tracing::error!(why, "the store hangs: the process ends, and the next one recovers");
    std::process::exit(1);
}

pub(crate) fn consumer_settings(settings: &Settings) -> anyhow::Result<consumer::Settings> {
    let nats = &settings.nats;
    let gap = |gap: &crate::settings::Gap| consumer::Gap { first: gap.first, last: gap.last };
    Ok(consumer::Settings {
        servers: nats.url.addresses().to_vec(),
        stream: nats.stream.clone(),
        subject_prefix: nats.subject_prefix.clone(),
        create_stream: nats.create_stream,
        allow_restored_stream: nats.allow_restored_stream,
        accepted_gaps: nats.accepted_gaps.iter().map(gap).collect(),
        commit_interval: settings.store.commit_interval,
        pending_bytes: bytes("store.pending_bytes", settings.store.pending_bytes)?,
        snapshot_interval: settings.store.snapshot_interval,
        most_events_per_second: None,
        identity_check_interval: IDENTITY_CHECK_INTERVAL,
    })
}

fn bytes(setting: &str, value: u64) -> anyhow::Result<usize> {
    usize::try_from(value)
        .with_context(|| format!("{setting} = {value} is more than this machine can address"))
}

pub(super) fn muted_rooms(muted_rooms: MutedRooms) -> counters::MutedRooms {
    match muted_rooms {
        MutedRooms::Count => counters::MutedRooms::Count,
        MutedRooms::Skip => counters::MutedRooms::Skip,
    }
}

/// Rates that are not 0.
pub(super) fn rates(rates: &Rates, now: Instant) -> query::Rates {
    let rate = |per_second: u32, burst: u32| {
        let (per_second, burst) = (NonZero::new(per_second)?, NonZero::new(burst)?);
        Some(Rate { per_second, burst })
    };
    let tenant = rate(rates.tenant_per_second, rates.tenant_burst);
    let user = rate(rates.user_per_second, rates.user_burst);
    query::Rates::new(tenant, user, rates.users, now)
}
