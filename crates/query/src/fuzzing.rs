//! The parsers of what strangers send, as functions for the fuzz targets in `crates/fuzz`.

use std::sync::Arc;
use std::time::Duration;

use crate::fingerprint::Fingerprint;
use crate::room_tags::RoomTags;
use crate::tokens::{Tokens, Verdict};
use crate::{Metrics, Tenant};

/// The distinct tags that a query string asks for, in the order in which they were first given;
/// `None` if it is refused.
pub fn room_tags(query: &str) -> Option<Vec<String>> {
    let (tags, _) = RoomTags::parse(query).ok()?;
    Some(tags.with_slice(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect()))
}

/// Verifies tokens and remembers the good ones, as requests have it done.
pub struct TokenVerifier(Tokens);

impl TokenVerifier {
    /// Remembers about `capacity` tokens at most.
    pub fn new(capacity: usize) -> Self {
        Self(Tokens::new(capacity, Metrics::new()))
    }

    /// The user that the token makes its bearer at `now`, in time since the Unix epoch; else the
    /// reason, as the metrics name it. `place` is the tenant's place among the tenants.
    pub fn user(
        &self,
        (place, tenant): (usize, &Tenant),
        token: &str,
        now: Duration,
    ) -> Result<Arc<str>, &'static str> {
        let rules = Fingerprint::of(&[&place.to_le_bytes()]);
        match self.0.verdict((rules, tenant), token, now) {
            Verdict::Good(verified) => Ok(verified.user),
            Verdict::Refused(reason) => Err(reason.as_str()),
            Verdict::AskForKeys(..) | Verdict::Introspect(_) => Err("asked elsewhere"),
        }
    }
}
