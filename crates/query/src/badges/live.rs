//! `GET /me/badge/live`: the one number, and each that comes after it, as server-sent events.

mod metrics;
mod places;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::{Badge, Reader};

use super::Badges;
use crate::answer::{self, Refused};
use crate::credentials;
use crate::metrics::Answered;
use crate::openapi::{self, Asker, Operation, Reply};
use crate::question::{Question, sequence};
use crate::refusal::Refusal;
use stream::LiveStream;

pub(crate) use metrics::LiveMetrics;
pub(super) use places::LivePlaces;

/// What live badges may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveLimits {
    /// How many there may be at a time.
    pub connections: usize,
    /// How many one user may have at a time.
    pub connections_per_user: usize,
    /// After how long without an event a comment is sent, so that nobody on the way takes the connection for dead.
    pub keep_alive: Duration,
}

/// The defaults of the settings.
impl Default for LiveLimits {
    fn default() -> Self {
        Self { connections: 8_192, connections_per_user: 32, keep_alive: Duration::from_secs(15) }
    }
}

pub(crate) fn operation() -> Operation {
    let mut parameters = openapi::filters();
    parameters.push(openapi::last_event_id());
    Operation {
        id: "watchBadge",
        summary: "The one number, and each that comes after it",
        description: "Server-sent events. `badge` is the number itself, at once and after each change, no more often than the \
                      operator allows; `id` is its `Badge-Seq`. Comments say that the connection lives. `end` is the last one, with its \
                      `reason`: `not_ready`, `token` or `stopping`.",
        asker: Asker::User,
        parameters,
        body: None,
        reply: Reply::events(&stream::example()),
    }
}

pub(crate) async fn live(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    let (asked, _) = request.into_parts();
    // In a place of its own: what waits is far larger than what is answered with.
    match Box::pin(badges.live(&asked, started)).await {
        Ok((stream, badge)) => {
            badges.public.metrics.answered(Answered::Whole, started.elapsed());
            answer::events(Body::from_stream(stream.into_events()), badge.applied)
        }
        Err(refused) => badges.refuse(refused, started),
    }
}

impl Badges {
    /// The checks of `/me/badge`, and then the number with which the stream begins. It is read when the watch has begun: what
    /// changes after it is seen.
    async fn live(self: &Arc<Self>, asked: &Parts, started: Instant) -> Result<(LiveStream, Badge), Refused> {
        let (asker, bearer) = self.admission().bearer(&asked.headers).await?;
        let (tenant, user) = (asker.tenant(), bearer.user());
        self.admit(tenant, Some(user), started)?;
        let question = Question::parse(asked.uri.query().unwrap_or(""))?;
        // Whoever had a number never sees one that is older.
        let min_seq = question.min_seq.max(last_event_id(asked)?);
        let place = self.live_places.take(&tenant.name, user).ok_or(Refusal::Overloaded)?;
        let mut watch = self.public.hub.watch(&tenant.name, user, question.filter());
        let read = |reader: &Reader| {
            let muted = self.muted_rooms();
            question.with_filter(|filter| reader.filtered_badge(&tenant.name, user, filter, muted))
        };
        let badge = self.read_fresh(min_seq, read, |badge| badge.applied).await?;
        watch.tell(badge);
        Ok((LiveStream::new(self, (watch, place), bearer, badge), badge))
    }
}

fn last_event_id(asked: &Parts) -> Result<Option<u64>, Refusal> {
    let Some(text) = credentials::last_event_id(&asked.headers) else { return Ok(None) };
    let id = text.ok().and_then(sequence);
    id.map(Some).ok_or(Refusal::InvalidLastEventId)
}
