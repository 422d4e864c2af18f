//! One connection, from being accepted to its end.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::Limits;
use super::desk::{Desk, Rules};
use super::metrics::Connections;
use super::places::Place;
use super::progress::{Late, Next, Progress};
use super::tls::{self, Tls};
use super::watched::Watched;
use crate::Routes;

/// How many requests may be under way at once on a connection with HTTP/2.
const STREAMS: u32 = 100;
/// How much of request bodies a client may send before anybody asks for it, for each request and in all, with HTTP/2.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// How much of an answer waits in memory for the client, with HTTP/2.
const SEND_BUFFER: usize = 64 * 1024;
/// So many requests that their client took back at once, before they were even looked at, end a connection with HTTP/2, as do so
/// many that broke the protocol. (Rapid reset, CVE-2023-44487, and its turned-around form, CVE-2025-8671.)
const RESETS: usize = 20;
/// When nothing was heard on a connection with HTTP/2 for so long, its client is asked whether they are there, and has as long again
/// to answer. With HTTP/1, only a request or a write can tell.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a connection that has had its time may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What a thread needs to serve its connections.
#[derive(Clone)]
pub(super) struct Host {
    routes: Routes,
    rules: Arc<Rules>,
    in_flight: Arc<AtomicUsize>,
    tls: Option<Tls>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Host {
    pub(super) fn new(routes: Routes, rules: Rules, tls: Option<Tls>) -> Self {
        let limits = &rules.limits;
        let mut http1 = http1::Builder::new();
        http1
            // Whether a connection is late, its progress tells.
            .header_read_timeout(None)
            .max_header_size(limits.header_bytes)
            .max_buf_size(limits.header_bytes)
            // Answers are short: to copy one behind its head costs less than to send two pieces.
            .writev(false);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(RESETS)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_INTERVAL);
        Self { routes, rules: Arc::new(rules), in_flight: Arc::default(), tls, http1, http2 }
    }

    /// Serves a connection until it ends or, after `closing`, until the requests that it has begun are answered.
    pub(super) async fn serve(self, stream: TcpStream, _place: Place, closing: watch::Receiver<()>) {
        let _open = self.rules.metrics.open();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        match &self.tls {
            // In a place of its own: a connection without TLS has a third of its size.
            Some(tls) => Box::pin(self.tls(tls, stream, closing)).await,
            None => self.http1(stream, closing).await,
        }
    }

    async fn tls(&self, tls: &Tls, stream: TcpStream, mut closing: watch::Receiver<()>) {
        let metrics = &self.rules.metrics;
        let shaken = tokio::select! {
            shaken = timeout(self.rules.limits.tls_handshake_timeout, tls.accept(stream)) => shaken,
            // Nothing is ever sent: this is the sender being dropped.
            _ = closing.changed() => return,
        };
        match shaken {
            Ok(Ok(stream)) if tls::is_http2(&stream) => self.http2(stream, closing).await,
            Ok(Ok(stream)) => self.http1(stream, closing).await,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                metrics.closed(Connections::HandshakeFailed);
            }
            Err(_) => metrics.closed(Connections::HandshakeLate),
        }
    }

    pub(super) async fn http1<S>(&self, stream: S, closing: watch::Receiver<()>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (progress, stream) = self.watch(stream, false);
        let desk = Desk::new(self.routes.clone(), Arc::clone(&self.rules), Arc::clone(&progress));
        let mut connection = pin!(self.http1.serve_connection(TokioIo::new(stream), desk));
        self.drive(connection.as_mut(), http1::Connection::graceful_shutdown, &progress, closing).await;
    }

    pub(super) async fn http2<S>(&self, stream: S, closing: watch::Receiver<()>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (progress, stream) = self.watch(stream, true);
        let desk = Desk::new(self.routes.clone(), Arc::clone(&self.rules), Arc::clone(&progress));
        let mut connection = pin!(self.http2.serve_connection(TokioIo::new(stream), desk));
        self.drive(connection.as_mut(), http2::Connection::graceful_shutdown, &progress, closing).await;
    }

    fn watch<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        is_http2: bool,
    ) -> (Arc<Progress>, Watched<S>) {
        let progress = Arc::new(Progress::new(Instant::now(), is_http2, Arc::clone(&self.in_flight)));
        let stream = Watched::new(stream, Arc::clone(&progress), self.rules.metrics.clone());
        (progress, stream)
    }

    /// One timer a connection, which is set anew when it has run out and not with each request.
    async fn drive<C>(
        &self,
        mut connection: Pin<&mut C>,
        goodbye: impl Fn(Pin<&mut C>),
        progress: &Progress,
        mut closing: watch::Receiver<()>,
    ) where
        C: Future<Output = hyper::Result<()>>,
    {
        let limits: &Limits = &self.rules.limits;
        let mut timer = pin!(sleep_until(Instant::now() + limits.shortest_timeout()));
        let mut closed = pin!(closing.changed());
        let (mut is_late, mut is_closing) = (false, false);
        let ended = loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => break ended,
                () = timer.as_mut() => match progress.look(Instant::now(), limits) {
                    _ if is_late => return,
                    Next::Look(at) => timer.as_mut().reset(at),
                    Next::Late(late) => {
                        self.rules.metrics.closed(Connections::Late(late));
                        match late {
                            // Nobody has done anything wrong.
                            Late::Idle | Late::FirstByte => goodbye(connection.as_mut()),
                            Late::Head | Late::Write => return,
                        }
                        is_late = true;
                        timer.as_mut().reset(Instant::now() + GOODBYE);
                    }
                },
                // Nothing is ever sent: this is the sender being dropped.
                _ = closed.as_mut(), if !is_closing => {
                    is_closing = true;
                    goodbye(connection.as_mut());
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke");
        }
    }
}

#[cfg(test)]
mod tests;
