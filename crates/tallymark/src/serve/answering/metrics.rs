//! What is counted of questions over NATS.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use query::ServerAnswer;

/// Not answered, since the answer would go where it means something.
const REPLY_REFUSED: &str = "REPLY_REFUSED";

#[derive(Debug, Clone, Default)]
pub(in crate::serve) struct Metrics {
    questions: Family<Labels, Counter>,
    dropped: Counter,
    connected: Gauge,
    watched: Gauge,
    published: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    code: &'static str,
}

impl Metrics {
    pub(in crate::serve) fn register(&self, registry: &mut Registry) {
        let Self { questions, dropped, connected, watched, published } = self;
        // A rate needs the zero before the first one.
        for code in ServerAnswer::codes().chain([REPLY_REFUSED]) {
            let _ = questions.get_or_create(&Labels { code });
        }
        registry.register("nats_questions", "Questions over NATS, by code of the answer", questions.clone());
        registry.register(
            "nats_questions_dropped",
            "Times that the connection for questions had no room for one",
            dropped.clone(),
        );
        registry.register(
            "nats_questions_connected",
            "1 while there is a connection over which questions can come",
            connected.clone(),
        );
        registry.register("nats_watched_badges", "Badges that are watched over NATS", watched.clone());
        registry.register(
            "nats_badges_published",
            "Badges that were published since they are watched",
            published.clone(),
        );
    }

    pub(super) fn answered(&self, code: &'static str) {
        self.questions.get_or_create(&Labels { code }).inc();
    }

    pub(super) fn reply_refused(&self) {
        self.answered(REPLY_REFUSED);
    }

    pub(super) fn dropped(&self) {
        self.dropped.inc();
    }

    pub(super) fn connected(&self, is_connected: bool) {
        self.connected.set(i64::from(is_connected));
    }

    pub(super) fn watched(&self, badges: usize) {
        self.watched.set(i64::try_from(badges).unwrap_or(i64::MAX));
    }

    pub(super) fn published(&self) {
        self.published.inc();
    }
}
