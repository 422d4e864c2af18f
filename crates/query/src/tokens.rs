//! Tokens that were found good are remembered: verifying a signature costs far more than a badge, and asking somebody
//! else more than that.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Header;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::admission::since_epoch;
use crate::claims::{self, TokenError, Verified};
use crate::fetch::FETCH_TIMEOUT;
use crate::fingerprint::Fingerprint;
use crate::introspection::Said;
use crate::key_url::Reached;
use crate::{Clock, Introspection, KeyUrl, Metrics, Tenant};

/// The longest token, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// How long a request waits for somebody else's answer, with those before it.
const PATIENCE: Duration = FETCH_TIMEOUT.saturating_add(Duration::from_secs(1));

/// The fingerprint of the tenant's rules, and the SHA-256 of the token. The token itself is not
/// kept: who reads this process's memory must not be able to ask as its users.
pub(crate) type TokenKey = (Fingerprint, [u8; 32]);

/// Verifies tokens, and remembers a bounded number of them. All clones are one.
#[derive(Clone)]
pub(crate) struct Tokens {
    verified: Arc<Cache<TokenKey, Verified>>,
    /// Tokens of which an endpoint said that they are no good: else whoever makes up tokens has it asked for each
    /// request.
    refused: Arc<Cache<TokenKey, Refused>>,
    metrics: Metrics,
}

/// What is remembered of a token after an endpoint was asked in vain.
#[derive(Clone)]
struct Refused {
    why: TokenError,
    /// Who said so, and when.
    by: Fingerprint,
    at: Duration,
}

/// What can be said of a token at once.
pub(crate) enum Verdict {
    /// It makes its bearer a user.
    Good(Verified),
    /// It makes nobody a user.
    Refused(TokenError),
    /// Its key may be at that URL by now.
    AskForKeys(KeyUrl, Box<Header>),
    /// It is for that endpoint to say.
    Introspect(Introspection),
}

impl Tokens {
    /// Remembers about `capacity` tokens at most, and a tenth as many that are not good.
    pub(crate) fn new(capacity: usize, metrics: Metrics) -> Self {
        let refused = Cache::new(capacity / 10);
        Self { verified: Arc::new(Cache::new(capacity)), refused: Arc::new(refused), metrics }
    }

    /// Remembers about so many from now on.
    pub(crate) fn set_capacity(&self, capacity: usize) {
        let capacity = u64::try_from(capacity).unwrap_or(u64::MAX);
        self.verified.set_capacity(capacity);
        self.refused.set_capacity(capacity / 10);
        self.metrics.tokens_cached(self.verified.len());
    }

    /// What the token is worth at `now`, in time since the Unix epoch, as far as that can be said without waiting.
    pub(crate) fn verdict(
        &self,
        (rules, tenant): (Fingerprint, &Tenant),
        token: &str,
        now: Duration,
    ) -> Verdict {
        // Before it is hashed: a header may be far longer.
        if token.len() > MAX_TOKEN_BYTES {
            return self.refuse(TokenError::TooLong);
        }
        let key = (rules, Sha256::digest(token.as_bytes()).into());
        if let Some(remembered) = self.remembered(&key, tenant, now) {
            return remembered;
        }
        if let Some(endpoint) = tenant.introspects(token) {
            return Verdict::Introspect(endpoint.clone());
        }
        let Ok(header) = jsonwebtoken::decode_header(token) else {
            return self.refuse(TokenError::Signature);
        };
        match self.verify(&key, tenant, token, &header, now) {
            Ok(verified) => Verdict::Good(verified),
            Err(why @ (TokenError::UnknownKey | TokenError::Signature)) => {
                match tenant.keys.may_be_at_url(&header) {
                    Some(url) => Verdict::AskForKeys(url.clone(), Box::new(header)),
                    None => self.refuse(why),
                }
            }
            Err(why) => self.refuse(why),
        }
    }

