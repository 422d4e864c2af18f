//! What the public routes answer from, and the checks that they share; the routes themselves are in the modules below.

mod body;
pub(crate) mod by_room_tags;
pub(crate) mod by_room_tags_and_time;
pub(crate) mod me_badge;
pub(crate) mod of_tokens;
pub(crate) mod of_users;
pub(crate) mod rooms;
pub(crate) mod summary;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use counters::{MutedRooms, Reader};

use by_room_tags_and_time::AskBeforeTime;

use crate::answer::{self, Found, Refused};
use crate::credentials;
use crate::entity_tag::EntityTag;
use crate::metrics::Answered;
use crate::refusal::Refusal;
use crate::tokens::Tokens;
use crate::{Answers, Arrivals, Gate, Metrics, Tenant, Tenants};

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
    /// Where requests wait for an event that they want to be in the answer.
    pub arrivals: Arrivals,
    /// How long they wait at the most.
    pub min_seq_wait: Duration,
    /// Asked at each `/badges/byRoomTagsAndTime`.
    pub before_time: AskBeforeTime,
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

    pub(crate) fn muted_rooms(&self) -> MutedRooms {
        self.public.muted_rooms
    }

    /// Whose client key that is: the tenant, with its place among the tenants.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Result<(usize, &Tenant), Refusal> {
        let client_key = credentials::client_key(headers);
        let found = client_key.and_then(|client_key| self.public.tenants.by_client_key(client_key));
        found.ok_or(Refusal::InvalidClientKey)
    }

    /// Who asks: the tenant and the user, as the headers say.
    pub(crate) fn asker(&self, headers: &HeaderMap) -> Result<(&Tenant, Arc<str>), Refusal> {
        let (place, tenant) = self.client(headers)?;
        let token = credentials::token(headers).ok_or(Refusal::InvalidToken)?;
        let user = self.bearer((place, tenant), token).ok_or(Refusal::InvalidToken)?;
        Ok((tenant, user))
    }

    /// The user that a token makes its bearer at this moment.
    pub(crate) fn bearer(&self, (place, tenant): (usize, &Tenant), token: &str) -> Option<Arc<str>> {
        let user = self.tokens.user((place, tenant), token, since_epoch((self.public.clock)()));
        let log = |reason: &_| tracing::debug!(tenant = tenant.name, ?reason, "token refused");
        user.inspect_err(log).ok()
    }

    /// The tenant whose server asks, as its API key says.
    pub(crate) fn server(&self, headers: &HeaderMap) -> Result<&Tenant, Refusal> {
        let api_key = credentials::api_key(headers);
        api_key.and_then(|api_key| self.public.tenants.by_api_key(api_key)).ok_or(Refusal::InvalidApiKey)
    }

    /// Reads from the counts, if they can be trusted. Where to read from is looked up behind the gate, like the
    /// counts themselves.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Reader) -> T) -> Result<T, Refusal> {
        let read = || self.public.answers.reader().as_ref().map(|reader| read(reader));
        self.public.gate.while_open(read).flatten().ok_or(Refusal::NotReady)
    }

    /// The same, once everything up to `min_seq` is in the counts. `applied` says how far what was read reaches.
    pub(crate) async fn read_fresh<T>(
        &self,
        min_seq: Option<u64>,
        read: impl Fn(&Reader) -> T,
        applied: impl Fn(&T) -> u64,
    ) -> Result<T, Refused> {
        let Public { gate, arrivals, answers, min_seq_wait, .. } = &self.public;
        if let Some(min_seq) = min_seq
            && gate.is_open()
        {
            // In a place of its own, so that a request that waits for nothing does not carry it about.
            Box::pin(arrivals.wait(min_seq, answers, *min_seq_wait)).await;
        }
        let found = self.read(read)?;
        let applied = applied(&found);
        match min_seq {
            Some(min_seq) if applied < min_seq => Err(Refused::not_yet(min_seq, applied)),
            _ => Ok(found),
        }
    }

    /// What is sent for what was found: nothing but headers to who has it already, and asks with GET or HEAD.
    pub(crate) fn reply(&self, asked: &Parts, found: Result<Found, Refused>, started: Instant) -> Response {
        let Found { body, applied } = match found {
            Ok(found) => found,
            Err(refused) => return self.refuse(refused, started),
        };
        if asked.method == Method::POST {
            self.public.metrics.answered(Answered::Whole, started.elapsed());
            return answer::found(body, applied, None);
        }
        let tag = EntityTag::of_body(&body);
        let (response, how) = if tag.is_known(&asked.headers) {
            (answer::not_modified(applied, tag), Answered::NotModified)
        } else {
            (answer::found(body, applied, Some(tag)), Answered::Whole)
        };
        self.public.metrics.answered(how, started.elapsed());
        response
    }

    pub(crate) fn refuse(&self, refused: impl Into<Refused>, started: Instant) -> Response {
        let refused = refused.into();
        self.public.metrics.answered(Answered::Refused(refused.refusal), started.elapsed());
        answer::refused(refused)
    }
}

pub(crate) async fn not_found(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::NotFound, Instant::now())
}

pub(crate) async fn only_post(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::OnlyPost, Instant::now())
}

pub(crate) async fn method_not_allowed(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::MethodNotAllowed, Instant::now())
}

/// A clock that stands before 1970 is broken: no token is valid by it.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX)
}
