//! Who is watched, until when, and what is published of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use bytes::Bytes;
use events::{Prefix, Tenant};
use parking_lot::Mutex;
use query::{Hub, Seen, ServerQuestion, Servers, WatchFilter};
use serde::Serialize;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::metrics::Metrics;

/// One badge that is watched.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Watched {
    tenant: Arc<str>,
    user: Box<str>,
    /// In order, so that the same rooms are the same badge.
    tags: Arc<[Box<str>]>,
}

impl Watched {
    /// Those that a question is about.
    pub(super) fn all(question: &ServerQuestion) -> Vec<Self> {
        let tenant: Arc<str> = question.tenant().into();
        let mut tags: Vec<&str> = question.room_tags().collect();
        tags.sort_unstable();
        let tags: Arc<[Box<str>]> = tags.into_iter().map(Box::from).collect();
        let one = |user: &str| Self { tenant: tenant.clone(), user: user.into(), tags: tags.clone() };
        question.users().map(one).collect()
    }
}

/// All badges that are watched. All clones are one.
///
/// Each has a task, which waits for the next number, and then for the connection to take it: while that is slow, numbers
/// are skipped, but for the last.
#[derive(Clone)]
pub(super) struct Watches {
    hub: Hub,
    servers: Servers,
    client: Client,
    prefix: Arc<Prefix>,
    metrics: Metrics,
    most: usize,
    leases: Arc<Mutex<Leases>>,
}

#[derive(Default)]
struct Leases {
    by_badge: HashMap<Arc<Watched>, Lease>,
    /// How many there have been.
    count: u64,
}

struct Lease {
    /// Told from an earlier one of the same badge.
    number: u64,
    until: Instant,
    /// `None` until the answer is sent.
    publishing: Option<AbortHandle>,
}

/// There would be too many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// Leases whose answer is not sent yet.
pub(super) struct Granted(Vec<(Arc<Watched>, u64)>);

/// What is published.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Published<'a> {
    user: &'a str,
    badge: u64,
    /// Every event up to this stream sequence is in it.
    seq: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    room_tags: &'a [Box<str>],
}

impl Watches {
    pub(super) fn new(
        (hub, servers): (Hub, Servers),
        client: Client,
        prefix: Arc<Prefix>,
        metrics: Metrics,
        most: usize,
    ) -> Self {
        Self { hub, servers, client, prefix, metrics, most, leases: Arc::default() }
    }

    /// Leases for all of these, or for none. One that is there is prolonged, and never shortened.
    pub(super) fn grant(&self, badges: Vec<Watched>, lasts: Duration) -> Result<Granted, TooMany> {
        let mut leases = self.leases.lock();
        let new = badges.iter().filter(|badge| !leases.by_badge.contains_key(*badge)).count();
        if leases.by_badge.len().saturating_add(new) > self.most {
            return Err(TooMany);
        }
        let until = Instant::now() + lasts;
        let mut granted = Vec::with_capacity(new);
        for badge in badges {
            if let Some(lease) = leases.by_badge.get_mut(&badge) {
                lease.until = lease.until.max(until);
                continue;
            }
            leases.count += 1;
            let (badge, number) = (Arc::new(badge), leases.count);
            leases.by_badge.insert(Arc::clone(&badge), Lease { number, until, publishing: None });
            granted.push((badge, number));
        }
        self.metrics.watched(leases.by_badge.len());
        Ok(Granted(granted))
    }

    /// Ends the leases of these at once.
    pub(super) fn end(&self, badges: &[Watched]) {
        let mut leases = self.leases.lock();
        for badge in badges {
            if let Some(Lease { publishing: Some(publishing), .. }) = leases.by_badge.remove(badge) {
                publishing.abort();
            }
        }
        self.metrics.watched(leases.by_badge.len());
    }

    /// Begins to publish.
    pub(super) fn begin(&self, Granted(granted): Granted) {
        let mut leases = self.leases.lock();
        for (badge, number) in granted {
            // It may have been ended meanwhile.
            if let Some(lease) = leases.by_badge.get_mut(&badge).filter(|lease| lease.number == number) {
                let publishing = tokio::spawn(self.clone().publish_changes(badge, number));
                lease.publishing = Some(publishing.abort_handle());
            }
        }
    }

    async fn publish_changes(self, badge: Arc<Watched>, number: u64) {
        let filter = WatchFilter { tags: badge.tags.iter().cloned().collect(), ..WatchFilter::default() };
        let mut watch = self.hub.watch(&badge.tenant, &badge.user, filter);
        while let Some(until) = self.until(&badge, number) {
            let seen = tokio::select! {
                biased;
                () = sleep_until(until) => continue,
                seen = watch.next() => seen,
            };
            match seen {
                Seen::Badge(counters::Badge { count, applied }) => {
                    let published =
                        Published { user: &badge.user, badge: count, seq: applied, room_tags: &badge.tags };
                    if !self.publish(&badge.tenant, &published).await {
                        break;
                    }
                }
                // Nothing is said until the number is known again.
                Seen::NotReady => {}
                Seen::Stopped => break,
            }
        }
        self.forget(&badge, number);
    }

    /// When the lease ends; `None` if it has.
    fn until(&self, badge: &Watched, number: u64) -> Option<Instant> {
        let leases = self.leases.lock();
        let lease = leases.by_badge.get(badge).filter(|lease| lease.number == number)?;
        Some(lease.until).filter(|until| *until > Instant::now())
    }

    fn forget(&self, badge: &Watched, number: u64) {
        let mut leases = self.leases.lock();
        if leases.by_badge.get(badge).is_some_and(|lease| lease.number == number) {
            leases.by_badge.remove(badge);
        }
        self.metrics.watched(leases.by_badge.len());
    }

    /// Whether the badge is to be watched any longer: not that of a tenant that was taken from the settings.
    async fn publish(&self, tenant: &str, published: &Published<'_>) -> bool {
        let Some(name) = Tenant::new(tenant).ok().filter(|_| self.servers.knows(tenant)) else {
            return false;
        };
        let body = serde_json::to_vec(published).expect("the body is a plain JSON object");
        let sent = self.client.publish(self.prefix.badges(name), Bytes::from(body)).await;
        self.metrics.published();
        // Else the client has ended.
        sent.is_ok()
    }
}
