//! Serving a router on a listener until told to stop.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long to wait after a connection could not be accepted, mostly because the process has too
/// many files open: time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From being ready for a request to having all of its headers. An idle connection is closed
    /// after this time too.
    pub header_read_timeout: Duration,
    /// From being told to stop to closing the connections that are still open.
    pub shutdown_grace: Duration,
}

/// Answers requests on `listener` until `shutdown` is ready; then takes no new ones, finishes
/// those that have arrived, and returns when all connections are closed or the grace is over.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let (open, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let timeout = limits.header_read_timeout;
                    connections.spawn(connection(stream, router.clone(), timeout, closing.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop((listener, open));
    let closed = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.shutdown_grace, closed).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections still open, closing them");
        connections.shutdown().await;
    }
}

/// One connection, until it ends or, after `closing`, until the request that it has begun is
/// answered.
async fn connection(
    stream: TcpStream,
    router: Router,
    header_read_timeout: Duration,
    mut closing: watch::Receiver<()>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read_timeout)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // Nothing is ever sent: this is the sender being dropped.
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
