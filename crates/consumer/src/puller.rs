//! Session after session: what happens between them.

use std::convert::Infallible;
use std::time::Duration;

use store::Outbox;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::applier::{Halt, MAX_LETTERS_WAITING, Report};
use crate::backlog::Backlog;
use crate::error::ConsumerError;
use crate::fence::Fence;
use crate::inbox::ApplierGone;
use crate::intake::Stop;
use crate::server::Server;
use crate::session::{End, Source};

/// Sessions in a row without an event applied, until the next one is taken for undeliverable.
const FRUITLESS_SESSIONS: u32 = 3;
/// Consuming goes on when so few dead letters wait.
const RESUME_LETTERS_WAITING: usize = MAX_LETTERS_WAITING * 9 / 10;
/// How often to look whether what consuming waits for has come.
const PAUSE_LOOK: Duration = Duration::from_millis(250);
/// How soon a stream that was never there is looked for again.
const MISSING_RETRY: Duration = Duration::from_secs(1);
const SHORTEST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Why pulling ended.
#[derive(Debug)]
pub(crate) enum Ended {
    ApplierGone,
    /// Everything is applied that was to be.
    Reached,
    Error(ConsumerError),
}

impl From<ApplierGone> for Ended {
    fn from(_: ApplierGone) -> Self {
        Self::ApplierGone
    }
}

impl From<ConsumerError> for Ended {
    fn from(error: ConsumerError) -> Self {
        Self::Error(error)
    }
}

/// Keeps a session going.
pub(crate) struct Puller<S> {
    pub(crate) source: Source,
    pub(crate) link: S,
    pub(crate) reports: UnboundedReceiver<Report>,
    pub(crate) outbox: Outbox,
    pub(crate) backlog: Backlog,
}

impl<S: Server> Puller<S> {
    pub(crate) async fn run(mut self) -> Result<Infallible, Ended> {
        let mut backoff = SHORTEST_BACKOFF;
        let mut fruitless = 0;
        loop {
            let applied = self.source.status.applied();
            let connection = self.link.up().await?;
            let by_hand = fruitless >= FRUITLESS_SESSIONS;
            let end = self.source.session(&self.link, connection, &mut self.reports, by_hand).await?;
            // Nothing that was delivered before counts from here on.
            self.source.sessions.start();
            if matches!(end, End::Halted(Halt::Reached)) {
                return Err(Ended::Reached);
            }
            if matches!(end, End::Halted(Halt::OutboxFull)) {
                // Dead letters are sent only while the stream is confirmed, so it stays so.
                self.wait_for_outbox(connection).await?;
            }
            if matches!(end, End::Halted(Halt::StoreFull)) {
                self.wait_for_store(connection).await?;
            }
            self.source.confirmed.send_replace(None);
            if self.source.status.applied() > applied {
                backoff = SHORTEST_BACKOFF;
                fruitless = 0;
            } else if !matches!(end, End::Fenced(_) | End::Halted(Halt::OutboxFull | Halt::StoreFull)) {
                // A silent consumer was given time enough: the next session reads by hand.
                fruitless = if matches!(end, End::Silent) { FRUITLESS_SESSIONS } else { fruitless + 1 };
            }
            if self.settle(end, connection, backoff).await {
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
            }
        }
    }

    /// Waits as long as the end of a session asks for. Says whether that was for a failure.
    async fn settle(&self, end: End, connection: S::Connection, backoff: Duration) -> bool {
        match end {
            End::SteppedOver | End::Halted(Halt::OutboxFull | Halt::StoreFull | Halt::Reached) => false,
            End::Reconnected => {
                tracing::info!("the connection is a new one: the stream's identity is checked again");
                false
            }
            End::Fenced(fence) => {
                let was_never_there = matches!(fence, Fence::Missing { .. });
                let interval = self.source.settings.identity_check_interval;
                let retry = if was_never_there { MISSING_RETRY.min(interval) } else { interval };
                self.fence(fence);
                self.wait(connection, retry).await;
                false
            }
            End::Halted(Halt::Full { sequence, full }) => {
                self.fence(Fence::Full { sequence, full });
                futures::future::pending().await
            }
            End::Halted(Halt::Stop(Stop::Gap(gap))) => {
                self.fence(Fence::Gap(gap));
                // Whether it is a gap of the stream or of the delivery is for the stream to say.
                self.wait(connection, backoff).await;
                true
            }
            End::Halted(Halt::Stop(stop)) => {
                self.fail(&format!("messages came {stop:?}"), connection, backoff).await
            }
            End::Doubtful => self.fail("the stream looks different", connection, backoff).await,
            End::Silent => self.fail("nothing is delivered of what is there", connection, backoff).await,
            End::Failed(failure) => self.fail(&failure.to_string(), connection, backoff).await,
        }
    }

    async fn fail(&self, what: &str, connection: S::Connection, backoff: Duration) -> bool {
        tracing::warn!("consuming begins again: {what}");
        self.source.metrics.consuming_failures.inc();
        self.source.status.connecting(what);
        self.wait(connection, backoff).await;
        true
    }

    fn fence(&self, fence: Fence) {
        self.source.metrics.fenced(Some(&fence));
        let text = fence.to_string();
        if self.source.status.fenced(fence) {
            tracing::error!(stream = self.source.settings.stream, "counting is stopped: {text}");
        }
    }

    /// A new connection may lead to another server, so it ends the wait.
    async fn wait(&self, connection: S::Connection, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.link.replaced(connection) => {}
        }
    }

    /// Waits until dead letters were copied, or the stream has to be looked at again.
    async fn wait_for_outbox(&self, connection: S::Connection) -> Result<(), ApplierGone> {
        let stream = self.source.settings.dead_letter_stream();
        let why = format!(
            "consuming waits: {MAX_LETTERS_WAITING} malformed events are not copied to stream {stream:?} yet; see \
             that it exists and takes messages"
        );
        self.source.metrics.paused("dead_letters");
        let outbox = &self.outbox;
        self.pause(connection, why, || outbox.waiting() <= RESUME_LETTERS_WAITING).await
    }

    /// Waits until there is memory again for what is applied, or the stream has to be looked at
    /// again.
    async fn wait_for_store(&self, connection: S::Connection) -> Result<(), ApplierGone> {
        let Some(why) = self.backlog.why() else { return Ok(()) };
        self.pause(connection, why, || self.backlog.why().is_none()).await
    }

    async fn pause(
        &self,
        connection: S::Connection,
        why: String,
        is_over: impl Fn() -> bool,
    ) -> Result<(), ApplierGone> {
        tracing::error!("{why}");
        self.source.status.paused(Some(why));
        let over = async {
            while !is_over() {
                tokio::time::sleep(PAUSE_LOOK).await;
            }
            tracing::info!("consuming goes on");
        };
        let waited = tokio::select! {
            () = over => Ok(()),
            () = self.link.replaced(connection) => Ok(()),
            looked = self.source.watch(&self.link, false) => looked.map(|_| ()),
        };
        self.source.status.paused(None);
        waited
    }
}
