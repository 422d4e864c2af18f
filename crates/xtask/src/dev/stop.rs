//! Being asked to stop.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Ctrl-C (SIGINT), SIGTERM, or the terminal's end (SIGHUP), from now on told here instead of ending the process.
pub(super) struct Stop {
    told: Receiver<()>,
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The time is over.
    Through,
    /// Somebody asks to stop.
    Stopped,
}

impl Stop {
    pub(super) fn listen() -> Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals can't be listened to")?;
        let (tell, told) = channel();
        // Ends with the process: there is nothing to clean up.
        thread::spawn(move || signals.forever().try_for_each(|_| tell.send(())));
        Ok(Self { told })
    }

    pub(super) fn wait(&self, time: Duration) -> Waited {
        match self.told.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Waited::Through,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Waited::Stopped,
        }
    }
}
