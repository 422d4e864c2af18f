//! Takes questions, as many as there is room for, and has each answered.

use std::sync::Arc;
use std::time::Instant;

use async_nats::Client;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Request, Service};
use bytes::Bytes;
use events::Prefix;
use futures::{FutureExt as _, StreamExt as _};
use query::{ServerAnswer, ServerQuestion, Servers};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::metrics::Metrics;
use super::reply;
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
}

/// What a question holds until it is answered.
struct Place {
    _place: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Desk {
    pub(super) fn new(nats: &Nats, servers: Servers, metrics: Metrics, client: Client) -> Self {
        let most_questions = u32::try_from(nats.max_questions).unwrap_or(u32::MAX);
        Self {
            servers,
            client,
            metrics,
            prefix: Arc::new(nats.subject_prefix.clone()),
            places: Arc::new(Semaphore::new(nats.max_questions)),
            bytes: Arc::new(Semaphore::new(nats.max_questions_bytes.min(Semaphore::MAX_PERMITS))),
            most_questions,
        }
    }

    /// Takes questions until there will be no more. It waits for nothing else, so that none piles up before it is
    /// known whether there is room for it.
    pub(super) async fn take_all(&self, questions: &mut Endpoint) {
        tokio::task::unconstrained(async {
            while let Some(question) = questions.next().await {
                self.take(question);
            }
        })
        .await;
    }

    /// Takes those that have come, and no more, and returns when all are answered.
    pub(super) async fn end(&self, service: Service, questions: &mut Endpoint, client: &Client) {
        // It never fails.
        let _ = service.stop().await;
        self.take_all(questions).await;
        // It would fail if the semaphore were closed.
        let _ = self.places.acquire_many(self.most_questions).await;
        // Without a connection there is nobody to send to.
        let _ = client.flush().await;
    }

    fn take(&self, mut request: Request) {
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
                tokio::spawn(async move { desk.answer(request, tenant, body, started, place).await });
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

    async fn answer(self, mut request: Request, tenant: String, body: Bytes, started: Instant, place: Place) {
        let Some(answer) = self.work_out(tenant, body, started).await else { return };
        self.metrics.answered(reply::send(&self.client, &mut request, answer).await);
        drop(place);
    }

    /// `None` if there is none: a panic, or the end.
    async fn work_out(&self, tenant: String, body: Bytes, started: Instant) -> Option<ServerAnswer> {
        let servers = self.servers.clone();
        let taken = work(move || match servers.question(&tenant, &body, started) {
            Ok(question) if question.waits() => Err(question),
            Ok(question) => Ok(question.answer()),
            Err(refused) => Ok(refused),
        });
        match taken.await? {
            Ok(answer) => Some(answer),
            Err(question) => {
                question.wait().await;
                work(move || ServerQuestion::answer(&question)).await
            }
        }
    }
}

/// Has something worked out by the thread for that, one after the other.
async fn work<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let worked_out = tokio::task::spawn_blocking(work).await;
    worked_out.inspect_err(|error| tracing::error!(%error, "a question over NATS was not answered")).ok()
}
