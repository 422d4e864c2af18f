//! What the parts count of what they do.

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{answering, audit, reload};

/// The parts that count what they do, under one registry.
pub(super) struct Metrics {
    pub(super) registry: Registry,
    pub(super) store: store::Metrics,
    pub(super) consumer: consumer::Metrics,
    pub(super) query: query::Metrics,
}

/// What all lines share.
#[derive(Clone)]
pub(super) struct Shared {
    query: query::Metrics,
    audit: audit::Metrics,
    reload: reload::Metrics,
    answering: answering::Metrics,
    /// Tells one process from the next.
    started: Gauge<f64, AtomicU64>,
}

impl Shared {
    /// Of a process that began at that time.
    pub(super) fn new(began: SystemTime) -> Self {
        let started = Gauge::<f64, AtomicU64>::default();
        started.set(began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        let (query, audit, reload) =
            (query::Metrics::new(), audit::Metrics::default(), reload::Metrics::new());
        Self { query, audit, reload, answering: answering::Metrics::default(), started }
    }

    /// Counted over all lines.
    pub(super) fn query(&self) -> query::Metrics {
        self.query.clone()
    }

    /// Counted over all lines.
    pub(super) fn reload(&self) -> reload::Metrics {
        self.reload.clone()
    }

    /// Counted over all lines.
    pub(super) fn audit(&self) -> audit::Metrics {
        self.audit.clone()
    }

    /// Counted over all lines.
    pub(super) fn answering(&self) -> answering::Metrics {
        self.answering.clone()
    }

    /// Of one line: what it counts is its own, and is shown while it is the live one.
    pub(super) fn of_a_line(&self) -> Metrics {
        let Self { query, audit, reload, answering, started } = self.clone();
        let mut registry = Registry::with_prefix("tallymark");
        let (store, consumer) = (store::Metrics::default(), consumer::Metrics::default());
        let began = "When this process began, since the Unix epoch";
        registry.register_with_unit("start_time", began, Unit::Seconds, started);
        store.register(&mut registry);
        consumer.register(&mut registry);
        query.register(&mut registry);
        audit.register(&mut registry);
        reload.register(&mut registry);
        answering.register(&mut registry);
        Metrics { registry, store, consumer, query }
    }
}
