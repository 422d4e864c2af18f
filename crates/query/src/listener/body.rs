//! Bodies: of requests, with a bound on bytes and time, and of answers, which hold their request open.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::metrics::ListenerMetrics;
use super::progress::OpenRequest;
use super::{Limits, TurnedAway};

/// The bytes of all bodies that are held at a time.
#[derive(Debug)]
pub(super) struct AllBodies {
    limit: u64,
    taken: AtomicU64,
}

impl AllBodies {
    pub(super) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicU64::new(0) })
    }

    fn take(&self, bytes: u64) -> bool {
        let taken = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= self.limit);
        self.taken.fetch_update(Relaxed, Relaxed, taken).is_ok()
    }
}

/// What becomes of one request's body. What it holds of [`AllBodies`] is given back when both the body and its
/// request's answer are done with it.
#[derive(Debug)]
pub(super) struct Fate {
    all: Arc<AllBodies>,
    taken: AtomicU64,
    /// The place of a [`TurnedAway`] in its list, plus 1; else 0.
    refused: AtomicU8,
    metrics: ListenerMetrics,
}

impl Fate {
    pub(super) fn new(all: &Arc<AllBodies>, metrics: ListenerMetrics) -> Arc<Self> {
        let all = Arc::clone(all);
        Arc::new(Self { all, taken: AtomicU64::new(0), refused: AtomicU8::new(0), metrics })
    }

    /// Why the body could not be read to its end, if it was too much. Whatever the route made of that, this is the answer.
    pub(super) fn refused(&self) -> Option<TurnedAway> {
        let place = usize::from(self.refused.load(Relaxed)).checked_sub(1)?;
        TurnedAway::ALL.get(place).copied()
    }

    fn refuse(&self, reason: TurnedAway) -> BoxError {
        if self.refused.swap(reason as u8 + 1, Relaxed) == 0 {
            self.metrics.turned_away(reason);
        }
        reason.into()
    }

    fn take(&self, bytes: u64) -> bool {
        let is_taken = self.all.take(bytes);
        if is_taken {
            self.taken.fetch_add(bytes, Relaxed);
        }
        is_taken
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        self.all.taken.fetch_sub(self.taken.load(Relaxed), Relaxed);
    }
}

/// A request's body. Nothing of it counts before a route asks for it.
pub(super) struct Bounded<B = Incoming> {
    incoming: B,
    left: u64,
    limits: Limits,
    late: Option<Pin<Box<Sleep>>>,
    fate: Arc<Fate>,
}

impl<B: HttpBody> Bounded<B> {
    pub(super) fn new(incoming: B, limits: Limits, fate: Arc<Fate>) -> Self {
        Self { incoming, left: limits.body_bytes, limits, late: None, fate }
    }
}

impl<B> HttpBody for Bounded<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        // Said to be too large: not a byte of it is read.
        if this.incoming.size_hint().lower() > this.left {
            return Poll::Ready(Some(Err(this.fate.refuse(TurnedAway::BodyTooLarge))));
        }
        let timeout = this.limits.body_read_timeout;
        let late = this.late.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        if late.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(this.fate.refuse(TurnedAway::BodyTimeout))));
        }
        let frame = ready!(Pin::new(&mut this.incoming).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(Into::into)?;
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            match this.left.checked_sub(bytes) {
                None => Err(this.fate.refuse(TurnedAway::BodyTooLarge)),
                Some(_) if !this.fate.take(bytes) => Err(this.fate.refuse(TurnedAway::Overloaded)),
                Some(left) => {
                    this.left = left;
                    Ok(frame)
                }
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// An answer's body. One that is made bit by bit keeps its request open until the last bit, and no bit is made before
/// its client has taken those before.
pub(super) struct AnswerBody {
    body: Body,
    open: Option<OpenRequest>,
}

impl AnswerBody {
    pub(super) fn new(body: Body, mut open: OpenRequest) -> Self {
        open.answered();
        let is_whole = body.size_hint().exact().is_some();
        Self { body, open: (!is_whole).then_some(open) }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, open } = &mut *self;
        let Some(open) = open else { return Pin::new(body).poll_frame(context) };
        open.taken();
        if open.is_blocked(context.waker()) {
            return Poll::Pending;
        }
        let frame = ready!(Pin::new(body).poll_frame(context));
        open.gives(Instant::now);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
