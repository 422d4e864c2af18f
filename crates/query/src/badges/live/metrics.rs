//! What live badges count about themselves.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::stream::End;

/// Clones are the same metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveMetrics {
    pub(super) open: Gauge,
    pub(super) events: Counter,
    ended: Family<ReasonLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl LiveMetrics {
    pub(crate) fn new() -> Self {
        let metrics = Self::default();
        for end in End::ALL {
            let _ = metrics.ended.get_or_create(&ReasonLabels { reason: end.reason() });
        }
        metrics
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("http_live_connections", "Live badges that are open", self.open.clone());
        registry.register("http_live_events", "Numbers sent to live badges", self.events.clone());
        registry.register("http_live_ended", "Live badges that have ended, by reason", self.ended.clone());
    }

    pub(super) fn ended(&self, end: End) {
        self.ended.get_or_create(&ReasonLabels { reason: end.reason() }).inc();
    }
}
