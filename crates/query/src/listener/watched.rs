//! A stream that tells how far its connection is, gives bare errors a body, and is closed without cutting off an answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::TurnedAway;
use super::metrics::ListenerMetrics;
use super::progress::Progress;

/// How long, and how much, is still read from a client who was refused: if the socket were closed with something unread in it,
/// the answer might never reach them.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// The stream of a connection.
pub(super) struct Watched<S> {
    stream: S,
    progress: Arc<Progress>,
    metrics: ListenerMetrics,
    /// What is sent instead of a bare error, and how much of it was.
    instead: Option<(Vec<u8>, usize)>,
    lingering: Option<Lingering>,
}

struct Lingering {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>, metrics: ListenerMetrics) -> Self {
        Self { stream, progress, metrics, instead: None, lingering: None }
    }

    /// Passes on what became of an attempt to send something.
    fn sent<T>(&self, sent: Poll<T>) -> Poll<T> {
        match sent {
            Poll::Pending => self.progress.blocked(Instant::now),
            Poll::Ready(_) => self.progress.flows(Instant::now),
        }
        sent
    }

    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((bytes, sent)) = &mut self.instead {
            let written = Pin::new(&mut self.stream).poll_write(context, &bytes[*sent..]);
            if written.is_pending() {
                self.progress.blocked(Instant::now);
            }
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *sent += more,
            }
            if *sent == bytes.len() {
                self.instead = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads on for a while, in vain.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let lingering = self.lingering.get_or_insert_with(|| Lingering {
            until: Box::pin(tokio::time::sleep(LINGER)),
            left: LINGER_BYTES,
        });
        let mut bytes = [0; 4096];
        while lingering.left > 0 && lingering.until.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    lingering.left = lingering.left.saturating_sub(buffer.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.heard(Instant::now);
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    /// What is written before a head is complete can only be the HTTP library's own answer to what is no request. It has no
    /// body, so another one is sent instead.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.progress.is_in_head()
            && self.instead.is_none()
            && let Some(reason) = bare_error(bytes)
        {
            self.instead = Some((reason.bytes(), 0));
            self.metrics.turned_away(reason);
            self.progress.leave_unread();
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(context))?;
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.sent(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.poll_instead(context))?;
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.sent(shut))?;
        }
        if self.progress.leaves_unread() {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

/// The reason of an answer that the HTTP library gives to what is no request.
fn bare_error(bytes: &[u8]) -> Option<TurnedAway> {
    match bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)? {
        b"400" => Some(TurnedAway::BadRequest),
        b"414" => Some(TurnedAway::UriTooLong),
        b"431" => Some(TurnedAway::HeadersTooLarge),
        _ => None,
    }
}