    /// What was found before, if it still holds: the key may have been taken from the tenant since.
    fn remembered(&self, key: &TokenKey, tenant: &Tenant, now: Duration) -> Option<Verdict> {
        if let Some(verified) = self.verified.get(key) {
            let valid = verified.check(now, tenant.leeway);
            let is_good = tenant.takes(verified.shown_by) && verified.still_holds(now);
            if valid == Err(TokenError::Expired) || !is_good {
                self.verified.remove(key);
                self.metrics.tokens_cached(self.verified.len());
            }
            if is_good {
                return Some(match valid {
                    Ok(()) => Verdict::Good(verified),
                    Err(why) => Verdict::Refused(why),
                });
            }
        }
        let endpoint = tenant.introspection.as_ref()?;
        let refused = self.refused.get(key)?;
        let holds =
            refused.by == endpoint.fingerprint() && now.abs_diff(refused.at) < endpoint.refusal_holds();
        holds.then_some(Verdict::Refused(refused.why))
    }

    fn verify(
        &self,
        key: &TokenKey,
        tenant: &Tenant,
        token: &str,
        header: &Header,
        now: Duration,
    ) -> Result<Verified, TokenError> {
        let verified = claims::verify(tenant, token, header)?;
        self.remember(key, tenant, verified, now)
    }

    fn remember(
        &self,
        key: &TokenKey,
        tenant: &Tenant,
        verified: Verified,
        now: Duration,
    ) -> Result<Verified, TokenError> {
        verified.check(now, tenant.leeway)?;
        self.metrics.token_verified(None);
        self.verified.insert(*key, verified.clone());
        self.metrics.tokens_cached(self.verified.len());
        Ok(verified)
    }

    /// Has the keys fetched, and looks again.
    pub(crate) async fn with_new_keys(
        &self,
        (rules, tenant): (Fingerprint, &Tenant),
        token: &str,
        (url, header): (KeyUrl, Box<Header>),
        clock: &Clock,
    ) -> Result<Verified, TokenError> {
        let reached = tokio::time::timeout(PATIENCE, url.refresh(since_epoch(clock()))).await;
        let key = (rules, Sha256::digest(token.as_bytes()).into());
        let verified = self.verify(&key, tenant, token, &header, since_epoch(clock()));
        verified.map_err(|why| {
            let may_be_new = tenant.keys.may_be_at_url(&header).is_some();
            let why = match reached {
                Ok(Reached::Yes) => why,
                // It may be good: nobody can tell.
                Ok(Reached::No) | Err(_) if may_be_new => TokenError::Unavailable,
                Ok(Reached::No) | Err(_) => why,
            };
            self.metrics.token_verified(Some(why));
            why
        })
    }

    /// Asks the endpoint, on a task of its own: whoever goes away while it waits breaks nothing off, so that no more
    /// is asked at once than there are lanes.
    pub(crate) async fn introspect(
        &self,
        (rules, tenant): (Fingerprint, Arc<Tenant>),
        token: String,
        endpoint: Introspection,
        clock: Clock,
    ) -> Result<Verified, TokenError> {
        let this = self.clone();
        let asked = tokio::spawn(async move {
            let key = (rules, Sha256::digest(token.as_bytes()).into());
            let Some(_place) = endpoint.wait() else { return Err(TokenError::Unavailable) };
            let _lane = endpoint.lane(&key).await;
            // Somebody may have asked meanwhile.
            match this.remembered(&key, &tenant, since_epoch(clock())) {
                Some(Verdict::Good(verified)) => return Ok(verified),
                Some(Verdict::Refused(why)) => return Err(why),
                _ => {}
            }
            let said = endpoint.ask(&token, &clock).await.map_err(|_| TokenError::Unavailable)?;
            let now = since_epoch(clock());
            let by = endpoint.fingerprint();
            let found = match said {
                Said::Active(claims) => claims::introspected(&tenant, &claims, by, (now, endpoint.holds()))
                    .and_then(|verified| this.remember(&key, &tenant, verified, now)),
                Said::Inactive => Err(TokenError::Inactive),
            };
            found.inspect_err(|&why| this.refused.insert(key, Refused { why, by, at: now }))
        });
        let found = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) | Err(_) => Err(TokenError::Unavailable),
        };
        found.inspect_err(|&why| self.metrics.token_verified(Some(why)))
    }

    fn refuse(&self, why: TokenError) -> Verdict {
        self.metrics.token_verified(Some(why));
        Verdict::Refused(why)
    }
}
