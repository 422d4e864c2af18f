//! The signals that ask something of the process.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

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

/// Starts to listen for SIGUSR1, each of which asks for a snapshot.
pub(crate) fn snapshots_requested() -> io::Result<UnboundedReceiver<()>> {
    requests(SignalKind::user_defined1())
}

/// Starts to listen for SIGHUP, each of which asks for the settings to be read again.
pub(crate) fn reloads_requested() -> io::Result<UnboundedReceiver<()>> {
    requests(SignalKind::hangup())
}

/// One for each signal of that kind.
fn requests(kind: SignalKind) -> io::Result<UnboundedReceiver<()>> {
    let mut requested = signal(kind)?;
    let (sender, requests) = unbounded_channel();
    tokio::spawn(async move { while requested.recv().await.is_some() && sender.send(()).is_ok() {} });
    Ok(requests)
}
