//! Tokens that were verified are remembered until they expire: verifying a signature costs far
//! more than a badge.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::claims::{self, TokenError, Verified};
use crate::{Metrics, Tenant};

/// The longest token, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The tenant's place among the tenants, and the SHA-256 of the token. The token itself is not
/// kept: who reads this process's memory must not be able to ask as its users.
type TokenKey = (usize, [u8; 32]);

/// Verifies tokens, and remembers a bounded number of good ones.
pub(crate) struct Tokens {
    verified: Cache<TokenKey, Verified>,
    metrics: Metrics,
}

impl Tokens {
    /// Remembers about `capacity` tokens at most.
    pub(crate) fn new(capacity: usize, metrics: Metrics) -> Self {
        Self { verified: Cache::new(capacity), metrics }
    }

    /// The user that the token makes its bearer at `now`, in time since the Unix epoch.
    pub(crate) fn user(
        &self,
        (place, tenant): (usize, &Tenant),
        token: &str,
        now: Duration,
    ) -> Result<Arc<str>, TokenError> {
        // Before it is hashed: a header may be far longer.
        if token.len() > MAX_TOKEN_BYTES {
            self.metrics.token_verified(Some(TokenError::TooLong));
            return Err(TokenError::TooLong);
        }
        let key = (place, Sha256::digest(token.as_bytes()).into());
        if let Some(verified) = self.verified.get(&key) {
            let valid = verified.check(now);
            if valid == Err(TokenError::Expired) {
                self.verified.remove(&key);
                self.metrics.tokens_cached(self.verified.len());
            }
            return valid.map(|()| verified.user);
        }
        let verified =
            claims::verify(tenant, token).and_then(|verified| verified.check(now).map(|()| verified));
        self.metrics.token_verified(verified.as_ref().err().copied());
        let verified = verified?;
        let user = Arc::clone(&verified.user);
        self.verified.insert(key, verified);
        self.metrics.tokens_cached(self.verified.len());
        Ok(user)
    }
}
