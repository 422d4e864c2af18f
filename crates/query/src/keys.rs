//! The keys with which tokens are verified.

use jsonwebtoken::crypto::rust_crypto;
use jsonwebtoken::{DecodingKey, Validation};

use crate::fingerprint::Fingerprint;

/// The shortest RSA key (RFC 7518, section 3.3): 2048 bits.
const MIN_RSA_BYTES: usize = 256;
const ED25519_KEY_BYTES: usize = 32;

/// How tokens are signed. A key has exactly one; a token that names another is refused, so that
/// nobody can pass a public key off as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256, a secret that both sides know.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// EdDSA on Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in the header of a token (RFC 7518, RFC 8037) and in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name, compared exactly.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    fn for_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }

    fn key_for_people(self) -> &'static str {
        match self {
            Self::Hs256 => "a secret",
            Self::Rs256 => "an RSA key of 2048 to 4096 bits",
            Self::Es256 => "an EC key on the curve P-256",
            Self::EdDsa => "an Ed25519 key",
        }
    }
}

/// Why something is no key for verifying tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// HS256 with no secret: everybody could sign.
    #[error("the secret is empty: expected at least one byte, better 32 random ones")]
    EmptySecret,
    /// HS256 with something public as its secret: everybody could sign.
    #[error(
        "the secret is a PEM file with a {label}, which others know too: expected a secret, or \
         the algorithm RS256, ES256 or EdDSA"
    )]
    PublicSecret {
        /// What the PEM file says it holds.
        label: String,
    },
    /// Not PEM at all.
    #[error("the key is not in PEM: expected a text that begins with -----BEGIN PUBLIC KEY-----")]
    NotPem,
    /// PEM, but with something else in it.
    #[error(
        "the PEM file holds a {label}: expected a PUBLIC KEY (openssl pkey -in private.pem \
         -pubout makes one)"
    )]
    NotPublicKey {
        /// What the PEM file says it holds.
        label: String,
    },
    /// A public key, but not one for this algorithm.
    #[error("the public key does not fit {}: expected {}", .algorithm.as_str(), .algorithm.key_for_people())]
    WrongKey {
        /// What the key was meant for.
        algorithm: Algorithm,
    },
}

/// What verifies tokens: one algorithm with its key.
#[derive(Debug, Clone)]
pub struct VerificationKey {
    algorithm: Algorithm,
    id: Option<String>,
    key: DecodingKey,
    validation: Validation,
    fingerprint: Fingerprint,
}

impl VerificationKey {
    /// Takes the bytes of the secret for [`Algorithm::Hs256`], else a public key in PEM.
    pub fn new(algorithm: Algorithm, material: &[u8]) -> Result<Self, KeyError> {
        let key = match algorithm {
            Algorithm::Hs256 => Ok(DecodingKey::from_secret(secret(material)?)),
            Algorithm::Rs256 => DecodingKey::from_rsa_pem(public_pem(material)?),
            Algorithm::Es256 => DecodingKey::from_ec_pem(public_pem(material)?),
            Algorithm::EdDsa => DecodingKey::from_ed_pem(public_pem(material)?),
        };
        Self::usable(algorithm, key.ok())
    }

    /// Takes a key if tokens can be verified with it.
    pub(crate) fn usable(algorithm: Algorithm, key: Option<DecodingKey>) -> Result<Self, KeyError> {
        let wrong = || KeyError::WrongKey { algorithm };
        let key = key.filter(|key| is_usable(algorithm, key)).ok_or_else(wrong)?;
        let bytes = key.try_get_as_bytes().map_err(|_| wrong())?;
        let fingerprint = Fingerprint::of(&[algorithm.as_str().as_bytes(), bytes]);
        Ok(Self { algorithm, id: None, key, validation: signature_only(algorithm), fingerprint })
    }

    /// The same key, named: a token that names another with `kid` is not verified with it.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// The one algorithm that is accepted.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What tokens call the key, if it has a name.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The same for the same algorithm and key, whatever its name and wherever it was read.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The header and the claims of a token, if its algorithm is that of the key and its
    /// signature fits. Nothing is said about the claims yet.
    pub(crate) fn open<T>(
        &self,
        token: &str,
    ) -> Result<jsonwebtoken::TokenData<T>, jsonwebtoken::errors::Error>
    where
        T: serde::de::DeserializeOwned,
    {
        jsonwebtoken::decode(token, &self.key, &self.validation)
    }
}

/// The library checks algorithm and signature. The claims are checked in `claims.rs`: the library
/// rounds times to seconds, accepts a token in the second in which it expires, and reads the clock.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm.for_library());
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn secret(material: &[u8]) -> Result<&[u8], KeyError> {
    if material.is_empty() {
        return Err(KeyError::EmptySecret);
    }
    match pem_label(material) {
        Some(label) if !label.ends_with("PRIVATE KEY") => {
            Err(KeyError::PublicSecret { label: label.to_owned() })
        }
        _ => Ok(material),
    }
}

/// The library also takes private keys and certificates, and finds out at the first token that it
/// can't use them.
fn public_pem(material: &[u8]) -> Result<&[u8], KeyError> {
    match pem_label(material).ok_or(KeyError::NotPem)? {
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Ok(material),
        label => Err(KeyError::NotPublicKey { label: label.to_owned() }),
    }
}

/// Whether tokens can be verified with the key. The library looks into it only when a token comes.
fn is_usable(algorithm: Algorithm, key: &DecodingKey) -> bool {
    let Ok(bytes) = key.try_get_as_bytes() else { return false };
    match algorithm {
        Algorithm::Rs256 => {
            let components = rust_crypto::DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key;
            components(bytes).is_ok_and(|(modulus, _)| modulus.len() >= MIN_RSA_BYTES)
        }
        // The library panics at a key that is too short.
        Algorithm::EdDsa if bytes.len() != ED25519_KEY_BYTES => false,
        Algorithm::Hs256 | Algorithm::Es256 | Algorithm::EdDsa => {
            jsonwebtoken::crypto::verify("", b"", key, algorithm.for_library()).is_ok()
        }
    }
}

/// What the first PEM block of a text says it holds, for example `PUBLIC KEY`.
fn pem_label(text: &[u8]) -> Option<&str> {
    let text = str::from_utf8(text).ok()?;
    let (_, after) = text.split_once("-----BEGIN ")?;
    let (label, _) = after.split_once("-----")?;
    Some(label)
}
