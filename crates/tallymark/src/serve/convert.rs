//! From settings to what each part wants to know, and from the consumer's words to those of HTTP.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use consumer::IDENTITY_CHECK_INTERVAL;
use counters::Policies;
use query::{ApiKey, Limits, Tenant, Tenants, VerificationKey};
use store::Sled;

use crate::settings::{Algorithm, Http, MutedRooms, OwnMessages, Problems, Settings, tenant_warnings};

/// Reads the tenants' keys, and warns about what is allowed and yet dangerous.
pub(super) fn tenants(settings: &Settings) -> anyhow::Result<Tenants> {
    let keys: Vec<_> = settings
        .tenants
        .iter()
        .map(|tenant| tenant.token.read_key(&tenant.name))
        .collect::<Result<_, Problems>>()?;
    for warning in tenant_warnings(&settings.tenants, &keys) {
        tracing::warn!("{warning}");
    }
    let mut tenants = Vec::new();
    for (tenant, key) in settings.tenants.iter().zip(&keys) {
        let algorithm = match tenant.token.algorithm {
            Algorithm::Hs256 => query::Algorithm::Hs256,
            Algorithm::Rs256 => query::Algorithm::Rs256,
            Algorithm::Es256 => query::Algorithm::Es256,
            Algorithm::EdDsa => query::Algorithm::EdDsa,
        };
        let verification_key = VerificationKey::new(algorithm, key.expose())
            .map_err(|error| Problems::unusable_key(&tenant.name, error))?;
        tenants.push(Tenant {
            name: tenant.name.clone(),
            client_keys: tenant.client_keys.clone(),
            api_keys: tenant.api_keys.iter().map(|key| ApiKey::new(key.expose())).collect(),
            verification_key,
            issuer: tenant.token.issuer.clone(),
            audience: tenant.token.audience.clone(),
        });
    }
    Tenants::new(tenants).map_err(|error| Problems::unusable_tenants(error).into())
}

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

pub(super) fn limits(http: &Http) -> Limits {
    let positive = |duration: Duration| duration.max(Duration::from_millis(1));
    Limits { header_read_timeout: positive(http.header_timeout), shutdown_grace: http.shutdown_grace }
}
