//! Another generation in place of the one in use, between two requests: it is counted beside it until both are at the same
//! place, and then answers come from it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use consumer::{Duty, Reason, Snapshot};
use parking_lot::Mutex;
use query::{Activation, Refused, Stage};
use store::{DataDir, PolicyNames, Role, Store};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::Service;
use super::line::Line;
use super::metrics::Metrics;

/// So many events behind the line in use, and the rest is counted while that one stands still.
const NEAR_EVENTS: u64 = 1_000;
/// How often to look how far the new line is.
const LOOK: Duration = Duration::from_millis(20);
/// How long the old line stands still for the new one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The activation that was asked for last. All clones are one.
#[derive(Clone)]
pub(super) struct Activations {
    last: Arc<Mutex<Option<Activation>>>,
    asked: UnboundedSender<u64>,
}

impl Activations {
    pub(super) fn new(asked: UnboundedSender<u64>) -> Self {
        Self { last: Arc::default(), asked }
    }

    pub(super) fn last(&self) -> Option<Activation> {
        self.last.lock().clone()
    }

    /// Begins, unless it is clear already that nothing can come of it.
    pub(super) fn ask(&self, number: u64, options: &store::Options) -> Result<(), Refused> {
        let refused = |why: String| Err(Refused(why));
        let generations =
            store::generations(&options.data_dir).map_err(|error| Refused(error.to_string()))?;
        let Some(found) = generations.iter().find(|generation| generation.number == number) else {
            return refused(format!("there is no generation {number}"));
        };
        let standby = match found.role {
            Role::Current => return refused(format!("generation {number} is the one in use")),
            Role::Standby(standby) if standby.is_complete => standby,
            Role::Standby(_) | Role::Unfinished => {
                return refused(format!(
                    "generation {number} was not counted to its end: `tallymark rebuild` goes on with it"
                ));
            }
        };
        if standby.policies != options.policies {
            let (its, ours) = (PolicyNames(standby.policies), PolicyNames(options.policies));
            return refused(format!(
                "generation {number} was counted with {its}, this service counts with {ours}: stop it, run `tallymark \
                 generations activate {number}`, and start it with those settings"
            ));
        }
        let mut last = self.last.lock();
        if let Some(Activation { generation, stage: Stage::Opening | Stage::CatchingUp { .. } }) = *last {
            return refused(format!("generation {generation} is on its way to be the one in use"));
        }
        if self.asked.send(number).is_err() {
            return refused("the service is being stopped".to_owned());
        }
        *last = Some(Activation { generation: number, stage: Stage::Opening });
        Ok(())
    }

    fn set(&self, generation: u64, stage: Stage) {
        *self.last.lock() = Some(Activation { generation, stage });
    }

    fn failed(&self, generation: u64, error: &anyhow::Error) {
        let reason = format!("{error:#}");
        tracing::error!(generation, reason, "the generation was not activated: the one in use still is");
        self.set(generation, Stage::Failed { reason });
    }
}

/// A line that has counted nearly as much as the one in use.
pub(super) struct Prepared {
    line: Line,
    metrics: Metrics,
}

/// The next line that is ready to take the place of the one in use.
pub(super) async fn next(service: &Service, asked: &mut UnboundedReceiver<u64>) -> Prepared {
    loop {
        let Some(number) = asked.recv().await else { return futures::future::pending().await };
        match prepare(service, number).await {
            Ok(prepared) => return prepared,
            Err(error) => service.activations.failed(number, &error),
        }
    }
}

async fn prepare(service: &Service, number: u64) -> anyhow::Result<Prepared> {
    tracing::info!(generation = number, "a generation is to be the one in use: opening it beside that");
    let metrics = service.metrics.of_a_line();
    let (options, its_metrics) = (service.store_options.clone(), metrics.store.clone());
    let open = move || Store::open_standby(&options, &its_metrics, number, &|_| {});
    let opened = tokio::task::spawn_blocking(open).await.context("its loading ended unexpectedly")??;
    let its_consumer = service.consumer().await?;
    let line =
        Line::start(service.live.new_line(), its_consumer, opened, metrics.consumer.clone(), Duty::Standby);
    let mut prepared = Prepared { line, metrics };
    match prepared.catch_up(service).await {
        Ok(()) => Ok(prepared),
        Err(error) => {
            close(prepared.line).await;
            Err(error)
        }
    }
}

impl Prepared {
    async fn catch_up(&mut self, service: &Service) -> anyhow::Result<()> {
        let number = self.line.generation();
        loop {
            let behind = service.live.status().applied().saturating_sub(self.line.status().applied());
            service.activations.set(number, Stage::CatchingUp { lag_events: behind });
            let Snapshot { not_ready, is_connected, paused, .. } =
                self.line.status().snapshot(SystemTime::now());
            if let Some(paused) = paused {
                bail!("it can't be counted further: {paused}");
            }
            match not_ready {
                None if behind <= NEAR_EVENTS && is_connected => return Ok(()),
                Some((reason @ (Reason::Fenced | Reason::Store), detail)) => {
                    bail!("it can't be counted further ({}): {detail}", reason.as_str())
                }
                None | Some(_) => {}
            }
            tokio::select! {
                ended = self.line.ended() => bail!("counting it ended: {ended:?}"),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Puts the new line in place of the old one, which stands still until that is done or has failed: answers reach as far as it
    /// has counted all the while. Returns the line that is live then.
    pub(super) async fn take_place_of(self, old: Line, service: &Service) -> Line {
        let Self { line: new, metrics } = self;
        let number = new.generation();
        if let Err(error) = hand_over(&old, &new, service).await {
            service.activations.failed(number, &error);
            close(new).await;
            return old;
        }
        service.live.adopt(new.face(), Some(metrics.registry));
        let (sequence, replaced) = (new.status().applied(), old.generation());
        tracing::info!(generation = number, replaced, sequence, "answers come from it now");
        new.set_duty(Duty::Live);
        service.activations.set(number, Stage::Done);
        // Without one, a store that is lost would be recovered from what the other one had counted.
        let _ = service.live.snapshot();
        // Nobody waits for what it still has to write.
        close(old).await;
        new
    }
}

/// From its end on, a crash starts with the new line's generation; the old one applies nothing more, and has no letters on their way.
async fn hand_over(old: &Line, new: &Line, service: &Service) -> anyhow::Result<()> {
    let (sequence, held) = old.hold().await?;
    let reached = async {
        while new.status().applied() < sequence {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, reached).await.is_err() {
        bail!(
            "it did not come to sequence {sequence} within {} s, where the one in use stood still for it",
            PATIENCE.as_secs()
        );
    }
    let (data_dir, number) = (service.data_dir.clone(), new.generation());
    let replaced = (old.generation(), old.as_replaced());
    let adopt = move || DataDir::adopt(&data_dir, number, Some(replaced));
    tokio::task::spawn_blocking(adopt).await.context("this ended unexpectedly")??;
    old.set_duty(Duty::Standby);
    new.outbox().take_over(old.outbox(), sequence);
    old.end();
    drop(held);
    Ok(())
}

async fn close(line: Line) {
    let generation = line.generation();
    if let Err(error) = line.stop().await {
        tracing::warn!(generation, "a generation could not be closed in order: {error:#}");
    }
}
