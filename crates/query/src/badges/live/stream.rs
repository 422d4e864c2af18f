//! One live badge: what is sent, and when it ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use counters::Badge;
use futures::Stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::places::LivePlace;
use crate::admission::Bearer;
use crate::badges::Badges;
use crate::{Seen, Watch};

/// A comment: it says nothing but that there is somebody.
const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// After how many milliseconds to come again when the connection breaks.
const RETRY: &str = "retry: 1000\n";

/// Why a live badge has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The counts can't be trusted any more.
    NotReady,
    /// The token is good no longer: it has expired, or its key or tenant was taken away.
    Token,
    /// The service stops.
    Stopping,
    /// The client has gone, or was too slow.
    Client,
}

impl End {
    pub(super) const ALL: [Self; 4] = [Self::NotReady, Self::Token, Self::Stopping, Self::Client];

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::Token => "token",
            Self::Stopping => "stopping",
            Self::Client => "client",
        }
    }
}

/// What comes next.
enum Next {
    /// The number with which it begins.
    First(Badge),
    /// Whatever is changed.
    Change,
    /// Nothing.
    End,
}

/// One live badge. It makes an event when its connection has taken the one before: none waits in memory but the one
/// that is being sent, and what was skipped is in the next.
pub(super) struct LiveStream {
    badges: Arc<Badges>,
    watch: Watch,
    bearer: Bearer,
    replacements: watch::Receiver<()>,
    next: Next,
    keep_alive_at: Instant,
    _place: LivePlace,
}

impl LiveStream {
    pub(super) fn new(
        badges: &Arc<Badges>,
        (watch, place): (Watch, LivePlace),
        bearer: Bearer,
        first: Badge,
    ) -> Self {
        badges.public.metrics.live.open.inc();
        Self {
            badges: Arc::clone(badges),
            watch,
            bearer,
            replacements: badges.admission().replacements(),
            next: Next::First(first),
            keep_alive_at: Instant::now(),
            _place: place,
        }
    }

    /// As the body of an answer.
    pub(super) fn into_events(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        futures::stream::unfold(self, |mut stream| async {
            let event = stream.event().await?;
            Some((Ok(event), stream))
        })
    }

    async fn event(&mut self) -> Option<Bytes> {
        match self.next {
            Next::First(badge) => {
                self.next = Next::Change;
                Some(self.badge(RETRY, badge))
            }
            Next::Change => Some(self.change().await),
            Next::End => None,
        }
    }

    /// Nothing is sent to whoever could not ask for it now.
    async fn change(&mut self) -> Bytes {
        loop {
            let Some(good_for) = self.badges.admission().good_for(&self.bearer) else {
                return self.end(End::Token);
            };
            let look_at = self.keep_alive_at.min(after(good_for));
            let seen = tokio::select! {
                biased;
                // The sender is as old as the tenants.
                _ = self.replacements.changed() => continue,
                () = sleep_until(look_at) => None,
                seen = self.watch.next() => Some(seen),
            };
            let is_good = self.badges.admission().good_for(&self.bearer).is_some();
            match seen {
                Some(Seen::NotReady) => return self.end(End::NotReady),
                Some(Seen::Stopped) => return self.end(End::Stopping),
                _ if !is_good => return self.end(End::Token),
                Some(Seen::Badge(badge)) => return self.badge("", badge),
                None if self.keep_alive_at <= Instant::now() => {
                    self.sends();
                    return KEEP_ALIVE;
                }
                None => {}
            }
        }
    }

    fn sends(&mut self) {
        self.keep_alive_at = Instant::now() + self.badges.public.live.keep_alive;
    }

    fn badge(&mut self, before: &str, badge: Badge) -> Bytes {
        self.sends();
        self.badges.public.metrics.live.events.inc();
        badge_event(before, badge).into()
    }

    fn end(&mut self, end: End) -> Bytes {
        self.next = Next::End;
        self.badges.public.metrics.live.ended(end);
        format!("event: end\ndata: {{\"reason\":\"{}\"}}\n\n", end.reason()).into()
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        let metrics = &self.badges.public.metrics.live;
        metrics.open.dec();
        if !matches!(self.next, Next::End) {
            metrics.ended(End::Client);
        }
    }
}

/// The number as an event, behind these fields.
fn badge_event(before: &str, Badge { count, applied }: Badge) -> String {
    format!("{before}event: badge\nid: {applied}\ndata: {{\"badge\":{count}}}\n\n")
}

/// How a stream begins, and goes on with another number.
pub(super) fn example() -> String {
    let first = badge_event(RETRY, Badge { count: 10, applied: 523_518 });
    first + &badge_event("", Badge { count: 11, applied: 523_519 })
}

/// A token without an end has one too, in a long time.
fn after(good_for: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(24 * 60 * 60);
    Instant::now() + good_for.min(LONG)
}
