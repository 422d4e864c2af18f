//! Keys at a URL: fetched now and then, and when a token names one that is not known.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::Mutex;

use crate::fetch::{Fetch, FetchRequest, fetch};
use crate::jwks::{JwksPlace, MAX_JWKS_BYTES, parse_jwks};
use crate::{Algorithm, Metrics, VerificationKey};

/// Between two fetches, whatever asks for them: whoever makes up names of keys gets the URL asked this often, and not
/// oftener.
pub(crate) const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(10);

/// A JSON Web Key Set at a URL. All clones are one.
#[derive(Clone)]
pub struct KeyUrl(Arc<Inner>);

struct Inner {
    url: String,
    only: Option<Algorithm>,
    interval: Duration,
    fetch: Fetch,
    metrics: Metrics,
    /// What was fetched last and could be used; `None` before.
    keys: ArcSwapOption<Vec<VerificationKey>>,
    /// Held while fetching, so that one does it and the others wait for it.
    last: Mutex<Option<Attempt>>,
}

/// The last time the URL was asked.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    at: Duration,
    reached: Reached,
}

/// Whether the keys are those of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// They were, a moment ago.
    Yes,
    /// It gave nothing that can be used: the keys are those of before, if there were any.
    No,
}

impl KeyUrl {
    /// Nothing is fetched yet. With `only`, keys of other algorithms are passed over.
    pub fn new(
        url: String,
        only: Option<Algorithm>,
        interval: Duration,
        fetch: Fetch,
        metrics: Metrics,
    ) -> Self {
        let (keys, last) = (ArcSwapOption::empty(), Mutex::new(None));
        Self(Arc::new(Inner { url, only, interval, fetch, metrics, keys, last }))
    }

    /// Fetches the keys for the first time, so that no request has to wait for that. `now` is since the Unix epoch.
    pub async fn prepare(&self, now: Duration) {
        if self.keys().is_none() {
            self.refresh(now).await;
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    pub(crate) fn keys(&self) -> Guard<Option<Arc<Vec<VerificationKey>>>> {
        self.0.keys.load()
    }

    /// Whether it is time to fetch again: after the interval, or soon after a fetch that failed.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        // Held: somebody is fetching.
        let Ok(last) = self.0.last.try_lock() else { return false };
        last.is_none_or(|last| {
            let interval = match last.reached {
                Reached::Yes => self.0.interval,
                Reached::No => MIN_FETCH_INTERVAL,
            };
            // A clock that was set back must not keep it from being asked.
            now.abs_diff(last.at) >= interval
        })
    }

    /// Fetches the keys, unless that was done just now.
    pub(crate) async fn refresh(&self, now: Duration) -> Reached {
        let this = self.clone();
        // A task of its own: who asks and goes away does not break it off, for others wait for it.
        let fetched = tokio::spawn(async move { this.fetch_now(now).await });
        fetched.await.unwrap_or(Reached::No)
    }

    async fn fetch_now(&self, now: Duration) -> Reached {
        let mut last = self.0.last.lock().await;
        if let Some(last) = *last
            && now.abs_diff(last.at) < MIN_FETCH_INTERVAL
        {
            return last.reached;
        }
        let reached = self.replace_keys().await;
        *last = Some(Attempt { at: now, reached });
        reached
    }

    async fn replace_keys(&self) -> Reached {
        let Inner { url, only, metrics, .. } = &*self.0;
        let request = FetchRequest { url: url.clone(), form: None, most_bytes: MAX_JWKS_BYTES };
        let why = match fetch(&self.0.fetch, request).await {
            Ok(bytes) => match parse_jwks(&bytes, JwksPlace::Url, *only) {
                Ok(keys) => {
                    tracing::debug!(url, keys = keys.len(), "keys fetched");
                    self.0.keys.store(Some(Arc::new(keys)));
                    metrics.keys_fetched(true);
                    return Reached::Yes;
                }
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        metrics.keys_fetched(false);
        tracing::warn!(url, why, "keys can't be fetched: those of before stay in use");
        Reached::No
    }
}

impl fmt::Debug for KeyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("KeyUrl").field(&self.0.url).finish()
    }
}
