//! Answers the questions of tenants' servers over NATS: on a thread, a runtime and a connection of its own, so that no
//! number of questions holds up the events that come over another.

mod connection;
mod desk;
mod metrics;
mod reply;
mod service;
mod watched;

use std::io;
use std::thread;
use std::time::Duration;

use query::{Hub, Servers};
use tokio::sync::oneshot;

use crate::settings::Nats;
use desk::Desk;
pub(super) use metrics::Metrics;

/// How long to wait before the next try after the service could not be made known.
const PAUSE: Duration = Duration::from_secs(5);

/// Threads that work questions out, beside the one that takes them: who asks over NATS has a core at the most.
const WORKERS: usize = 1;

/// Answers as long as it lives.
pub(super) struct Answering {
    /// Asks it to end, when dropped.
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

/// What answering takes.
pub(super) struct Answerer {
    pub(super) nats: Nats,
    pub(super) servers: Servers,
    /// Where badges are watched.
    pub(super) hub: Hub,
    pub(super) metrics: Metrics,
    /// How long questions under way may still take at the end.
    pub(super) grace: Duration,
}

impl Answering {
    /// Begins to answer, as soon as there is a connection. What goes wrong there is told in the log, and ends nothing
    /// else.
    pub(super) fn start(answerer: Answerer) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(WORKERS)
            .thread_name("nats-answers")
            .build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (alive, ended) = oneshot::channel::<()>();
        let body = move || {
            // Dropped when the thread ends, in whichever way.
            let _alive = alive;
            runtime.block_on(answerer.run(stopped));
            runtime.shutdown_background();
        };
        thread::Builder::new().name("nats-questions".to_owned()).spawn(body)?;
        Ok(Self { stop, ended })
    }

    /// Takes no more questions, and returns when those that have come are answered or out of time.
    pub(super) async fn stop(self) {
        drop(self.stop);
        // Nothing is ever sent: this is the sender being dropped.
        let _ = self.ended.await;
    }
}

impl Answerer {
    async fn run(self, mut stopped: oneshot::Receiver<()>) {
        loop {
            let answering = async {
                let client = connection::connect(&self.nats, &self.metrics).await?;
                let (service, questions) = service::start(&client, &self.nats).await?;
                tokio::spawn(service::warn_of_streams(client.clone(), self.nats.clone()));
                let from = (self.servers.clone(), self.hub.clone());
                let desk = Desk::new(&self.nats, from, self.metrics.clone(), client);
                anyhow::Ok((service, questions, desk))
            };
            let begun = tokio::select! {
                begun = answering => begun,
                _ = &mut stopped => return,
            };
            match begun {
                Ok((service, mut questions, desk)) => {
                    tokio::select! {
                        () = desk.take_all(&mut questions) => {}
                        _ = &mut stopped => {
                            let ending = desk.end(service, &mut questions);
                            if tokio::time::timeout(self.grace, ending).await.is_err() {
                                tracing::warn!("questions over NATS were left unanswered: http.shutdown_grace_ms is over");
                            }
                            return;
                        }
                    }
                }
                Err(error) => tracing::error!("questions over NATS are not answered: {error:#}"),
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = &mut stopped => return,
            }
        }
    }
}
