//! What the operator listener answers from.

use std::fs;
use std::sync::Arc;
use std::time::SystemTime;

use consumer::{Reason, Snapshot};
use query::{Control, DigestAt, Operator, Readiness, Refused, SnapshotAt};
use store::SnapshotFile;

use super::Service;
use super::activation::Activations;
use super::live::Live;

pub(super) fn routes(service: &Service, token: Option<String>) -> Operator {
    let Service { live, activations, store_options, .. } = service;
    let [of_readiness, of_status, of_metrics, of_snapshots, of_activations, of_accounts] =
        [(); 6].map(|()| live.clone());
    #[cfg(feature = "damage")]
    let of_damage = live.clone();
    let (shown, asked, options) = (activations.clone(), activations.clone(), store_options.clone());
    let snapshot = move || of_snapshots.snapshot().ok_or_else(not_open);
    let activate = move |number| {
        if of_activations.is_open() { asked.ask(number, &options) } else { Err(not_open()) }
    };
    Operator {
        readiness: Arc::new(move || readiness(of_readiness.status().snapshot(SystemTime::now()))),
        status: Arc::new(move || status(&of_status, &shown)),
        accounts: Arc::new(move |question| Box::pin(of_accounts.clone().accounts(question))),
        #[cfg(feature = "damage")]
        damage: Arc::new(move |damage| Box::pin(of_damage.clone().damage(damage))),
        registry: Arc::new(move || of_metrics.registry()),
        control: token.map(|token| Control::new(&token, snapshot, activate)),
    }
}

fn not_open() -> Refused {
    Refused("the store is not open yet: ask again when /readyz says that the service is ready".to_owned())
}

/// The memory of this process that is resident, where the operating system tells.
fn memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The body of `/status`.
fn status(live: &Live, activations: &Activations) -> query::Status {
    let status = live.status();
    let snapshot = status.snapshot(SystemTime::now());
    let snapshot_at = |file: SnapshotFile| SnapshotAt { sequence: file.sequence, bytes: file.bytes };
    query::Status {
        applied_sequence: status.applied(),
        lag_events: snapshot.lag_events,
        connected: snapshot.is_connected,
        paused: snapshot.paused,
        memory_bytes: memory_bytes(),
        activation: activations.last(),
        store: status.store().map(|store| query::StoreStatus {
            durable_sequence: store.durable,
            digest: DigestAt { sequence: store.committed, value: store.digest.to_string() },
            generation: store.generation,
            snapshots: store.snapshots.into_iter().map(snapshot_at).collect(),
        }),
    }
}

fn readiness(snapshot: Snapshot) -> Readiness {
    let Snapshot { not_ready, is_connected, lag_events, lag_seconds, .. } = snapshot;
    match not_ready {
        None => Readiness::Ready { connected: is_connected, lag_events, lag_seconds },
        Some((reason, detail)) => {
            let reason = match reason {
                Reason::Starting => query::Reason::Starting,
                Reason::Connecting => query::Reason::Connecting,
                Reason::CatchingUp => query::Reason::CatchingUp,
                Reason::Fenced => query::Reason::Fenced,
                Reason::Store => query::Reason::Store,
            };
            Readiness::NotReady { reason, detail }
        }
    }
}
