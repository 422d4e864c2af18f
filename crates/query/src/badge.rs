//! `GET /me/badge`.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::response::Response;
use counters::{Badge, MutedRooms};

use crate::answer::{self, Refusal};
use crate::credentials;
use crate::room_tags::RoomTags;
use crate::tokens::Tokens;
use crate::{Answers, Gate, Metrics, Tenants};

/// Tells the time of day, against which tokens are held.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What the public routes answer from.
pub struct Public {
    /// Who may ask.
    pub tenants: Tenants,
    /// Where the counts are, once they are loaded.
    pub answers: Answers,
    /// Whether muted rooms are in the sum.
    pub muted_rooms: MutedRooms,
    /// Whether the counts can be trusted.
    pub gate: Gate,
    /// How many verified tokens to remember. One takes about 200 bytes.
    pub token_capacity: usize,
    /// The time of day.
    pub clock: Clock,
    /// Where to count.
    pub metrics: Metrics,
}

/// The state behind the public routes.
pub(crate) struct Badges {
    public: Public,
    tokens: Tokens,
}

impl Badges {
    pub(crate) fn new(public: Public) -> Self {
        let tokens = Tokens::new(public.token_capacity, public.metrics.clone());
        Self { public, tokens }
    }

    /// The checks, in the order in which the contract has them.
    fn badge(&self, request: &Request) -> Result<Badge, Refusal> {
        let public = &self.public;
        let client_key = credentials::client_key(request.headers());
        let (place, tenant) = client_key
            .and_then(|client_key| public.tenants.by_client_key(client_key))
            .ok_or(Refusal::InvalidClientKey)?;
        let token = credentials::token(request.headers()).ok_or(Refusal::InvalidToken)?;
        let user = self.tokens.user((place, tenant), token, since_epoch((public.clock)()));
        let user = user.map_err(|reason| {
            tracing::debug!(tenant = tenant.name, ?reason, "token refused");
            Refusal::InvalidToken
        })?;
        let tags = RoomTags::parse(request.uri().query().unwrap_or(""));
        let tags = tags.map_err(|_| Refusal::InvalidRoomTags)?;
        // Where to read from is looked up behind the gate, like the counts themselves.
        let read = || {
            let reader = public.answers.reader();
            let reader = reader.as_ref()?;
            Some(tags.with_slice(|tags| reader.badge(&tenant.name, &user, tags, public.muted_rooms)))
        };
        public.gate.while_open(read).flatten().ok_or(Refusal::NotReady)
    }

    fn refuse(&self, refusal: Refusal, started: Instant) -> Response {
        let response = answer::refused(refusal);
        self.public.metrics.answered(Some(refusal), started.elapsed());
        response
    }
}

pub(crate) async fn me_badge(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    match badges.badge(&request) {
        Ok(badge) => {
            let response = answer::badge(badge);
            badges.public.metrics.answered(None, started.elapsed());
            response
        }
        Err(refusal) => badges.refuse(refusal, started),
    }
}

pub(crate) async fn not_found(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::NotFound, Instant::now())
}

pub(crate) async fn method_not_allowed(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::MethodNotAllowed, Instant::now())
}

/// A clock that stands before 1970 is broken: no token is valid by it.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX)
}
