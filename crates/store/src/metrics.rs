//! What the store says of itself to Prometheus.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

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
}

impl Default for Metrics {
    fn default() -> Self {
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
    }
}
