//! What a token claims, and whether that makes its bearer a user of the tenant.

use std::sync::Arc;
use std::time::Duration;

use events::Id;
use jsonwebtoken::Header;
use serde_json::{Map, Value};

use crate::Tenant;
use crate::fingerprint::Fingerprint;

/// Why a token is refused. The client is not told; metrics and logs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`](crate::tokens::MAX_TOKEN_BYTES).
    TooLong,
    /// Not a JWT, of another algorithm, or not signed with a key of the tenant's.
    Signature,
    /// It names a key that the tenant does not have.
    UnknownKey,
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
    /// Who issues the tenant's tokens says that it is not good.
    Inactive,
    /// Who could tell can't be asked now.
    Unavailable,
}

impl TokenError {
    /// Every reason.
    pub(crate) const ALL: [Self; 12] = [
        Self::TooLong,
        Self::Signature,
        Self::UnknownKey,
        Self::Critical,
        Self::User,
        Self::Times,
        Self::Issuer,
        Self::Audience,
        Self::NotYetValid,
        Self::Expired,
        Self::Inactive,
        Self::Unavailable,
    ];

    /// The name in the metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Signature => "signature",
            Self::UnknownKey => "unknown_key",
            Self::Critical => "critical",
            Self::User => "user",
            Self::Times => "times",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Inactive => "inactive",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What is remembered of a token that was found good. Times are since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) user: Arc<str>,
    not_before: Duration,
    expires: Duration,
    /// What showed that it is good: worth as much as the tenant still takes that.
    pub(crate) shown_by: Fingerprint,
    /// When that was asked, and for how long the answer holds.
    asked: Duration,
    holds: Duration,
}

impl Verified {
    /// Whether the token is valid at `now`: from `nbf` on, and before `exp` (RFC 7519, section
    /// 4.1.4: "on or after" it a token must not be accepted), each with the leeway.
    pub(crate) fn check(&self, now: Duration, leeway: Duration) -> Result<(), TokenError> {
        if now >= self.expires.saturating_add(leeway) {
            Err(TokenError::Expired)
        } else if now.saturating_add(leeway) < self.not_before {
            Err(TokenError::NotYetValid)
        } else {
            Ok(())
        }
    }

    /// When it is good no longer, whatever becomes of tenants and keys: when it expires, or has to be asked anew.
    pub(crate) fn ends(&self, leeway: Duration) -> Duration {
        self.expires.saturating_add(leeway).min(self.asked.saturating_add(self.holds))
    }

    /// Whether it need not be asked anew. A signature holds for ever.
    pub(crate) fn still_holds(&self, now: Duration) -> bool {
        self.holds == Duration::MAX || now.abs_diff(self.asked) < self.holds
    }
}

/// Verifies all of a token that is a JWT but its times, which [`Verified::check`] compares with the clock.
pub(crate) fn verify(tenant: &Tenant, token: &str, header: &Header) -> Result<Verified, TokenError> {
    let opened = tenant.keys.open(token, header)?;
    if header.crit.is_some() {
        return Err(TokenError::Critical);
    }
    verified(tenant, &opened.claims, None, opened.key)
}

/// What an introspection endpoint says of a token that it calls active. It may know of no end; its answer has one
/// in any case, after `holds`.
pub(crate) fn introspected(
    tenant: &Tenant,
    claims: &Map<String, Value>,
    shown_by: Fingerprint,
    (asked, holds): (Duration, Duration),
) -> Result<Verified, TokenError> {
    Ok(Verified { asked, holds, ..verified(tenant, claims, Some(Duration::MAX), shown_by)? })
}

/// What all tokens have to claim; `end` is that of a token that names none.
fn verified(
    tenant: &Tenant,
    claims: &Map<String, Value>,
    end: Option<Duration>,
    shown_by: Fingerprint,
) -> Result<Verified, TokenError> {
    let user = claims.get("sub").and_then(Value::as_str).ok_or(TokenError::User)?;
    let user = Id::new(user).map_err(|_| TokenError::User)?;
    let expires = match claims.get("exp") {
        None => end,
        Some(exp) => numeric_date(exp),
    };
    let expires = expires.ok_or(TokenError::Times)?;
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
    let user = Arc::from(user.as_str());
    Ok(Verified { user, not_before, expires, shown_by, asked: Duration::ZERO, holds: Duration::MAX })
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
