//! What the consumer says of itself to Prometheus.

use std::sync::atomic::AtomicU64;

use counters::Outcome;
use events::Kind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::fence::Fence;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) connected: Gauge,
    pub(crate) applied_sequence: Gauge,
    pub(crate) lag_events: Gauge,
    pub(crate) lag_seconds: Gauge<f64, AtomicU64>,
    pub(crate) rooms: Gauge,
    pub(crate) users: Gauge,
    pub(crate) memberships: Gauge,
    events: Family<KindLabel, Counter>,
    unchanged: Family<ReasonLabel, Counter>,
    kept: Counter,
    malformed: Family<ReasonLabel, Counter>,
    pub(crate) outside_prefix: Counter,
    pub(crate) dead_letters_waiting: Gauge,
    pub(crate) dead_letters_stored: Counter,
    pub(crate) dead_letter_failures: Counter,
    fenced: Family<ReasonLabel, Gauge>,
    pub(crate) reconnects: Counter,
    pub(crate) consuming_failures: Counter,
    pub(crate) consumers_created: Counter,
    pub(crate) gaps_accepted: Counter,
    paused: Family<ReasonLabel, Counter>,
    pub(crate) writing_paused: Gauge,
    /// The counters of `events`, `unchanged` and `malformed`, in the order of their enums: an
    /// event must not pay for looking its label up.
    by_kind: Vec<Counter>,
    by_reason: Vec<Counter>,
    by_malformation: Vec<Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let events = Family::default();
        let unchanged = Family::default();
        let malformed = Family::default();
        let fenced = Family::<ReasonLabel, Gauge>::default();
        for reason in Fence::NAMES {
            fenced.get_or_create(&ReasonLabel { reason }).set(0);
        }
        let paused = Family::<ReasonLabel, Counter>::default();
        for reason in ["dead_letters", "store"] {
            drop(paused.get_or_create(&ReasonLabel { reason }));
        }
        let by_reason = |family: &Family<ReasonLabel, Counter>, reason| -> Counter {
            family.get_or_create(&ReasonLabel { reason }).clone()
        };
        Self {
            by_kind: Kind::ALL.map(|kind| counter(&events, kind)).to_vec(),
            by_reason: counters::Reason::ALL.map(|reason| by_reason(&unchanged, reason.as_str())).to_vec(),
            by_malformation: events::Reason::ALL
                .map(|reason| by_reason(&malformed, reason.as_str()))
                .to_vec(),
            connected: Gauge::default(),
            applied_sequence: Gauge::default(),
            lag_events: Gauge::default(),
            lag_seconds: Gauge::default(),
            rooms: Gauge::default(),
            users: Gauge::default(),
            memberships: Gauge::default(),
            events,
            unchanged,
            kept: Counter::default(),
            malformed,
            outside_prefix: Counter::default(),
            dead_letters_waiting: Gauge::default(),
            dead_letters_stored: Counter::default(),
            dead_letter_failures: Counter::default(),
            fenced,
            reconnects: Counter::default(),
            consuming_failures: Counter::default(),
            consumers_created: Counter::default(),
            gaps_accepted: Counter::default(),
            paused,
            writing_paused: Gauge::default(),
        }
    }
}

fn counter(family: &Family<KindLabel, Counter>, kind: Kind) -> Counter {
    family.get_or_create(&KindLabel { kind: kind.as_str() }).clone()
}

