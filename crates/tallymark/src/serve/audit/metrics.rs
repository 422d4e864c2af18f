//! What the audit counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use recount::Outcome;

#[derive(Debug, Clone, Default)]
pub(in crate::serve) struct Metrics {
    checked: Counter,
    drift: Counter,
    passes: Counter,
    left_out: Counter,
    pub(super) failures: Counter,
}

impl Metrics {
    pub(in crate::serve) fn register(&self, registry: &mut Registry) {
        let Self { checked, drift, passes, left_out, failures } = self;
        for (name, help, counter) in [
            ("audit_checked", "Memberships that the audit recounted from the log and compared", checked),
            (
                "audit_drift",
                "Memberships that are not counted as the log says: expected to be 0 for ever",
                drift,
            ),
            ("audit_passes", "Passes of the audit over the log", passes),
            (
                "audit_left_out",
                "Memberships of rooms with more messages than audit.messages allows",
                left_out,
            ),
            ("audit_failures", "Passes of the audit that could not be brought to an end", failures),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    pub(super) fn passed(&self, outcome: &Outcome) {
        self.passes.inc();
        self.checked.inc_by(outcome.memberships);
        self.drift.inc_by(outcome.differences.len() as u64 + outcome.missed_rooms.len() as u64);
        self.left_out.inc_by(outcome.left_out);
    }
}
