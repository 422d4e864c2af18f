//! Who asks: the tenant, by the client key, and the user, by the token; or a server of the tenant, by its API key.
//! Tenants and their keys may be replaced between two requests.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::{ArcSwap, Guard};
use axum::http::HeaderMap;
use tokio::sync::watch;

use crate::claims::{TokenError, Verified};
use crate::credentials;
use crate::fingerprint::Fingerprint;
use crate::refusal::Refusal;
use crate::tenants::Served;
use crate::tokens::{Tokens, Verdict};
use crate::{Metrics, Tenant, Tenants};

/// Tells the time of day, against which tokens are held.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// How often to look whether keys at a URL have to be fetched again.
const LOOK: Duration = Duration::from_secs(1);

/// Finds out who asks. All clones are one.
#[derive(Clone)]
pub struct Admission {
    tenants: Arc<ArcSwap<Tenants>>,
    /// Told when they are replaced.
    replaced: Arc<watch::Sender<()>>,
    tokens: Tokens,
    clock: Clock,
}

/// Who asked, for those who go on being answered: as long as they could ask again with the same token. The token
/// itself is not kept.
pub(crate) struct Bearer {
    client_key: Box<[u8]>,
    rules: Fingerprint,
    verified: Verified,
}

impl Bearer {
    pub(crate) fn user(&self) -> &Arc<str> {
        &self.verified.user
    }
}

/// A tenant of a request, as it was when the request came.
pub(crate) struct Asked {
    tenants: Guard<Arc<Tenants>>,
    place: usize,
}

impl Asked {
    fn served(&self) -> &Served {
        self.tenants.at(self.place)
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.served().tenant
    }
}

impl Admission {
    /// For these tenants. About `token_capacity` verified tokens are remembered; one takes about 300 bytes.
    pub fn new(tenants: Tenants, token_capacity: usize, clock: Clock, metrics: Metrics) -> Self {
        let tenants = Arc::new(ArcSwap::from_pointee(tenants));
        let replaced = Arc::new(watch::Sender::new(()));
        Self { tenants, replaced, tokens: Tokens::new(token_capacity, metrics), clock }
    }

    /// From now on, these tenants may ask. A request that has begun ends with what it began with. A token that was
    /// verified with a key that its tenant no longer has is not good any more, and all others are still remembered.
    pub fn admit(&self, tenants: Tenants) {
        self.tenants.store(Arc::new(tenants));
        self.replaced.send_replace(());
    }

    /// Remembers about so many verified tokens from now on.
    pub fn remember(&self, token_capacity: usize) {
        self.tokens.set_capacity(token_capacity);
    }

    /// Fetches the keys at URLs again when it is time, as long as it is polled.
    pub async fn keep_keys_fresh(self) {
        loop {
            let now = since_epoch((self.clock)());
            let urls: HashMap<_, _> =
                self.tenants.load().key_urls().map(|url| (url.url().to_owned(), url.clone())).collect();
            for url in urls.into_values().filter(|url| url.is_due(now)) {
                tokio::spawn(async move { url.refresh(now).await });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The tenant that the client key names.
    pub(crate) fn tenant(&self, headers: &HeaderMap) -> Result<Asked, Refusal> {
        let client_key = credentials::client_key(headers).ok_or(Refusal::InvalidClientKey)?;
        let tenants = self.tenants.load();
        let place = tenants.place_of(client_key).ok_or(Refusal::InvalidClientKey)?;
        Ok(Asked { tenants, place })
    }

    /// The tenant whose server asks, as its API key says.
    pub(crate) fn server(&self, headers: &HeaderMap) -> Result<Asked, Refusal> {
        let api_key = credentials::api_key(headers).ok_or(Refusal::InvalidApiKey)?;
        let tenants = self.tenants.load();
        let place = tenants.place_of_server(api_key).ok_or(Refusal::InvalidApiKey)?;
        Ok(Asked { tenants, place })
    }

    /// The tenant, and the user that the token makes whoever asks.
    pub(crate) async fn asker(&self, headers: &HeaderMap) -> Result<(Asked, Arc<str>), Refusal> {
        let asked = self.tenant(headers)?;
        let token = credentials::token(headers).ok_or(Refusal::InvalidToken)?;
        let user = self.user(&asked, token).await?;
        Ok((asked, user))
    }

    /// The same, for an answer that goes on.
    pub(crate) async fn bearer(&self, headers: &HeaderMap) -> Result<(Asked, Bearer), Refusal> {
        let asked = self.tenant(headers)?;
        let client_key = credentials::client_key(headers).ok_or(Refusal::InvalidClientKey)?.into();
        let token = credentials::token(headers).ok_or(Refusal::InvalidToken)?;
        let verified = self.verified(&asked, token).await?;
        let rules = asked.served().rules;
        Ok((asked, Bearer { client_key, rules, verified }))
    }

    /// For how long the bearer's token is still good, as far as is known now; `None` if it is not any more.
    pub(crate) fn good_for(&self, bearer: &Bearer) -> Option<Duration> {
        let tenants = self.tenants.load();
        let served = tenants.at(tenants.place_of(&bearer.client_key)?);
        let Bearer { rules, verified, .. } = bearer;
        let (now, leeway) = (since_epoch((self.clock)()), served.tenant.leeway);
        let is_good = served.rules == *rules
            && served.tenant.takes(verified.shown_by)
            && verified.still_holds(now)
            && verified.check(now, leeway).is_ok();
        is_good.then(|| verified.ends(leeway).saturating_sub(now))
    }

    /// Changes when other tenants are admitted.
    pub(crate) fn replacements(&self) -> watch::Receiver<()> {
        self.replaced.subscribe()
    }

    /// The user of a token. Waits only for keys or an answer from elsewhere.
    pub(crate) async fn user(&self, asked: &Asked, token: &str) -> Result<Arc<str>, Refusal> {
        self.verified(asked, token).await.map(|verified| verified.user)
    }

    async fn verified(&self, asked: &Asked, token: &str) -> Result<Verified, Refusal> {
        let served = asked.served();
        let rules = served.rules;
        let found = match self.tokens.verdict((rules, &served.tenant), token, since_epoch((self.clock)())) {
            Verdict::Good(verified) => Ok(verified),
            Verdict::Refused(why) => Err(why),
            Verdict::AskForKeys(url, header) => {
                self.tokens.with_new_keys((rules, &served.tenant), token, (url, header), &self.clock).await
            }
            Verdict::Introspect(endpoint) => {
                let tenant = Arc::clone(&served.tenant);
                let (token, clock) = (token.to_owned(), self.clock.clone());
                self.tokens.introspect((rules, tenant), token, endpoint, clock).await
            }
        };
        found.map_err(|reason| {
            tracing::debug!(tenant = served.tenant.name, ?reason, "token refused");
            match reason {
                TokenError::Unavailable => Refusal::TokenCheckUnavailable,
                _ => Refusal::InvalidToken,
            }
        })
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Admission").finish_non_exhaustive()
    }
}

/// A clock that stands before 1970 is broken: no token is valid by it.
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX)
}
