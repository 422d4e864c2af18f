//! All keys of a tenant, and which of them a token is held against.

use jsonwebtoken::Header;
use serde_json::{Map, Value};

use crate::claims::TokenError;
use crate::fingerprint::Fingerprint;
use crate::{KeyUrl, VerificationKey};

/// The keys of a tenant: some that stay as they are, and those of a URL. A token that one of them fits is good, so that a
/// key can be replaced while tokens of both are in use.
#[derive(Debug, Clone, Default)]
pub struct TenantKeys {
    /// Keys from settings and files.
    pub fixed: Vec<VerificationKey>,
    /// More keys, which change.
    pub at_url: Option<KeyUrl>,
}

/// What a token says and the key that shows that it may say so.
pub(crate) struct Opened {
    pub(crate) claims: Map<String, Value>,
    pub(crate) key: Fingerprint,
}

impl From<VerificationKey> for TenantKeys {
    fn from(only: VerificationKey) -> Self {
        Self { fixed: vec![only], at_url: None }
    }
}

impl TenantKeys {
    pub(crate) fn is_empty(&self) -> bool {
        self.fixed.is_empty() && self.at_url.is_none()
    }

    /// Whether this is one of the keys now.
    pub(crate) fn has(&self, key: Fingerprint) -> bool {
        let is_it = |one: &VerificationKey| one.fingerprint() == key;
        self.fixed.iter().any(is_it) || self.fetched(|keys| keys.iter().any(is_it))
    }

    /// Holds a token against each key that it does not exclude with its `kid`. A key verifies with its own algorithm
    /// only: the token's header never chooses one.
    pub(crate) fn open(&self, token: &str, header: &Header) -> Result<Opened, TokenError> {
        let fetched = self.at_url.as_ref().map(KeyUrl::keys);
        let fetched = fetched.as_ref().and_then(|keys| keys.as_ref()).map_or(&[][..], |keys| keys.as_slice());
        let mut refused = TokenError::UnknownKey;
        for key in self.fixed.iter().chain(fetched).filter(|key| may_be_meant(key, header)) {
            // A map, not a struct of the claims: serde would fill a struct from a JSON array too.
            match key.open(token) {
                Ok(opened) => return Ok(Opened { claims: opened.claims, key: key.fingerprint() }),
                Err(_) => refused = TokenError::Signature,
            }
        }
        Err(refused)
    }

    /// The URL, if a token with this header may have been made with a key that is there by now: it names one that is
    /// not known, or nothing was ever fetched.
    pub(crate) fn may_be_at_url(&self, header: &Header) -> Option<&KeyUrl> {
        let url = self.at_url.as_ref()?;
        let is_meant = |key: &VerificationKey| header.kid.is_some() && key.id() == header.kid.as_deref();
        let is_known = self.fixed.iter().any(is_meant) || self.fetched(|keys| keys.iter().any(is_meant));
        let is_fetched = self.fetched(|_| true);
        (!is_fetched || (header.kid.is_some() && !is_known)).then_some(url)
    }

    fn fetched(&self, is: impl Fn(&[VerificationKey]) -> bool) -> bool {
        self.at_url.as_ref().is_some_and(|url| url.keys().as_ref().is_some_and(|keys| is(keys)))
    }

    /// Whether some key is in both.
    pub(crate) fn share_one_with(&self, other: &Self) -> bool {
        let same_url = match (&self.at_url, &other.at_url) {
            (Some(one), Some(other)) => one.url() == other.url(),
            _ => false,
        };
        same_url
            || self.fixed.iter().any(|key| other.has(key.fingerprint()))
            || other.fixed.iter().any(|key| self.has(key.fingerprint()))
    }
}

/// Names are for finding a key, so one side without a name excludes nothing.
fn may_be_meant(key: &VerificationKey, header: &Header) -> bool {
    match (key.id(), &header.kid) {
        (Some(id), Some(kid)) => id == kid,
        _ => true,
    }
}
