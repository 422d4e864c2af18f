//! SIGINT and SIGTERM: while events are counted the first one ends that in order; at any other time, and the second time, they end
//! the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::output::note;

/// Whether the operator has seen enough. What is on the disk can be gone on with, however this ends.
pub(super) struct Cancel {
    asked: watch::Receiver<bool>,
    is_graceful: Arc<AtomicBool>,
}

impl Cancel {
    pub(super) fn listen() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (ask, asked) = watch::channel(false);
        let is_graceful = Arc::new(AtomicBool::new(false));
        let graceful = is_graceful.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if !graceful.load(Ordering::Acquire) || ask.send_replace(true) {
                    note("stopped: the same command goes on where this one was");
                    std::process::exit(0);
                }
            }
        });
        Ok(Self { asked, is_graceful })
    }

    /// Whether events are counted, which can be ended in order.
    pub(super) fn is_graceful(&self, is_graceful: bool) {
        self.is_graceful.store(is_graceful, Ordering::Release);
    }

    /// Ready when the operator has asked for the end.
    pub(super) async fn asked(&self) {
        let mut asked = self.asked.clone();
        // The sender lives as long as the process does.
        if asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
