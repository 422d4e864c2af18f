//! A histogram of durations to which many threads add at once.

use std::array;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// The upper bounds of the buckets. A badge takes some microseconds, a signature up to some hundred.
const BOUNDS: [Duration; 14] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(200),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// So many threads add without meeting on a cache line.
const SHARDS: usize = 16;

/// Like the library's histogram, whose lock every request would take. Clones are the same histogram.
#[derive(Debug, Clone, Default)]
pub(crate) struct Durations(Arc<[Shard; SHARDS]>);

/// What some of the threads have added, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    /// By bucket; those above all bounds are last.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static SHARD: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS);
}

impl Durations {
    pub(crate) fn observe(&self, duration: Duration) {
        let shard = &self.0[SHARD.get()];
        let bucket = BOUNDS.iter().position(|bound| duration <= *bound).unwrap_or(BOUNDS.len());
        shard.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        shard.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let counts: [u64; BOUNDS.len() + 1] = array::from_fn(|bucket| {
            self.0.iter().map(|shard| shard.counts[bucket].load(Ordering::Relaxed)).sum()
        });
        let sum =
            self.0.iter().map(|shard| shard.nanoseconds.load(Ordering::Relaxed)).map(Duration::from_nanos);
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let sum = sum.sum::<Duration>().as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::Registry;

    use super::*;

    fn text_of(metric: impl EncodeMetric + fmt::Debug + Send + Sync + 'static) -> String {
        let mut registry = Registry::default();
        registry.register("d", "D", metric);
        let mut text = String::new();
        text::encode(&mut text, &registry).unwrap();
        text
    }

    /// It says what the library's histogram says of the same durations.
    #[test]
    fn what_threads_add_is_there_as_in_the_librarys_histogram() {
        let durations = Durations::default();
        let expected = Histogram::new(BOUNDS.iter().map(Duration::as_secs_f64));
        let observed = [0, 50_000, 50_001, 1_000_000, 1_000_001, 999_999_999, 1_000_000_001, 1 << 40];
        std::thread::scope(|scope| {
            for nanoseconds in observed.into_iter().cycle().take(40) {
                let duration = Duration::from_nanos(nanoseconds);
                expected.observe(duration.as_secs_f64());
                let durations = durations.clone();
                scope.spawn(move || durations.observe(duration));
            }
        });
        let texts = [text_of(durations), text_of(expected)];
        assert!(texts[0].contains("d_count 40"), "{}", texts[0]);
        let sum_of = |text: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix("d_sum ")).unwrap();
            line.parse().unwrap()
        };
        assert!((sum_of(&texts[0]) - sum_of(&texts[1])).abs() < 1e-6, "{texts:?}");
        let others = |text: &str| {
            text.lines().filter(|line| !line.starts_with("d_sum")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(others(&texts[0]), others(&texts[1]));
    }
}