/// A gauge holds `i64`; no stream gets that far.
pub(crate) fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Metrics {
    /// Names them all. The registry's prefix comes before each name.
    pub fn register(&self, registry: &mut Registry) {
        let Self { applied_sequence, lag_events, lag_seconds, events, unchanged, kept, malformed, .. } =
            self.clone();
        let Self { connected, consuming_failures, .. } = self.clone();
        registry.register("connected", "1 while there is a connection to a NATS server", connected);
        let failures = "Times that consuming failed and was tried again";
        registry.register("consuming_failures", failures, consuming_failures);
        let visible = "Stream sequence up to which every event is in the counts";
        registry.register("applied_sequence", visible, applied_sequence);
        registry.register("lag_events", "Events known to be in the stream and not applied yet", lag_events);
        let age = "Age of the event applied last while there are events not applied yet, else 0";
        registry.register_with_unit("lag", age, Unit::Seconds, lag_seconds);
        let Self { rooms, users, memberships, .. } = self.clone();
        registry.register("rooms", "Rooms that were not deleted", rooms);
        registry.register("users", "Users held in memory, members of a room or of one deleted lately", users);
        registry.register("memberships", "Memberships of all users in all rooms", memberships);
        registry.register("events", "Well-formed events applied, by kind", events);
        registry.register(
            "events_unchanged",
            "Well-formed events that changed nothing, by reason",
            unchanged,
        );
        registry.register("events_kept", "Reads and recalls kept until their message is posted", kept);
        registry.register("events_malformed", "Malformed events passed over, by reason", malformed);
        let Self { outside_prefix, dead_letters_waiting, dead_letters_stored, dead_letter_failures, .. } =
            self.clone();
        registry.register(
            "outside_prefix",
            "Messages passed over for a subject outside the prefix",
            outside_prefix,
        );
        registry.register("dead_letters_waiting", "Malformed events not copied yet", dead_letters_waiting);
        registry.register("dead_letters_stored", "Malformed events copied", dead_letters_stored);
        registry.register(
            "dead_letter_failures",
            "Failed attempts to copy malformed events",
            dead_letter_failures,
        );
        let Self { fenced, reconnects, consumers_created, gaps_accepted, .. } = self.clone();
        registry.register("fenced", "1 for the reason why counting is stopped", fenced);
        registry.register("reconnects", "Connections made to the server after the first", reconnects);
        registry.register("consumers_created", "Consumers created on the stream", consumers_created);
        registry.register(
            "gaps_accepted",
            "Ranges of missing sequences passed over as the settings allow",
            gaps_accepted,
        );
        let Self { paused, writing_paused, .. } = self.clone();
        let bounds = "Times that consuming waited because a bound was reached, by what is bounded";
        registry.register("consuming_paused", bounds, paused);
        let full = "1 while the disk has less than store.reserve_bytes left, so that nothing is written";
        registry.register("writing_paused", full, writing_paused);
    }

    /// Consuming waits, because of this bound.
    pub(crate) fn paused(&self, reason: &'static str) {
        self.paused.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn applied(&self, kind: Kind, applied: &counters::Applied) {
        self.by_kind[kind as usize].inc();
        match applied.outcome {
            Outcome::Changed => {}
            Outcome::Kept => {
                self.kept.inc();
            }
            Outcome::Unchanged(reason) => {
                self.by_reason[reason as usize].inc();
            }
        }
        if applied.fallen_out > 0 {
            let unknown = counters::Reason::UnknownMessage as usize;
            self.by_reason[unknown].inc_by(u64::from(applied.fallen_out));
        }
    }

    pub(crate) fn malformed(&self, reason: events::Reason) {
        self.by_malformation[reason as usize].inc();
    }

    pub(crate) fn fenced(&self, fence: Option<&Fence>) {
        for reason in Fence::NAMES {
            let is_reason = fence.is_some_and(|fence| fence.name() == reason);
            self.fenced.get_or_create(&ReasonLabel { reason }).set(i64::from(is_reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use counters::{Applied, Outcome};
    use events::Kind;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::Metrics;
    use crate::fence::Fence;
    use crate::gaps::Gap;

    fn text(metrics: &Metrics) -> String {
        let mut registry = Registry::with_prefix("tallymark");
        metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[track_caller]
    fn check(metrics: &Metrics, line: &str) {
        let text = text(metrics);
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }

    #[test]
    fn every_label_counts_its_own() {
        for kind in Kind::ALL {
            for reason in counters::Reason::ALL {
                let metrics = Metrics::default();
                let outcome = Outcome::Unchanged(reason);
                metrics.applied(kind, &Applied { outcome, remember: None, deleted: None, fallen_out: 0 });
                check(&metrics, &format!("tallymark_events_total{{kind=\"{kind}\"}} 1"));
                check(
                    &metrics,
                    &format!("tallymark_events_unchanged_total{{reason=\"{}\"}} 1", reason.as_str()),
                );
            }
        }
        for reason in events::Reason::ALL {
            let metrics = Metrics::default();
            metrics.malformed(reason);
            check(&metrics, &format!("tallymark_events_malformed_total{{reason=\"{reason}\"}} 1"));
        }
    }

    #[test]
    fn what_falls_out_is_an_unknown_message_each() {
        let metrics = Metrics::default();
        let applied = Applied { outcome: Outcome::Kept, remember: None, deleted: None, fallen_out: 3 };
        metrics.applied(Kind::MessageRead, &applied);
        check(&metrics, "tallymark_events_unchanged_total{reason=\"unknown_message\"} 3");
        check(&metrics, "tallymark_events_kept_total 1");
    }

    #[test]
    fn one_fence_at_a_time() {
        let metrics = Metrics::default();
        metrics.fenced(Some(&Fence::Gap(Gap { first: 1, last: 1 })));
        check(&metrics, "tallymark_fenced{reason=\"gap\"} 1");
        metrics.fenced(Some(&Fence::Truncated { last_sequence: 0, applied: 1 }));
        check(&metrics, "tallymark_fenced{reason=\"gap\"} 0");
        check(&metrics, "tallymark_fenced{reason=\"truncated\"} 1");
        metrics.fenced(None);
        check(&metrics, "tallymark_fenced{reason=\"truncated\"} 0");
    }
}
