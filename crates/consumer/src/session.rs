//! One consumer's time: from the question whether the stream is the one that was counted, to the
//! first thing that makes another consumer necessary.

use std::time::Instant;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::ConsumerError as CreateConsumerError;
use futures::{FutureExt as _, Stream, StreamExt as _};
use store::{Position, StreamIdentity};
use tokio::sync::{mpsc::UnboundedReceiver, watch};

use crate::applier::{Begin, Halt, Report, Session, Sessions, Work};
use crate::delivered::Delivered;
use crate::fence::Fence;
use crate::gaps::Gap;
use crate::identity::{Allowed, Found, StreamFacts, Verdict, check};
use crate::inbox::{ApplierGone, Inbox};
use crate::intake::Sequences;
use crate::limit::Limit;
use crate::metrics::Metrics;
use crate::server::{Server, facts};
use crate::settings::Settings;
use crate::status::Status;
use crate::stream::StreamError;

/// Messages handed to the applier together, if so many are there already.
const BATCH_MESSAGES: usize = 1024;
/// Fewer messages than that are handed over together if they have more bytes than this.
const BATCH_BYTES: usize = 8 << 20;
/// Messages read one by one where they can't be delivered.
const BY_HAND_MESSAGES: u64 = 64;

/// Why a session is over.
#[derive(Debug)]
pub(crate) enum End {
    /// The connection is another one.
    Reconnected,
    /// The stream does not look like the one that was confirmed: to be looked at while nothing is
    /// applied.
    Doubtful,
    /// Messages that could not be delivered were handed over nevertheless.
    SteppedOver,
    /// There are messages, and none of them comes.
    Silent,
    Fenced(Fence),
    /// What the applier says.
    Halted(Halt),
    /// Something that may well work the next time.
    Failed(Failure),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("no consumer could be created: {0}")]
    Create(CreateConsumerError),
    #[error("no messages could be asked for: {0}")]
    Ask(#[from] async_nats::jetstream::consumer::StreamError),
    #[error("messages stopped: {0}")]
    Messages(#[from] pull::MessagesError),
    #[error("the messages ended")]
    Ended,
    #[error("a message came with a reply subject that is not a delivery's")]
    Reply,
}

/// What sessions share, and don't change.
pub(crate) struct Source {
    pub(crate) settings: Settings,
    pub(crate) allowed: Allowed,
    pub(crate) status: Status,
    pub(crate) metrics: Metrics,
    pub(crate) sessions: Sessions,
    pub(crate) inbox: Inbox,
    /// The stream, while its identity is confirmed.
    pub(crate) confirmed: watch::Sender<Option<StreamIdentity>>,
}

impl Source {
    /// Consumes until there is a reason to begin again. `by_hand`: nothing was delivered lately, so
    /// read from the stream itself.
    pub(crate) async fn session<S: Server>(
        &self,
        server: &S,
        connection: S::Connection,
        reports: &mut UnboundedReceiver<Report>,
        by_hand: bool,
    ) -> Result<End, ApplierGone> {
        // From here on nothing of an earlier consumer is applied: the position stands still.
        let session = self.sessions.start();
        let position = self.inbox.position().await?;
        if let Err(failure) = self.create_streams(server, &position).await {
            return Ok(End::Failed(failure.into()));
        }
        let lost = match self.confirm(server, &position).await {
            Ok((_, lost)) => lost,
            Err(end) => return Ok(end),
        };
        let start = lost.map_or(position.applied, |gap| gap.last) + 1;
        let consumer = match self.consumer(server, start).await {
            Ok(consumer) => consumer,
            Err(failure) => return Ok(End::Failed(failure)),
        };
        // The consumer goes with its stream: if this is the stream that was counted, all that the
        // consumer will ever deliver is of that stream.
        let (found, lost) = match self.confirm(server, &position).await {
            Ok(confirmed) => confirmed,
            Err(end) => return Ok(end),
        };
        let begin = Begin { session, stream: found.identity.clone(), lost, stream_end: found.last_sequence };
        self.inbox.send(Work::Begin(begin))?;
        self.metrics.fenced(None);
        self.confirmed.send_replace(Some(found.identity));
        if by_hand && found.next == Some(start) {
            return self.by_hand(server, &position, session, start, reports).await;
        }
        tracing::info!(stream = self.settings.stream, start, last = found.last_sequence, "consuming");
        self.pull(server, connection, &consumer, session, reports).await
    }

    /// Both streams, if the operator wants them and nothing was ever counted.
    async fn create_streams(&self, server: &impl Server, position: &Position) -> Result<(), StreamError> {
        let has_checkpoint = position.stream.is_some() || position.applied > 0 || position.recount.is_some();
        if !self.settings.create_stream || has_checkpoint {
            return Ok(());
        }
        server.create_streams(&self.settings).await
    }

    async fn verdict(
        &self,
        server: &impl Server,
        position: &Position,
    ) -> Result<(StreamFacts, Verdict), StreamError> {
        let facts = facts(server, &self.settings.stream, position).await?;
        let verdict = check(position, &self.settings.stream, &facts, &self.allowed);
        Ok((facts, verdict))
    }

    /// The stream, if it is the one that was counted.
    async fn confirm(&self, server: &impl Server, position: &Position) -> Result<(Found, Option<Gap>), End> {
        match self.verdict(server, position).await {
            Err(error) => Err(End::Failed(error.into())),
            Ok((StreamFacts::Found(found), Verdict::Same { lost })) => Ok((found, lost)),
            Ok((_, Verdict::Fenced(fence))) => Err(End::Fenced(fence)),
            Ok((StreamFacts::Missing, Verdict::Same { .. })) => Err(End::Doubtful),
        }
    }

    async fn consumer<S: Server>(&self, server: &S, start: u64) -> Result<S::Consumer, Failure> {
        let created = server.consumer(&self.settings.stream, start).await;
        self.metrics.consumers_created.inc();
        created
    }

    /// Some messages can be stored but not delivered: with headers that no client can read, or
    /// with headers that make the client take them for the server's own words. Whatever lies
    /// ahead is read one by one, past the first such message and a few more.
    async fn by_hand(
        &self,
        server: &impl Server,
        position: &Position,
        session: Session,
        start: u64,
        reports: &mut UnboundedReceiver<Report>,
    ) -> Result<End, ApplierGone> {
        tracing::warn!(start, "messages can't be delivered: reading them from the stream one by one");
        let mut messages = Vec::new();
        for (sequence, consumer) in (start..).zip(1..=BY_HAND_MESSAGES) {
            match server.at(&self.settings.stream, sequence).await {
                Ok(Some(mut message)) => {
                    // Only a delivery can say that the stream ends here.
                    message.sequences = Sequences { stream: sequence, consumer, pending: 1 };
                    messages.push(message);
                }
                Ok(None) => break,
                Err(error) => return Ok(End::Failed(StreamError::from(error).into())),
            }
        }
        if let Err(end) = self.confirm_read(server, position, &messages).await {
            return Ok(end);
        }
        let bytes = messages.iter().map(Delivered::memory_bytes).sum();
        self.inbox.batch(session, messages, bytes).await?;
        // The answer comes after what the applier has to say of them.
        self.inbox.position().await?;
        while let Ok(report) = reports.try_recv() {
            if report.session == session {
                return Ok(End::Halted(report.halt));
            }
        }
        Ok(End::SteppedOver)
    }

    /// What is read from a stream does not go with it, as a consumer does: another history may have begun meanwhile.
    /// What is still there once all was read was there together, and follows what was counted.
    async fn confirm_read(
        &self,
        server: &impl Server,
        position: &Position,
        messages: &[Delivered],
    ) -> Result<(), End> {
        for message in messages {
            let again = server.at(&self.settings.stream, message.sequences.stream).await;
            let again = again.map_err(|error| End::Failed(StreamError::from(error).into()))?;
            if again.is_none_or(|again| again.fingerprint() != message.fingerprint()) {
                return Err(End::Doubtful);
            }
        }
        let (found, _) = self.confirm(server, position).await?;
        let is_same = self.confirmed.borrow().as_ref() == Some(&found.identity);
        if is_same { Ok(()) } else { Err(End::Doubtful) }
    }

    async fn pull<S: Server>(
        &self,
        server: &S,
        connection: S::Connection,
        consumer: &S::Consumer,
        session: Session,
        reports: &mut UnboundedReceiver<Report>,
    ) -> Result<End, ApplierGone> {
        let mut limit = Limit::new(self.settings.most_events_per_second, Instant::now());
        let mut messages = match server.messages(consumer, limit.most_pulled()).await {
            Ok(messages) => messages,
            Err(failure) => return Ok(End::Failed(failure)),
        };
        let (replaced, watched) = (server.replaced(connection), self.watch(server, true));
        tokio::pin!(replaced, watched);
        let most_messages = BATCH_MESSAGES.min(limit.most_together());
        loop {
            let first = tokio::select! {
                biased;
                () = &mut replaced => return Ok(End::Reconnected),
                end = &mut watched => return end,
                Some(report) = reports.recv() => {
                    if report.session == session {
                        return Ok(End::Halted(report.halt));
                    }
                    continue;
                }
                first = limit.passed().then(|()| messages.next()) => first,
            };
            let Gathered { batch, bytes, failure } = gather(first, &mut messages, most_messages);
            if !batch.is_empty() {
                limit.came(batch.len(), Instant::now());
                self.inbox.batch(session, batch, bytes).await?;
            }
            if let Some(failure) = failure {
                return Ok(End::Failed(failure));
            }
        }
    }

    /// Looks at the stream now and then; ends when it looks wrong. While messages arrive that
    /// look can deceive, so it is only a reason for a second one. `is_delivering`: what is in the stream has to have
    /// been applied by the next look.
    pub(crate) async fn watch(&self, server: &impl Server, is_delivering: bool) -> Result<End, ApplierGone> {
        let applied = self.inbox.position().await?.applied;
        let mut overdue = (self.status.lag_events() > 0).then_some(applied);
        loop {
            tokio::time::sleep(self.settings.identity_check_interval).await;
            let position = self.inbox.position().await?;
            match self.verdict(server, &position).await {
                Ok((StreamFacts::Found(found), Verdict::Same { lost: None })) => {
                    self.status.seen(found.last_sequence);
                    let waiting = (found.last_sequence > position.applied).then_some(position.applied);
                    if is_delivering && waiting.is_some() && waiting == overdue {
                        return Ok(End::Silent);
                    }
                    overdue = waiting;
                }
                Ok(_) => return Ok(End::Doubtful),
                Err(error) => return Ok(End::Failed(error.into())),
            }
        }
    }
}

/// Messages that were there, and what was wrong with the one after them.
struct Gathered {
    batch: Vec<Delivered>,
    /// Of memory, for all of them.
    bytes: usize,
    failure: Option<Failure>,
}

/// The first message and those that are there already, up to what is wrong with the next one.
fn gather(
    mut next: Option<Result<Delivered, Failure>>,
    messages: &mut (impl Stream<Item = Result<Delivered, Failure>> + Unpin),
    most_messages: usize,
) -> Gathered {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let failure = loop {
        match next {
            None => break Some(Failure::Ended),
            Some(Err(failure)) => break Some(failure),
            Some(Ok(delivered)) => {
                bytes += delivered.memory_bytes();
                batch.push(delivered);
            }
        }
        if batch.len() >= most_messages || bytes >= BATCH_BYTES {
            break None;
        }
        // Only what is there: the runtime's budget for one turn does not end a batch early.
        match tokio::task::coop::unconstrained(messages.next()).now_or_never() {
            Some(ready) => next = ready,
            None => break None,
        }
    };
    Gathered { batch, bytes, failure }
}
