//! A line of counting: one generation, and the consumer that counts into it.

use anyhow::anyhow;
use async_nats::ConnectOptions;
use consumer::{ConsumerError, Duty, Question, Requests, Status, Stopped};
use counters::{Counters, Policies, Reader};
use parking_lot::Mutex;
use store::{Origin, Outbox, Standby, Store};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::live::{Face, LineId};

/// As long as it lives, a line stands still.
pub(super) struct Held(
    #[expect(dead_code, reason = "dropping it is what it is for")] std::sync::mpsc::Sender<()>,
);

/// One generation that is being counted.
pub(super) struct Line {
    id: LineId,
    status: Status,
    reader: Reader,
    generation: u64,
    policies: Policies,
    snapshots: UnboundedSender<()>,
    questions: UnboundedSender<Question>,
    duty: watch::Sender<Duty>,
    outbox: Outbox,
    /// Asks it to end, when dropped.
    stop: Mutex<Option<oneshot::Sender<()>>>,
    running: JoinHandle<Result<Stopped, ConsumerError>>,
}

impl Line {
    /// Begins to count.
    pub(super) fn start(
        (id, status): (LineId, Status),
        (settings, login): (consumer::Settings, ConnectOptions),
        (store, counters): (Store, Counters),
        metrics: consumer::Metrics,
        duty: Duty,
    ) -> Self {
        let (reader, generation, policies) = (counters.reader(), store.generation(), store.policies());
        let outbox = store.outbox();
        let (duty, its_duty) = watch::channel(duty);
        let (stop, stopped) = oneshot::channel::<()>();
        let (snapshots, wanted) = unbounded_channel();
        let (questions, asked) = unbounded_channel();
        let shutdown = async {
            // Dropping the sender ends it just as well.
            let _ = stopped.await;
        };
        let requests =
            Requests { shutdown, snapshots: wanted, questions: asked, duty: its_duty, until: None };
        let consuming = consumer::run(settings, login, store, counters, status.clone(), metrics, requests);
        let running = tokio::spawn(consuming);
        Self {
            id,
            status,
            reader,
            generation,
            policies,
            snapshots,
            questions,
            duty,
            outbox,
            stop: Mutex::new(Some(stop)),
            running,
        }
    }

    pub(super) fn face(&self) -> Face {
        Face {
            id: self.id,
            status: self.status.clone(),
            reader: self.reader.clone(),
            snapshots: self.snapshots.clone(),
            questions: self.questions.clone(),
        }
    }

    pub(super) fn status(&self) -> &Status {
        &self.status
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// What is to be said of its generation once another has taken its place.
    pub(super) fn as_replaced(&self) -> Standby {
        Standby::now(Origin::Replaced, self.policies, self.status.applied(), true)
    }

    /// Malformed events that are not copied yet.
    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Has the thread that applies stand still, and says at which sequence. It goes on when what is returned is dropped.
    pub(super) async fn hold(&self) -> anyhow::Result<(u64, Held)> {
        let (standing, stands) = oneshot::channel();
        let (held, released) = std::sync::mpsc::channel::<()>();
        let question = Question::new(move |counters| {
            // Whoever wanted to know may be gone.
            if standing.send(counters.applied()).is_ok() {
                // Nothing is ever sent: this is the sender being dropped.
                let _ = released.recv();
            }
        });
        self.questions.send(question).map_err(|_| anyhow!("it does not count any more"))?;
        let applied = stands.await.map_err(|_| anyhow!("it does not count any more"))?;
        Ok((applied, Held(held)))
    }

    pub(super) fn set_duty(&self, duty: Duty) {
        self.duty.send_replace(duty);
    }

    /// Ready when counting has ended by itself, for this reason.
    pub(super) async fn ended(&mut self) -> anyhow::Result<Stopped> {
        Ok((&mut self.running).await??)
    }

    /// Asks it to end: nothing more is applied than what it has begun with.
    pub(super) fn end(&self) {
        self.stop.lock().take();
    }

    /// Has everything committed, and ends counting.
    pub(super) async fn stop(self) -> anyhow::Result<Stopped> {
        self.end();
        Ok(self.running.await??)
    }
}
