//! One connection to NATS, from its first message to its loss. It is never repaired.
//!
//! The client library would connect again by itself, and then send what still waits in its queue,
//! while what it had written before may be lost: later lines could be stored without earlier ones.
//! So its attempt to reconnect is held for ever, the loss is reported, and whoever sends lines
//! decides over a new connection which line comes first.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, StatusCode, Subscriber};
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::order::{Answer, Refusal, Sending, Ticket, WINDOW};
use super::reader::Message;
use crate::nats;
use crate::settings::Nats;

/// The most reports handed over at once.
const REPORTS: usize = 512;

/// What a connection reports.
#[derive(Debug)]
pub(super) enum Report {
    /// A line was answered.
    Answered { ticket: Ticket, attempt: u32, answer: Answer },
    /// The server says something that concerns no single line.
    ServerSays(String),
    /// The connection is gone. Nothing follows.
    Lost,
}

/// A connection with the answers that come back over it.
pub(super) struct Connection {
    client: Client,
    inbox: String,
    answers: Subscriber,
    events: UnboundedReceiver<Event>,
    run: String,
}

impl Connection {
    /// Connects and listens for answers.
    pub(super) async fn open(settings: &Nats, run: &str) -> anyhow::Result<Self> {
        let (report, events) = unbounded_channel();
        let connected_before = Arc::new(AtomicBool::new(false));
        let options = ConnectOptions::new()
            .name("tallymark publish")
            // Never full, so that sending never waits: a full queue would wait for ever once the
            // connection is lost.
            .client_capacity(2 * WINDOW)
            .subscription_capacity(4 * WINDOW)
            .event_callback(move |event| {
                // Nobody listens any more once the connection is given up.
                _ = report.send(event);
                async {}
            })
            .reconnect_to_server_callback(move |_, _| {
                let is_lost = connected_before.swap(true, Ordering::Relaxed);
                async move { if is_lost { pending().await } else { None } }
            });
        let client = nats::connect(settings, options).await?;
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.>")).await;
        let answers = answers.context("can't listen for the server's answers")?;
        Ok(Self { client, inbox, answers, events, run: run.to_owned() })
    }

    /// The largest message, headers included, that the server takes.
    pub(super) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// For requests beside the lines.
    pub(super) fn jetstream(&self) -> Context {
        jetstream::new(self.client.clone())
    }

    /// Hands a line to the connection.
    pub(super) async fn send(&self, sending: Sending<'_, Message>) -> anyhow::Result<()> {
        let Sending { ticket, attempt, line, message } = sending;
        let reply = format!("{}.{ticket}.{attempt}", self.inbox);
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{}:{line}", self.run));
        let Message { subject, body } = message;
        self.client
            .publish_with_reply_and_headers(subject.clone(), reply, headers, body.clone())
            .await
            .with_context(|| format!("line {line} can't be sent"))
    }

    /// Waits for reports and appends them. To be called again unless the connection is lost.
    pub(super) async fn reports(&mut self, stream: &str, reports: &mut Vec<Report>) {
        tokio::select! {
            biased;
            message = self.answers.next() => match message {
                Some(message) => {
                    reports.extend(self.answered(&message, stream));
                    self.drain(stream, reports);
                }
                None => reports.push(Report::Lost),
            },
            event = self.events.recv() => match event {
                Some(Event::ServerError(error)) => {
                    reports.push(Report::ServerSays(error.to_string()));
                }
                Some(Event::Disconnected | Event::Closed) | None => {
                    // Answers that came before the loss are still there.
                    while self.drain(stream, reports) > 0 {}
                    reports.push(Report::Lost);
                }
                Some(_) => {}
            },
        }
    }

    /// Takes the answers that are there, up to a limit; says how many.
    fn drain(&mut self, stream: &str, reports: &mut Vec<Report>) -> usize {
        for taken in 0..REPORTS {
            match self.answers.next().now_or_never() {
                Some(Some(message)) => reports.extend(self.answered(&message, stream)),
                Some(None) | None => return taken,
            }
        }
        REPORTS
    }

    /// Reads an answer: the reply subject tells which line it is for.
    fn answered(&self, message: &async_nats::Message, stream: &str) -> Option<Report> {
        let name = message.subject.strip_prefix(self.inbox.as_str())?.strip_prefix('.')?;
        let (ticket, attempt) = name.split_once('.')?;
        let (ticket, attempt) = (ticket.parse().ok()?, attempt.parse().ok()?);
        Some(Report::Answered { ticket, attempt, answer: answer(message, stream) })
    }
}

fn answer(message: &async_nats::Message, stream: &str) -> Answer {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Answer::Refused(Refusal::NoStream);
    }
    match serde_json::from_slice(&message.payload) {
        Ok(Response::Ok(PublishAck { stream: found, .. })) if found != stream => {
            Answer::StoredElsewhere { stream: found }
        }
        Ok(Response::Ok(PublishAck { sequence, duplicate, .. })) => Answer::Stored { sequence, duplicate },
        // 4xx blames the request: the same one will be refused again. The exception is a conflict,
        // with an earlier sending of the same line that is under way.
        Ok(Response::Err { error }) if (400..500).contains(&error.code()) && error.code() != 409 => {
            Answer::Refused(Refusal::Permanent(error.to_string()))
        }
        Ok(Response::Err { error }) => Answer::Refused(Refusal::Temporary(error.to_string())),
        Err(error) => Answer::Unanswered(format!("the answer can't be read: {error}")),
    }
}
