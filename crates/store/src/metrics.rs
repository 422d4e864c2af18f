//! What the store says of itself to Prometheus.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What a gauge shows of a number that may be too large for it.
pub(crate) fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What a damaged store can be replaced from. All are there from the start: a rate needs the zero before the first one.
const RECOVERED_FROM: [&str; 2] = ["snapshot", "nothing"];

/// Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Stream sequence up to which everything is on disk, after a real fsync.
    pub durable_sequence: Gauge,
    pub(crate) commits: Counter,
    pub(crate) commit_rows: Counter,
    pub(crate) commit_bytes: Counter,
    pub(crate) commit_seconds: Histogram,
    pub(crate) window_hits: Counter,
    pub(crate) window_loads: Counter,
    pub(crate) window_evictions: Counter,
    pub(crate) window_bytes: Gauge,
    recoveries: Family<[(&'static str, &'static str); 1], Counter>,
    pub(crate) quarantined: Counter,
    pub(crate) quarantines_removed: Counter,
    snapshots: Counter,
    pub(crate) snapshots_failed: Counter,
    pub(crate) snapshots_damaged: Counter,
    pub(crate) snapshot_sequence: Gauge,
    snapshot_bytes: Gauge,
    snapshot_seconds: Histogram,
    pub(crate) disk_free_bytes: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let recoveries = Family::<[(&'static str, &'static str); 1], Counter>::default();
        for from in RECOVERED_FROM {
            drop(recoveries.get_or_create(&[("from", from)]));
        }
        Self {
            durable_sequence: Gauge::default(),
            commits: Counter::default(),
            commit_rows: Counter::default(),
            commit_bytes: Counter::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            window_hits: Counter::default(),
            window_loads: Counter::default(),
            window_evictions: Counter::default(),
            window_bytes: Gauge::default(),
            recoveries,
            quarantined: Counter::default(),
            quarantines_removed: Counter::default(),
            snapshots: Counter::default(),
            snapshots_failed: Counter::default(),
            snapshots_damaged: Counter::default(),
            snapshot_sequence: Gauge::default(),
            snapshot_bytes: Gauge::default(),
            snapshot_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 10)),
            disk_free_bytes: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Names them all. The registry's prefix comes before each name.
    pub fn register(&self, registry: &mut Registry) {
        let Self {
            durable_sequence,
            commits,
            commit_rows,
            commit_bytes,
            commit_seconds,
            window_hits,
            window_loads,
            window_evictions,
            window_bytes,
            recoveries,
            quarantined,
            quarantines_removed,
            snapshots,
            snapshots_failed,
            snapshots_damaged,
            snapshot_sequence,
            snapshot_bytes,
            snapshot_seconds,
            disk_free_bytes,
        } = self.clone();
        registry.register(
            "durable_sequence",
            "Stream sequence up to which everything is on disk, after a real fsync",
            durable_sequence,
        );
        registry.register("commits", "Commits written", commits);
        registry.register("commit_rows", "Rows written or removed by commits", commit_rows);
        registry.register_with_unit(
            "commit",
            "Bytes of keys and values written by commits",
            Unit::Bytes,
            commit_bytes,
        );
        registry.register_with_unit(
            "commit_duration",
            "From handing a commit over until it is on disk",
            Unit::Seconds,
            commit_seconds,
        );
        registry.register(
            "id_window_hits",
            "Look-ups of message ids whose room's window was in memory",
            window_hits,
        );
        registry.register("id_window_loads", "Windows of message ids loaded from the store", window_loads);
        registry.register(
            "id_window_evictions",
            "Windows of message ids put out of memory",
            window_evictions,
        );
        registry.register_with_unit(
            "id_window_memory",
            "Memory taken by remembered message ids, at most store.id_cache_bytes and one window",
            Unit::Bytes,
            window_bytes,
        );
        registry.register(
            "store_recoveries",
            "Damaged stores in whose place another was put, made from a snapshot or from nothing",
            recoveries,
        );
        registry.register("store_quarantined", "Damaged stores that were put away", quarantined);
        registry.register(
            "store_quarantines_removed",
            "Stores put away earlier that were removed for newer ones",
            quarantines_removed,
        );
        registry.register("snapshots", "Snapshots written", snapshots);
        registry.register("snapshots_failed", "Snapshots that could not be written", snapshots_failed);
        registry.register(
            "snapshots_damaged",
            "Snapshots that were to be loaded and were damaged",
            snapshots_damaged,
        );
        registry.register("snapshot_sequence", "Stream sequence of the newest snapshot", snapshot_sequence);
        registry.register_with_unit(
            "snapshot_size",
            "Size of the newest snapshot",
            Unit::Bytes,
            snapshot_bytes,
        );
        registry.register_with_unit(
            "snapshot_duration",
            "Time to write a snapshot, during which commits wait",
            Unit::Seconds,
            snapshot_seconds,
        );
        registry.register_with_unit(
            "disk_free",
            "Free space where the store is; below store.reserve_bytes commits wait",
            Unit::Bytes,
            disk_free_bytes,
        );
    }

    /// Another store took the place of a damaged one, made `from` a snapshot or nothing.
    pub(crate) fn recovered(&self, from: &'static str) {
        self.recoveries.get_or_create(&[("from", from)]).inc();
    }

    pub(crate) fn snapshot_written(&self, sequence: u64, bytes: u64, seconds: f64) {
        self.snapshots.inc();
        self.snapshot_sequence.set(gauge(sequence));
        self.snapshot_bytes.set(gauge(bytes));
        self.snapshot_seconds.observe(seconds);
    }
}
