//! Takes questions, as many as there is room for, and has each answered.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::Client;
use async_nats::connection::State;
use async_nats::service::{Request, Service};
use bytes::Bytes;
use events::Prefix;
use futures::stream::select;
use futures::{FutureExt as _, StreamExt as _};
use query::{Hub, ServerAnswer, ServerQuestion, Servers};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::metrics::Metrics;
use super::reply;
use super::service::Endpoints;
use super::watched::{Granted, TooMany, Watched, Watches};
use crate::rfc3339;
use crate::settings::Nats;

/// Where questions are taken. All clones are one.
#[derive(Clone)]
pub(super) struct Desk {
    servers: Servers,
    client: Client,
    metrics: Metrics,
    prefix: Arc<Prefix>,
    /// One for each question that is not answered yet.
    places: Arc<Semaphore>,
    /// One for each byte of their bodies.
    bytes: Arc<Semaphore>,
    /// All places.
    most_questions: u32,
    watches: Watches,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Badges,
    /// Badges, and all that they become.
    Watch,
}

/// An answer, and what begins when it is sent.
struct WorkedOut {
    answer: ServerAnswer,
    granted: Option<Granted>,
}

/// What a question holds until it is answered.
struct Place {
    _place: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Desk {
    pub(super) fn new(nats: &Nats, (servers, hub): (Servers, Hub), metrics: Metrics, client: Client) -> Self {
        let prefix = Arc::new(nats.subject_prefix.clone());
        let watches = Watches::new(
            (hub, servers.clone()),
            client.clone(),
            Arc::clone(&prefix),
            metrics.clone(),
            nats.max_watched_badges,
        );
        let most_questions = u32::try_from(nats.max_questions).unwrap_or(u32::MAX);
        Self {
            servers,
            client,
            metrics,
            prefix,
            places: Arc::new(Semaphore::new(nats.max_questions)),
            bytes: Arc::new(Semaphore::new(nats.max_questions_bytes.min(Semaphore::MAX_PERMITS))),
            most_questions,
            watches,
        }
    }

    /// Takes questions until there will be no more. It waits for nothing else, so that none piles up before it is
    /// known whether there is room for it.
    pub(super) async fn take_all(&self, Endpoints { badges, watch }: &mut Endpoints) {
        let badges = badges.map(|request| (Asked::Badges, request));
        let mut questions = select(badges, watch.map(|request| (Asked::Watch, request)));
        tokio::task::unconstrained(async {
            while let Some((asked, request)) = questions.next().await {
                self.take(asked, request);
            }
        })
        .await;
    }

    /// Takes those that have come, and no more, and returns when all are answered.
    pub(super) async fn end(&self, service: Service, questions: &mut Endpoints) {
        // Without a connection there is nobody to answer, and the end of the subscription would not come.
        if self.client.connection_state() != State::Connected {
            return;
        }
        // It never fails.
        let _ = service.stop().await;
        self.take_all(questions).await;
        // It would fail if the semaphore were closed.
        let _ = self.places.acquire_many(self.most_questions).await;
        // An error means that the connection has gone meanwhile.
        let _ = self.client.flush().await;
    }

    fn take(&self, asked: Asked, mut request: Request) {
        let Some(reply) = request.message.reply.as_deref() else { return };
        if !reply::may_go_to(reply, &self.prefix) {
            self.metrics.reply_refused();
            tracing::debug!(subject = %request.message.subject, reply, "a question whose answer can't go there");
            return;
        }
        let started = Instant::now();
        let body = std::mem::take(&mut request.message.payload);
        let Some(tenant) = self.prefix.asking(&request.message.subject).map(str::to_owned) else { return };
        if body.len() > Servers::MOST_QUESTION_BYTES {
            // Refused unread, so there is nothing to work out.
            if let Err(answer) = self.servers.question(&tenant, &body, started) {
                self.answer_at_once(request, answer);
            }
            return;
        }
        match self.place(body.len()) {
            Some(place) => {
                let desk = self.clone();
                tokio::spawn(
                    async move { desk.answer(request, (asked, tenant, body, started), place).await },
                );
            }
            None => self.answer_at_once(request, ServerAnswer::overloaded()),
        }
    }

    fn place(&self, bytes: usize) -> Option<Place> {
        let bytes = u32::try_from(bytes).ok()?;
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()?;
        Some(Place { _place: place, _bytes: bytes })
    }

    /// Where there is no room even for an answer, there is none: whoever asks then hears nothing in time.
    fn answer_at_once(&self, mut request: Request, answer: ServerAnswer) {
        if let Some(code) = reply::send(&self.client, &mut request, answer).now_or_never() {
            self.metrics.answered(code);
        }
    }

    async fn answer(self, mut request: Request, question: (Asked, String, Bytes, Instant), place: Place) {
        let Some(WorkedOut { answer, granted }) = self.work_out(question).await else { return };
        self.metrics.answered(reply::send(&self.client, &mut request, answer).await);
        drop(place);
        if let Some(granted) = granted {
            self.watches.begin(granted);
        }
    }

    /// `None` if there is none: a panic, or the end.
    async fn work_out(
        &self,
        (asked, tenant, body, started): (Asked, String, Bytes, Instant),
    ) -> Option<WorkedOut> {
        let desk = self.clone();
        let read = move || {
            let question = match asked {
                Asked::Badges => desk.servers.question(&tenant, &body, started),
                Asked::Watch => desk.servers.watch(&tenant, &body, started),
            };
            match question {
                Ok(question) if question.waits() => Err(question),
                Ok(question) => Ok(desk.decide(asked, &question)),
                Err(answer) => Ok(WorkedOut { answer, granted: None }),
            }
        };
        match work(read).await? {
            Ok(worked_out) => Some(worked_out),
            Err(question) => {
                question.wait().await;
                let desk = self.clone();
                work(move || desk.decide(asked, &question)).await
            }
        }
    }

    /// Nobody is watched for who gets no badges.
    fn decide(&self, asked: Asked, question: &ServerQuestion) -> WorkedOut {
        if asked == Asked::Badges {
            return WorkedOut { answer: question.answer(), granted: None };
        }
        let lasts = question.watch_lasts();
        let until = (!lasts.is_zero()).then(|| until(lasts, SystemTime::now()));
        let answer = question.answer_watching(until.as_deref());
        if answer.is_error() {
            return WorkedOut { answer, granted: None };
        }
        let badges = Watched::all(question);
        if lasts.is_zero() {
            self.watches.end(&badges);
            return WorkedOut { answer, granted: None };
        }
        match self.watches.grant(badges, lasts) {
            Ok(granted) => WorkedOut { answer, granted: Some(granted) },
            Err(TooMany) => WorkedOut { answer: ServerAnswer::too_many_watched(), granted: None },
        }
    }
}

/// When a lease that is given now ends, for people and programs.
fn until(lasts: Duration, now: SystemTime) -> String {
    let ends = now.duration_since(UNIX_EPOCH).unwrap_or_default() + lasts;
    rfc3339::format(u64::try_from(ends.as_millis()).unwrap_or(u64::MAX))
}

/// Has something worked out by the thread for that, one after the other.
async fn work<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let worked_out = tokio::task::spawn_blocking(work).await;
    worked_out.inspect_err(|error| tracing::error!(%error, "a question over NATS was not answered")).ok()
}
