//! The signals that ask the process to end.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Starts to listen for SIGTERM and SIGINT; the future is ready when one has come.
pub(crate) fn stop_requested() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
