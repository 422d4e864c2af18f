//! Copies malformed events from the outbox to the dead-letter stream: one at a time, so that they
//! are stored in the order of their sequences and the last copy tells which are there.

use std::convert::Infallible;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::PublishMessage;
use store::{DeadLetter, Durable, Outbox, StoreError, StreamIdentity};
use tokio::sync::watch;

use crate::duty::Duty;
use crate::letter::{Copied, body_bytes, headers};
use crate::link::Link;
use crate::metrics::Metrics;
use crate::raw::{self, RawError};
use crate::stream::{StreamError, describe};

/// How often to look for letters, and the first wait after a failure.
const LOOK: Duration = Duration::from_millis(250);
/// How often to look, on standby, which letters another consumer has copied.
const STANDBY_LOOK: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// Letters read from the store at once.
const LETTERS: usize = 64;

/// Copies dead letters for as long as it is polled.
pub(crate) struct Sender {
    pub(crate) link: Link,
    pub(crate) outbox: Outbox,
    pub(crate) durable: Durable,
    /// The stream `<stream>_DEAD`.
    pub(crate) stream: String,
    /// The stream that is counted, while its identity is confirmed: with another one before it,
    /// a letter would be sent to a server where it does not belong.
    pub(crate) confirmed: watch::Receiver<Option<StreamIdentity>>,
    /// On standby nothing is sent: another consumer does.
    pub(crate) duty: watch::Receiver<Duty>,
    pub(crate) metrics: Metrics,
}

/// Why letters wait.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "there is no stream {0:?} for copies of malformed events: create it with the subjects <prefix>-dead.>"
    )]
    Missing(String),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Raw(#[from] RawError),
    #[error("the copy of the malformed event {sequence} was not stored: {error}")]
    Publish { sequence: u64, error: PublishError },
    /// Not a failure of the sender's: it ends consuming.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The next letters that no crash can undo.
pub(crate) fn next_letters(outbox: &Outbox, durable: &Durable) -> Result<Vec<DeadLetter>, StoreError> {
    outbox.committed(durable.sequence(), LETTERS)
}

/// The stream as it is when sending begins.
struct Target {
    last: Option<Copied>,
    /// The largest message that stream and server take, headers and body together.
    max_bytes: usize,
}

impl Sender {
    pub(crate) async fn run(mut self) -> Result<Infallible, StoreError> {
        let mut backoff = LOOK;
        let mut said = String::new();
        loop {
            let counted = match self.confirmed.wait_for(Option::is_some).await {
                Ok(confirmed) => (*confirmed).clone(),
                Err(_) => None,
            };
            let Some(counted) = counted else { return futures::future::pending().await };
            let stored_before = self.metrics.dead_letters_stored.get();
            match self.send(&counted).await {
                Ok(()) => {}
                Err(Failure::Store(error)) => return Err(error),
                Err(failure) => {
                    self.metrics.dead_letter_failures.inc();
                    let text = failure.to_string();
                    if text != said {
                        tracing::error!(waiting = self.outbox.waiting(), "dead letters wait: {text}");
                        said = text;
                    }
                    if self.metrics.dead_letters_stored.get() > stored_before {
                        backoff = LOOK;
                    }
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(LONGEST_BACKOFF);
                }
            }
        }
    }

    /// Sends until the stream is not confirmed any more.
    async fn send(&self, counted: &StreamIdentity) -> Result<(), Failure> {
        let mut target = None;
        while self.confirmed.borrow().as_ref() == Some(counted) {
            let letters = self.committed().await?;
            if letters.is_empty() {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            if *self.duty.borrow() == Duty::Standby {
                self.drop_copied(&letters, counted).await?;
                tokio::time::sleep(STANDBY_LOOK).await;
                continue;
            }
            let target = match &mut target {
                Some(target) => target,
                None => target.insert(self.target().await?),
            };
            for letter in letters {
                if target.last.as_ref().is_none_or(|last| !last.covers(&letter, counted)) {
                    if self.confirmed.borrow().as_ref() != Some(counted) {
                        return Ok(());
                    }
                    self.publish(&letter, counted, target.max_bytes).await?;
                    self.metrics.dead_letters_stored.inc();
                }
                self.outbox.stored(letter.sequence);
            }
        }
        Ok(())
    }

    /// Of these letters, those that another consumer has copied need not wait any more.
    async fn drop_copied(&self, letters: &[DeadLetter], counted: &StreamIdentity) -> Result<(), Failure> {
        let last = self.target().await?.last;
        for letter in letters {
            if last.as_ref().is_some_and(|last| last.covers(letter, counted)) {
                self.outbox.stored(letter.sequence);
            }
        }
        Ok(())
    }

    async fn committed(&self) -> Result<Vec<DeadLetter>, StoreError> {
        if self.outbox.waiting() == 0 {
            return Ok(Vec::new());
        }
        let (outbox, durable) = (self.outbox.clone(), self.durable.clone());
        match tokio::task::spawn_blocking(move || next_letters(&outbox, &durable)).await {
            Ok(letters) => letters,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is being shut down.
                Err(_) => futures::future::pending().await,
            },
        }
    }

    async fn target(&self) -> Result<Target, Failure> {
        let jetstream = &self.link.jetstream;
        let info =
            describe(jetstream, &self.stream).await?.ok_or_else(|| Failure::Missing(self.stream.clone()))?;
        let last = raw::last(jetstream, &self.stream).await?;
        let copied = |headers: &HeaderMap| {
            Copied::from_headers(|name| headers.get_last(name).map(async_nats::HeaderValue::as_str))
        };
        let of_server = self.link.client.max_payload();
        let of_stream = usize::try_from(info.config.max_message_size).ok().filter(|&bytes| bytes > 0);
        Ok(Target {
            last: last.and_then(|message| message.headers.as_ref().and_then(copied)),
            max_bytes: of_stream.map_or(of_server, |bytes| bytes.min(of_server)),
        })
    }

    async fn publish(
        &self,
        letter: &DeadLetter,
        counted: &StreamIdentity,
        max_bytes: usize,
    ) -> Result<(), Failure> {
        let mut headers = headers(letter, counted);
        // Without it, a stream that took these subjects by mistake would swallow the copy.
        headers.push(("Nats-Expected-Stream", self.stream.clone()));
        // One consumer may take over from another while a copy is on its way.
        headers.push(("Nats-Msg-Id", format!("{}:{}", counted.created_ns, letter.sequence)));
        let bytes = body_bytes(letter, &headers, max_bytes);
        let mut map = HeaderMap::new();
        for (name, value) in &headers {
            map.insert(*name, value.as_str());
        }
        let message = PublishMessage::build().headers(map).payload(letter.body[..bytes].to_vec().into());
        let failed = |error| Failure::Publish { sequence: letter.sequence, error };
        let stored =
            self.link.jetstream.send_publish(letter.dead_subject.clone(), message).await.map_err(failed)?;
        stored.await.map_err(failed)?;
        Ok(())
    }
}
