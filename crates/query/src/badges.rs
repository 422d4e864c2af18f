//! What the public routes answer from, and the checks that they share; the routes themselves are in the modules below.

mod body;
pub(crate) mod by_room_tags;
pub(crate) mod by_room_tags_and_time;
pub(crate) mod live;
pub(crate) mod me_badge;
pub(crate) mod of_tokens;
pub(crate) mod of_users;
pub(crate) mod rooms;
pub(crate) mod servers;
pub(crate) mod summary;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use counters::{MutedRooms, Reader};

use by_room_tags_and_time::AskBeforeTime;

use crate::answer::{self, Found, Refused};
use crate::entity_tag::EntityTag;
use crate::metrics::Answered;
use crate::refusal::Refusal;
use crate::{Admission, Answers, Arrivals, Gate, Hub, Metrics, Rates, Tenant};
pub(crate) use body::List;
use live::LivePlaces;

pub use live::LiveLimits;

/// What the public routes answer from. All clones are one.
#[derive(Clone)]
pub struct Public {
    /// Who may ask.
    pub admission: Admission,
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
    /// Where to count.
    pub metrics: Metrics,
    /// How often tenants and users may ask.
    pub rates: Rates,
    /// Where live badges are watched.
    pub hub: Hub,
    /// How many of them there may be.
    pub live: LiveLimits,
}

/// The state behind the public routes. All clones are one.
#[derive(Clone)]
pub(crate) struct Badges {
    public: Public,
    live_places: LivePlaces,
}

impl Badges {
    pub(crate) fn new(public: Public) -> Self {
        Self { live_places: LivePlaces::new(public.live), public }
    }

    pub(crate) fn muted_rooms(&self) -> MutedRooms {
        self.public.muted_rooms
    }

    /// Who may ask.
    pub(crate) fn admission(&self) -> &Admission {
        &self.public.admission
    }

    /// Counts a request against what the tenant and the user may ask.
    pub(crate) fn admit(&self, tenant: &Tenant, user: Option<&str>, now: Instant) -> Result<(), Refused> {
        self.public.rates.admit(&tenant.name, user, now).map_err(|limited| {
            self.public.metrics.limited(limited.scope);
            Refused::limited(limited)
        })
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
        if let Some(min_seq) = min_seq {
            // In a place of its own, so that a request that waits for nothing does not carry it about.
            Box::pin(self.wait(min_seq)).await;
        }
        self.read_reaching(min_seq, read, applied)
    }

    /// Waits until everything up to `min_seq` is in the counts, but not for ever, and not for counts that can't be
    /// trusted.
    async fn wait(&self, min_seq: u64) {
        let Public { gate, arrivals, answers, min_seq_wait, .. } = &self.public;
        if gate.is_open() {
            arrivals.wait(min_seq, answers, *min_seq_wait).await;
        }
    }

    /// Reads, unless what is read does not reach to `min_seq`.
    fn read_reaching<T>(
        &self,
        min_seq: Option<u64>,
        read: impl Fn(&Reader) -> T,
        applied: impl Fn(&T) -> u64,
    ) -> Result<T, Refused> {
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
            (answer::not_modified(applied, tag, body.len()), Answered::NotModified)
        } else {
            (answer::found(body, applied, Some(tag)), Answered::Whole)
        };
        self.public.metrics.answered(how, started.elapsed());
        response
    }

    pub(crate) fn answered(&self, how: Answered, started: Instant) {
        self.public.metrics.answered(how, started.elapsed());
    }

    pub(crate) fn refuse(&self, refused: impl Into<Refused>, started: Instant) -> Response {
        let refused = refused.into();
        if !refused.is_counted {
            self.public.metrics.answered(Answered::Refused(refused.refusal), started.elapsed());
        }
        answer::refused(refused)
    }
}

pub(crate) async fn not_found(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::NotFound, Instant::now())
}

pub(crate) async fn only_get(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::OnlyGet, Instant::now())
}

pub(crate) async fn only_post(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::OnlyPost, Instant::now())
}

pub(crate) async fn method_not_allowed(State(badges): State<Arc<Badges>>) -> Response {
    badges.refuse(Refusal::MethodNotAllowed, Instant::now())
}
