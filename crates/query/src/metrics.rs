//! What this crate counts about itself.

use std::array;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::badges::live::LiveMetrics;
use crate::claims::TokenError;
use crate::listener::ListenerMetrics;
use crate::rates::Scope;
use crate::refusal::Refusal;

/// The upper bounds of the latency histogram, in seconds. A badge takes some microseconds, a
/// signature up to some hundred.
const LATENCY_BUCKETS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

/// The public listener's metrics. Clones are the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// 1 while badges are given out; whoever turns the [`Gate`](crate::Gate) sets it.
    pub ready: Gauge,
    requests: Family<AnswerLabels, Counter>,
    /// The members of `requests`, looked up once: one for an answer, one for an answer that the asker has already,
    /// one for each refusal.
    answered: Counter,
    not_modified: Counter,
    refused: [Counter; Refusal::ALL.len()],
    request_duration: Histogram,
    token_verifications: Family<VerificationLabels, Counter>,
    tokens_cached: Gauge,
    key_fetches: Family<FetchLabels, Counter>,
    limited: Family<ScopeLabels, Counter>,
    pub(crate) live: LiveMetrics,
    pub(crate) listener: ListenerMetrics,
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// With what was asked for.
    Whole,
    /// The asker has that already.
    NotModified,
    /// Not at all.
    Refused(Refusal),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AnswerLabels {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerificationLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FetchLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScopeLabels {
    scope: &'static str,
}

impl Metrics {
    /// All at zero, and all there from the start: a rate needs the zero before the first one.
    pub fn new() -> Self {
        let requests = Family::<AnswerLabels, Counter>::default();
        let answered = requests.get_or_create_owned(&AnswerLabels { status: 200, code: "OK" });
        let not_modified = AnswerLabels { status: 304, code: "NOT_MODIFIED" };
        let not_modified = requests.get_or_create_owned(&not_modified);
        let refused = array::from_fn(|place| {
            let refusal = Refusal::ALL[place];
            let labels = AnswerLabels { status: refusal.status().as_u16(), code: refusal.code() };
            requests.get_or_create_owned(&labels)
        });
        let limited = Family::<ScopeLabels, Counter>::default();
        for scope in [Scope::Tenant, Scope::User] {
            let _ = limited.get_or_create(&scope_labels(scope));
        }
        let listener = ListenerMetrics::new(&requests);
        let token_verifications = Family::<VerificationLabels, Counter>::default();
        for error in TokenError::ALL.into_iter().map(Some).chain([None]) {
            let _ = token_verifications.get_or_create(&verification(error));
        }
        let key_fetches = Family::<FetchLabels, Counter>::default();
        for fetched in [true, false] {
            let _ = key_fetches.get_or_create(&fetch(fetched));
        }
        Self {
            ready: Gauge::default(),
            requests,
            answered,
            not_modified,
            refused,
            request_duration: Histogram::new(LATENCY_BUCKETS),
            token_verifications,
            tokens_cached: Gauge::default(),
            key_fetches,
            limited,
            live: LiveMetrics::new(),
            listener,
        }
    }

    /// Adds the metrics to a registry whose prefix is `tallymark`.
    pub fn register(&self, registry: &mut Registry) {
        let ready = "1 while badges are given out, 0 while they are refused";
        registry.register("ready", ready, self.ready.clone());
        registry.register(
            "http_requests",
            "Requests to the public listener, by status and error code",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to its answer, on the public listener",
            Unit::Seconds,
            self.request_duration.clone(),
        );
        registry.register(
            "token_verifications",
            "Tokens that were verified because they were not remembered, by result",
            self.token_verifications.clone(),
        );
        registry.register("tokens_cached", "Verified tokens that are remembered", self.tokens_cached.clone());
        registry.register("key_fetches", "Fetches of the keys at a URL, by result", self.key_fetches.clone());
        registry.register(
            "http_rate_limited",
            "Requests that were refused because there were too many of a tenant or a user",
            self.limited.clone(),
        );
        self.live.register(registry);
        self.listener.register(registry);
    }

    pub(crate) fn answered(&self, how: Answered, duration: Duration) {
        match how {
            Answered::Whole => self.answered.inc(),
            Answered::NotModified => self.not_modified.inc(),
            Answered::Refused(refusal) => self.refused[refusal as usize].inc(),
        };
        self.request_duration.observe(duration.as_secs_f64());
    }

    /// A request is refused since there were too many.
    pub(crate) fn limited(&self, scope: Scope) {
        self.limited.get_or_create(&scope_labels(scope)).inc();
    }

    pub(crate) fn token_verified(&self, error: Option<TokenError>) {
        self.token_verifications.get_or_create(&verification(error)).inc();
    }

    pub(crate) fn keys_fetched(&self, fetched: bool) {
        self.key_fetches.get_or_create(&fetch(fetched)).inc();
    }

    pub(crate) fn tokens_cached(&self, count: usize) {
        self.tokens_cached.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn verification(error: Option<TokenError>) -> VerificationLabels {
    VerificationLabels { result: error.map_or("valid", TokenError::as_str) }
}

fn fetch(fetched: bool) -> FetchLabels {
    FetchLabels { result: if fetched { "fetched" } else { "failed" } }
}

fn scope_labels(scope: Scope) -> ScopeLabels {
    let scope = match scope {
        Scope::Tenant => "tenant",
        Scope::User => "user",
    };
    ScopeLabels { scope }
}
