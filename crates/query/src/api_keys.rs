//! The keys with which the servers of a tenant ask.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// A key with which the servers of a tenant ask about any of its users. Only its SHA-256 is kept: who reads this
/// process's memory must not be able to ask as such a server.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey([u8; 32]);

impl ApiKey {
    /// Takes the key as it is sent.
    pub fn new(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Whether it is one of these. Takes as long for any key as for any other.
    pub(crate) fn is_among(&self, keys: &[Self]) -> bool {
        let found = keys.iter().fold(Choice::from(0), |found, key| found | key.0.ct_eq(&self.0));
        found.into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_among_those_it_is_among_and_never_shown() {
        let keys = ["one", "two", "three"].map(|key| ApiKey::new(key.as_bytes()));
        for (key, is_there) in [("one", true), ("three", true), ("", false), ("One", false), ("one ", false)]
        {
            assert_eq!(ApiKey::new(key.as_bytes()).is_among(&keys), is_there, "{key}");
        }
        assert!(!ApiKey::new(b"one").is_among(&[]));
        assert_eq!(format!("{:?}", keys[0]), "ApiKey(not shown)");
    }
}
