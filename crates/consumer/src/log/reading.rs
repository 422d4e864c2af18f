//! One pass over a part of the log, from consumer to consumer.

use std::fmt::Display;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::{Instant, sleep, timeout};

use super::{Log, LogError, LogMessage};
use crate::gaps::Gap;
use crate::intake::{self, Intake};
use crate::limit::Limit;
use crate::raw;
use crate::server::{PulledMessages, pull, pull_consumer};
use crate::session::Failure;

/// Nothing for so long means that what is next can't be delivered, or that the consumer is gone.
const SILENCE: Duration = Duration::from_secs(1);
/// Messages read one by one before the next consumer is made.
const BY_HAND_MESSAGES: u32 = 64;
/// Between two attempts that failed.
const RETRY: Duration = Duration::from_millis(250);
/// For so long attempts may fail one after the other.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whatever the stream does not have any more is passed over.
const ALL_GAPS: [Gap; 1] = [Gap { first: 1, last: u64::MAX }];

pub(super) struct Reading {
    log: Log,
    /// The sequence to be read next.
    next: u64,
    /// The last one to be read.
    to: u64,
    /// When the stream was created that is read, once it was looked at.
    created_ns: Option<i128>,
    source: Source,
    /// Since when every attempt has failed.
    failing_since: Option<Instant>,
    limit: Limit,
}

/// Where the next message is to come from.
enum Source {
    /// A consumer that is to be made.
    Unmade,
    /// A consumer.
    Consumer { messages: Box<PulledMessages>, intake: Intake },
    /// The stream itself, for so many messages. Some messages can be stored but not delivered, and whenever a consumer
    /// comes to an early end the next one may be such a message.
    ByHand { left: u32 },
}

impl Source {
    fn by_hand() -> Self {
        Self::ByHand { left: BY_HAND_MESSAGES }
    }
}

/// What one look at the source gave.
enum Step {
    Message(LogMessage),
    /// Nothing yet: look again, the source may be another one now.
    Again,
    /// There is no message left up to the last one to be read.
    End,
}

impl Reading {
    pub(super) fn new(log: Log, from: u64, to: u64) -> Self {
        // Sequences begin with 1.
        let next = from.max(1);
        let limit = Limit::new(log.most_per_second, std::time::Instant::now());
        Self { log, next, to, created_ns: None, source: Source::Unmade, failing_since: None, limit }
    }

    /// The next message, and what reads on.
    pub(super) async fn next(mut self) -> Result<Option<(LogMessage, Self)>, LogError> {
        if self.created_ns.is_none() {
            let found = self.log.found().await?;
            self.created_ns = Some(found.created_ns);
            self.to = self.to.min(found.bounds.last);
        }
        self.limit.passed().await;
        while self.next <= self.to {
            match self.step().await {
                Ok(Step::Message(message)) if message.sequence > self.to => return Ok(None),
                Ok(Step::Message(message)) => {
                    self.next = message.sequence + 1;
                    self.failing_since = None;
                    self.limit.came(1, std::time::Instant::now());
                    return Ok(Some((message, self)));
                }
                Ok(Step::Again) => {}
                Ok(Step::End) => return Ok(None),
                Err(error @ (LogError::Stream(_) | LogError::Raw(_))) => self.failed(&error).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn step(&mut self) -> Result<Step, LogError> {
        match &mut self.source {
            Source::Unmade => self.make().await,
            Source::Consumer { messages, intake } => {
                let Ok(Some(Ok(message))) = timeout(SILENCE, messages.next()).await else {
                    self.source = Source::by_hand();
                    return Ok(Step::Again);
                };
                match intake.next(self.next - 1, message.sequences, &ALL_GAPS) {
                    intake::Step::Skip => Ok(Step::Again),
                    intake::Step::Apply { .. } => {
                        if message.sequences.pending == 0 {
                            // Up to the last one there may be nothing but missing sequences.
                            self.source = Source::by_hand();
                        }
                        Ok(Step::Message(message.into()))
                    }
                    // One that it delivered did not arrive.
                    intake::Step::Stop(_) => {
                        self.source = Source::by_hand();
                        Ok(Step::Again)
                    }
                }
            }
            Source::ByHand { left: 0 } => {
                self.source = Source::Unmade;
                Ok(Step::Again)
            }
            Source::ByHand { left } => {
                *left -= 1;
                let (jetstream, stream) = (&self.log.jetstream, &self.log.stream);
                let found = raw::at_or_after(jetstream, stream, self.next).await?;
                // What is read does not go with its stream, as a consumer does. A stream that is the same one now was
                // so before.
                self.confirm().await?;
                Ok(found.map_or(Step::End, |message| Step::Message(message.into())))
            }
        }
    }

    /// Makes a consumer from the next sequence on, and then makes sure that it is one of the same stream: it goes with
    /// its stream.
    async fn make(&mut self) -> Result<Step, LogError> {
        let consumer = pull_consumer(&self.log.jetstream, &self.log.stream, self.next).await;
        self.confirm().await?;
        let asked = async { pull(&self.log.client, &consumer?, self.limit.most_pulled()).await };
        match asked.await {
            Ok(messages) => {
                let (messages, intake) = (Box::new(messages), Intake::new(self.to));
                self.source = Source::Consumer { messages, intake };
            }
            Err(failure) => self.failed::<Failure>(&failure).await?,
        }
        Ok(Step::Again)
    }

    /// The stream is the one that reading began with, and has all that it had.
    async fn confirm(&self) -> Result<(), LogError> {
        let found = self.log.found().await?;
        let stream = || self.log.stream.clone();
        if Some(found.created_ns) != self.created_ns {
            return Err(LogError::Replaced { stream: stream(), sequence: self.next });
        }
        let last = found.bounds.last;
        if last < self.to {
            return Err(LogError::Truncated { stream: stream(), last, expected: self.to });
        }
        Ok(())
    }

    /// Waits before the next attempt, unless it was tried for long enough or can't work any more.
    async fn failed<E: Display>(&mut self, error: &E) -> Result<(), LogError> {
        match self.confirm().await {
            Ok(()) | Err(LogError::Stream(_)) => {}
            Err(error) => return Err(error),
        }
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() > PATIENCE {
            return Err(LogError::Stuck {
                stream: self.log.stream.clone(),
                sequence: self.next,
                seconds: since.elapsed().as_secs(),
                why: error.to_string(),
            });
        }
        self.source = Source::by_hand();
        sleep(RETRY).await;
        Ok(())
    }
}
