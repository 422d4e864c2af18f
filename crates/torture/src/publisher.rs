//! Publishing as fast as the server stores, and going on when it dies.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Subscriber};
use futures::StreamExt;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use crate::load::Message;

/// How many messages are on their way to the server at once.
const IN_FLIGHT: usize = 2_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at whether to stop.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Between two looks at whether to go on.
const HELD_INTERVAL: Duration = Duration::from_millis(1);

/// How far a publisher has got, and whether it is to wait or to end early; shared with who kills what.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    answered: AtomicUsize,
    go_on: AtomicBool,
    stop: AtomicBool,
}

impl Progress {
    /// How many messages the server has answered for.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// What was held back is published too.
    pub(crate) fn go_on(&self) {
        self.go_on.store(true, Ordering::Relaxed);
    }

    /// Ends the publishing, whatever is still to be sent or answered.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A connection of its own, good for one server process: what it had not sent is never sent later,
/// so that the stream has the messages in the order of the load.
#[derive(Debug)]
pub(crate) struct Publisher {
    // The client goes before its runtime.
    client: Client,
    answers: Subscriber,
    inbox: String,
    runtime: Runtime,
}

impl Publisher {
    /// Connects to that server.
    pub(crate) fn connect(url: &str) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("threads can be started");
        let (client, inbox, answers) = runtime.block_on(async {
            let client = ConnectOptions::new().connect(url).await.expect("the server is there");
            let inbox = client.new_inbox();
            let answers = client.subscribe(inbox.clone()).await.expect("the server is there");
            (client, inbox, answers)
        });
        Self { client, answers, inbox, runtime }
    }

    /// Publishes messages in their order, many at once; all after the first so many only when it is told to go on.
    /// Returns when the server has answered for all, or when it is told to stop.
    pub(crate) fn publish(&mut self, messages: &[Message], first: usize, progress: &Progress) {
        let Self { client, answers, inbox, runtime } = self;
        runtime.block_on(async {
            let mut sent = 0;
            while progress.answered() < messages.len() && !progress.is_stopped() {
                let upto = if progress.go_on.load(Ordering::Relaxed) { messages.len() } else { first };
                while sent < upto && sent - progress.answered() < IN_FLIGHT {
                    let Message { subject, body, .. } = &messages[sent];
                    let (subject, body) = (subject.clone(), body.clone().into());
                    let sending = client.publish_with_reply(subject, inbox.clone(), body);
                    sending.await.expect("the client lives as long as this");
                    sent += 1;
                }
                if progress.answered() < sent {
                    answer(answers, progress).await;
                } else {
                    sleep(HELD_INTERVAL).await;
                }
            }
        });
    }
}

/// Waits for an answer, and takes those that are there already.
async fn answer(answers: &mut Subscriber, progress: &Progress) {
    let mut waited = Duration::ZERO;
    while !progress.is_stopped() {
        match timeout(LOOK_INTERVAL, answers.next()).await {
            Ok(answer) => {
                let answer = answer.expect("the subscription lasts");
                let text = String::from_utf8_lossy(&answer.payload);
                assert!(text.contains("\"seq\""), "a message was not stored: {text}");
                progress.answered.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Err(_) => waited += LOOK_INTERVAL,
        }
        assert!(waited < PATIENCE, "no answer from the server within {PATIENCE:?}");
    }
}
