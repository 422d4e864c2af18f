//! How often a tenant and a user may ask: token buckets.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use quick_cache::sync::Cache;

const NANOS: u64 = 1_000_000_000;

/// How many tenants' buckets are kept: far more than anybody configures.
const TENANTS: usize = 4_096;

/// How often somebody may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many requests a second in the long run, 1,000,000 at most.
    pub per_second: NonZero<u32>,
    /// So many requests at once by who has not asked for a while.
    pub burst: NonZero<u32>,
}

/// How often a tenant and a user may ask. Without a rate, nothing is counted or kept. All clones are one.
#[derive(Clone, Default)]
pub struct Rates {
    tenants: Option<Arc<Buckets>>,
    users: Option<Arc<Buckets>>,
}

/// One bucket for each who asks; memory for a bounded number of them. Whoever is forgotten begins with a full bucket.
struct Buckets {
    /// When nobody has asked yet.
    began: Instant,
    /// Nanoseconds after which one more request may come.
    interval: u64,
    /// How far ahead of its time the last request of a burst may be.
    ahead: u64,
    /// For each, by a hash under a key that nobody knows, when their bucket is full again, in nanoseconds from `began`.
    full_again: Cache<u64, Arc<AtomicU64>>,
    hasher: RandomState,
}

/// Whose rate was above its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Tenant,
    User,
}

/// Somebody asks too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limited {
    pub(crate) scope: Scope,
    /// When they may ask again, in whole seconds, at least 1.
    pub(crate) retry_after: u64,
}

impl Rates {
    /// For each tenant in all, and for each of its users. Buckets of about so many users are kept, some 100 bytes each.
    pub fn new(tenant: Option<Rate>, user: Option<Rate>, users: usize, now: Instant) -> Self {
        Self {
            tenants: tenant.map(|rate| Arc::new(Buckets::new(rate, TENANTS, now))),
            users: user.map(|rate| Arc::new(Buckets::new(rate, users, now))),
        }
    }

    /// Counts a request of a tenant, and of a user if one is known. Who is over their own rate takes nothing from
    /// their tenant's.
    pub(crate) fn admit(&self, tenant: &str, user: Option<&str>, now: Instant) -> Result<(), Limited> {
        if let (Some(users), Some(user)) = (&self.users, user) {
            let admitted = users.admit((tenant, user), now);
            admitted.map_err(|retry_after| Limited { scope: Scope::User, retry_after })?;
        }
        if let Some(tenants) = &self.tenants {
            let admitted = tenants.admit((tenant, ""), now);
            admitted.map_err(|retry_after| Limited { scope: Scope::Tenant, retry_after })?;
        }
        Ok(())
    }
}

impl Buckets {
    fn new(rate: Rate, capacity: usize, now: Instant) -> Self {
        let interval = NANOS / u64::from(rate.per_second.get());
        let ahead = interval * u64::from(rate.burst.get() - 1);
        Self { began: now, interval, ahead, full_again: Cache::new(capacity), hasher: RandomState::new() }
    }

    /// Else, in how many seconds to ask again.
    fn admit(&self, who: (&str, &str), now: Instant) -> Result<(), u64> {
        let now = u64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX);
        let key = self.hasher.hash_one(who);
        let bucket = match self.full_again.get(&key) {
            Some(bucket) => bucket,
            None => {
                let Ok(bucket) = self
                    .full_again
                    .get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(Arc::default()));
                bucket
            }
        };
        let latest = now.saturating_add(self.ahead);
        let take = |full_again: u64| (full_again <= latest).then(|| full_again.max(now) + self.interval);
        match bucket.fetch_update(Relaxed, Relaxed, take) {
            Ok(_) => Ok(()),
            Err(full_again) => Err((full_again - latest).div_ceil(NANOS)),
        }
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
