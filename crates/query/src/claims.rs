//! What a token claims, and whether that makes its bearer a user of the tenant.

use std::sync::Arc;
use std::time::Duration;

use events::Id;
use serde_json::{Map, Value};

use crate::Tenant;

/// Why a token is refused. The client is not told; metrics and logs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`](crate::tokens::MAX_TOKEN_BYTES).
    TooLong,
    /// Not a JWT, of another algorithm, or not signed with the tenant's key.
    Signature,
    /// The header names something as critical. Nothing is understood that may be critical, so
    /// RFC 7515, section 4.1.11, has the token refused.
    Critical,
    /// `sub` is missing or not an id.
    User,
    /// `exp` is missing, or `exp` or `nbf` is not a number.
    Times,
    /// `iss` is not the configured one.
    Issuer,
    /// `aud` does not have the configured one.
    Audience,
    /// `nbf` is still to come.
    NotYetValid,
    /// `exp` has come.
    Expired,
}

impl TokenError {
    /// Every reason.
    pub(crate) const ALL: [Self; 9] = [
        Self::TooLong,
        Self::Signature,
        Self::Critical,
        Self::User,
        Self::Times,
        Self::Issuer,
        Self::Audience,
        Self::NotYetValid,
        Self::Expired,
    ];

    /// The name in the metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Signature => "signature",
            Self::Critical => "critical",
            Self::User => "user",
            Self::Times => "times",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }
}

/// What is remembered of a token that was found good. Times are since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) user: Arc<str>,
    not_before: Duration,
    expires: Duration,
}

impl Verified {
    /// Whether the token is valid at `now`: from `nbf` on, and before `exp` (RFC 7519, section
    /// 4.1.4: "on or after" it a token must not be accepted).
    pub(crate) fn check(&self, now: Duration) -> Result<(), TokenError> {
        if now >= self.expires {
            Err(TokenError::Expired)
        } else if now < self.not_before {
            Err(TokenError::NotYetValid)
        } else {
            Ok(())
        }
    }
}

/// Verifies all of a token but its times, which [`Verified::check`] compares with the clock.
pub(crate) fn verify(tenant: &Tenant, token: &str) -> Result<Verified, TokenError> {
    // A map, not a struct of the claims: serde would fill a struct from a JSON array too.
    let opened = tenant.verification_key.open::<Map<String, Value>>(token);
    let opened = opened.map_err(|_| TokenError::Signature)?;
    if opened.header.crit.is_some() {
        return Err(TokenError::Critical);
    }
    let claims = opened.claims;
    let user = claims.get("sub").and_then(Value::as_str).ok_or(TokenError::User)?;
    let user = Id::new(user).map_err(|_| TokenError::User)?;
    let expires = claims.get("exp").and_then(numeric_date).ok_or(TokenError::Times)?;
    let not_before = match claims.get("nbf") {
        None => Duration::ZERO,
        Some(nbf) => numeric_date(nbf).ok_or(TokenError::Times)?,
    };
    if let Some(issuer) = &tenant.issuer
        && claims.get("iss").and_then(Value::as_str) != Some(issuer)
    {
        return Err(TokenError::Issuer);
    }
    if let Some(audience) = &tenant.audience
        && !claims.get("aud").is_some_and(|aud| has_audience(aud, audience))
    {
        return Err(TokenError::Audience);
    }
    Ok(Verified { user: Arc::from(user.as_str()), not_before, expires })
}

/// A NumericDate (RFC 7519, section 2): seconds since the Unix epoch, also fractions of them. What
/// lies before the epoch is long past, and what no clock will reach is never: both keep their side.
fn numeric_date(claim: &Value) -> Option<Duration> {
    let seconds = claim.as_f64()?;
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

/// `aud` is one text or a list of them.
fn has_audience(claim: &Value, audience: &str) -> bool {
    match claim {
        Value::String(one) => one == audience,
        Value::Array(many) => many.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    }
}
