//! What `/readyz` tells.

use serde::Serialize;

/// Whether the counts can be trusted, in the words for operators. The [`Gate`](crate::Gate) is the
/// same fact for the badges; whoever gives both keeps them together.
#[derive(Debug, Clone, PartialEq)]
pub enum Readiness {
    /// Badges are given out.
    Ready {
        /// Whether there is a connection to the stream. Without one the counts stay right, but old.
        connected: bool,
        /// Events in the stream that are not applied yet, as far as is known.
        lag_events: u64,
        /// The age of the oldest of those events, in seconds; 0 without any.
        lag_seconds: f64,
    },
    /// Badges are refused.
    NotReady {
        /// Why, for machines.
        reason: Reason,
        /// Why, for people: what was found, what was expected, what to do.
        detail: String,
    },
}

/// Why badges are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The store is being opened and loaded.
    Starting,
    /// The stream's identity was not confirmed yet.
    Connecting,
    /// Events that were in the stream at the start are still to be applied.
    CatchingUp,
    /// The stream is not the one that was counted.
    Fenced,
    /// The store is not safe.
    Store,
}

/// The body of `/readyz`.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Body<'a> {
    Ready { ready: bool, connected: bool, lag_events: u64, lag_seconds: f64 },
    NotReady { ready: bool, reason: Reason, detail: &'a str },
}

impl<'a> From<&'a Readiness> for Body<'a> {
    fn from(readiness: &'a Readiness) -> Self {
        match readiness {
            &Readiness::Ready { connected, lag_events, lag_seconds } => {
                Self::Ready { ready: true, connected, lag_events, lag_seconds }
            }
            Readiness::NotReady { reason, detail } => {
                Self::NotReady { ready: false, reason: *reason, detail }
            }
        }
    }
}
