//! A service to ask, and tokens to ask with.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use counters::{Counters, MutedRooms, Policies};
use jsonwebtoken::{EncodingKey, crypto};
use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use query::Routes;
use query::{
    Admission, Algorithm, ApiKey, Arrivals, Gate, Hub, LiveLimits, Metrics, Public, Rates, Servers, Tenant,
    Tenants, VerificationKey,
};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::before_time;
use crate::server::LONG;

/// The time at which the clock of a [`Service`] stands, in seconds since the Unix epoch.
pub(crate) const NOW: u64 = 1_700_000_000;

/// The least time between two numbers of a live badge.
pub(crate) const LIVE_INTERVAL: Duration = Duration::from_millis(20);

/// How long a request waits for an event.
pub(crate) const MIN_SEQ_WAIT: Duration = Duration::from_millis(300);

/// The public routes with everything around it that a test turns.
pub(crate) struct Service {
    pub(crate) routes: Routes,
    pub(crate) servers: Servers,
    pub(crate) admission: Admission,
    pub(crate) gate: Gate,
    pub(crate) arrivals: Arrivals,
    pub(crate) hub: Hub,
    pub(crate) counters: Counters,
    pub(crate) now: Arc<Mutex<Duration>>,
    pub(crate) registry: Registry,
    pub(crate) metrics: Metrics,
}

impl Service {
    /// Ready, with the tenants `demo` and `other`.
    pub(crate) fn new() -> Self {
        Self::with(vec![demo(), other()], 1_000)
    }

    pub(crate) fn with(tenants: Vec<Tenant>, token_capacity: usize) -> Self {
        Self::counting(Counters::new(Policies::default()), tenants, token_capacity, MutedRooms::Count)
    }

    /// Ready, with the tenants `demo` and `other`, who may ask so often.
    pub(crate) fn with_rates(rates: Rates) -> Self {
        let counters = Counters::new(Policies::default());
        let policy = (MutedRooms::Count, rates, LiveLimits::default());
        Self::limited(counters, vec![demo(), other()], 1_000, policy)
    }

    pub(crate) fn counting(
        counters: Counters,
        tenants: Vec<Tenant>,
        token_capacity: usize,
        muted_rooms: MutedRooms,
    ) -> Self {
        let policy = (muted_rooms, Rates::default(), LiveLimits::default());
        Self::limited(counters, tenants, token_capacity, policy)
    }

    /// Ready, with the tenants `demo` and `other`, whose users may have so many live badges.
    pub(crate) fn with_live(live: LiveLimits) -> Self {
        let counters = Counters::new(Policies::default());
        let policy = (MutedRooms::Count, Rates::default(), live);
        Self::limited(counters, vec![demo(), other()], 1_000, policy)
    }

    fn limited(
        counters: Counters,
        tenants: Vec<Tenant>,
        token_capacity: usize,
        (muted_rooms, rates, live): (MutedRooms, Rates, LiveLimits),
    ) -> Self {
        let now = Arc::new(Mutex::new(Duration::from_secs(NOW)));
        let hand = Arc::clone(&now);
        let metrics = Metrics::new();
        let mut registry = Registry::with_prefix("tallymark");
        metrics.register(&mut registry);
        let gate = Gate::new();
        gate.open();
        let tenants = Tenants::new(tenants).expect("valid tenants");
        let clock = Arc::new(move || UNIX_EPOCH + *hand.lock());
        let admission = Admission::new(tenants, token_capacity, clock, metrics.clone());
        let arrivals = Arrivals::new();
        tokio::spawn(arrivals.clone().wake(counters.reader().into()));
        let hub = Hub::new(counters.reader().into(), gate.clone(), muted_rooms, LIVE_INTERVAL);
        tokio::spawn(hub.clone().run());
        let public = Public {
            admission: admission.clone(),
            answers: counters.reader().into(),
            muted_rooms,
            gate: gate.clone(),
            arrivals: arrivals.clone(),
            min_seq_wait: MIN_SEQ_WAIT,
            before_time: {
                let reader = counters.reader();
                Arc::new(move |question| Box::pin(before_time::answer(question, reader.applied())))
            },
            metrics: metrics.clone(),
            rates,
            hub: hub.clone(),
            live,
        };
        let servers = Servers::new(public.clone());
        let routes = query::public_routes(public);
        Self { routes, servers, admission, gate, arrivals, hub, counters, now, registry, metrics }
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        Answer::of(&self.routes, request).await
    }

    /// Asks for the badge of `demo` with this token.
    pub(crate) async fn ask_with(&self, token: &str) -> Answer {
        self.ask(badge_request("demo-client-key", token)).await
    }

    /// The value of one line of the metrics.
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let mut metrics = String::new();
        text::encode(&mut metrics, &self.registry).expect("encodes");
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().expect("a number")
    }
}

/// All of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of(routes: &Routes, request: Request<Body>) -> Self {
        let response = routes.clone().oneshot(request).await.expect("routes always answer");
        let (head, body) = response.into_parts();
        let body = timeout(LONG, to_bytes(body, usize::MAX)).await.expect("it has an end").expect("a body");
        Self {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).expect("UTF-8"),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub(crate) fn badge_request(client_key: &str, token: &str) -> Request<Body> {
    let header = |value: &str| HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
    Request::get("/me/badge")
        .header("IM-CLIENT-KEY", header(client_key))
        .header("IM-Authorization", header(token))
        .body(Body::empty())
        .expect("a request")
}

pub(crate) fn tenant(name: &str, algorithm: Algorithm, key: &[u8]) -> Tenant {
    Tenant {
        name: name.to_owned(),
        client_keys: vec![format!("{name}-client-key")],
        api_keys: vec![ApiKey::new(format!("{name}-api-key").as_bytes())],
        keys: VerificationKey::new(algorithm, key).expect("a key").into(),
        introspection: None,
        issuer: None,
        audience: None,
        leeway: Duration::ZERO,
        allowed_origins: Vec::new(),
    }
}

pub(crate) fn demo() -> Tenant {
    tenant("demo", Algorithm::Hs256, b"demo-secret")
}

pub(crate) fn other() -> Tenant {
    tenant("other", Algorithm::Hs256, b"other-secret")
}

/// A token for `user` at the tenant `demo`, good for a minute from [`NOW`].
pub(crate) fn token_of(user: &str) -> String {
    let claims = serde_json::json!({ "sub": user, "exp": NOW + 60 });
    hs256(b"demo-secret", &claims.to_string())
}

pub(crate) fn hs256(secret: &[u8], claims: &str) -> String {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    token(header, claims, jsonwebtoken::Algorithm::HS256, &EncodingKey::from_secret(secret))
}

/// A token of exactly this header and these claims, signed with `key` whatever the header says.
pub(crate) fn token(
    header: &str,
    claims: &str,
    algorithm: jsonwebtoken::Algorithm,
    key: &EncodingKey,
) -> String {
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).expect("a signature");
    format!("{message}.{signature}")
}

/// RFC 4648, section 5, without padding.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(group >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}
