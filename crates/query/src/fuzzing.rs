//! The parsers of what strangers send, as functions for the fuzz targets in `crates/fuzz`.

use std::sync::Arc;
use std::time::Duration;

use crate::room_tags::RoomTags;
use crate::tokens::Tokens;
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
        self.0.user((place, tenant), token, now).map_err(|reason| reason.as_str())
    }
}
