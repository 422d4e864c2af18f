//! What the listeners count about themselves.

use std::array;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::TurnedAway;
use super::places::Full;
use super::progress::Late;
use crate::metrics::AnswerLabels;

/// What ended a connection, or kept it from beginning, that its client had wanted to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    Full(Full),
    Late(Late),
    /// The TLS handshake took too long.
    HandshakeLate,
    /// The TLS handshake failed.
    HandshakeFailed,
}

impl Connections {
    const ALL: [Self; 8] = [
        Self::Full(Full::Connections),
        Self::Full(Full::Address),
        Self::Late(Late::FirstByte),
        Self::Late(Late::Head),
        Self::Late(Late::Idle),
        Self::Late(Late::Write),
        Self::HandshakeLate,
        Self::HandshakeFailed,
    ];

    fn reason(self) -> &'static str {
        match self {
            Self::Full(Full::Connections) => "connections",
            Self::Full(Full::Address) => "connections_per_address",
            Self::Late(Late::FirstByte) => "first_byte_timeout",
            Self::Late(Late::Head) => "header_timeout",
            Self::Late(Late::Idle) => "idle_timeout",
            Self::Late(Late::Write) => "write_timeout",
            Self::HandshakeLate => "tls_handshake_timeout",
            Self::HandshakeFailed => "tls_handshake",
        }
    }
}

/// Clones are the same metrics.
#[derive(Debug, Clone)]
pub(crate) struct ListenerMetrics {
    turned_away: [Counter; TurnedAway::ALL.len()],
    open: Gauge,
    closed: Family<ReasonLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl ListenerMetrics {
    /// Counts what is turned away among `requests`.
    pub(crate) fn new(requests: &Family<AnswerLabels, Counter>) -> Self {
        let turned_away = array::from_fn(|place| {
            let reason = TurnedAway::ALL[place];
            let labels = AnswerLabels { status: reason.status().as_u16(), code: reason.code() };
            requests.get_or_create_owned(&labels)
        });
        let closed = Family::<ReasonLabels, Counter>::default();
        for reason in Connections::ALL {
            let _ = closed.get_or_create(&ReasonLabels { reason: reason.reason() });
        }
        Self { turned_away, open: Gauge::default(), closed }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("http_connections", "Open connections to the public listener", self.open.clone());
        registry.register(
            "http_connections_closed",
            "Connections to the public listener that were refused or closed for the sake of others, by reason",
            self.closed.clone(),
        );
    }

    pub(super) fn turned_away(&self, reason: TurnedAway) {
        self.turned_away[reason as usize].inc();
    }

    pub(super) fn closed(&self, reason: Connections) {
        self.closed.get_or_create(&ReasonLabels { reason: reason.reason() }).inc();
    }

    /// One more connection is open, until what this returns is dropped.
    pub(super) fn open(&self) -> Open {
        self.open.inc();
        Open(self.open.clone())
    }
}

/// An open connection.
pub(super) struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
