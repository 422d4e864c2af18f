//! Keys in a JSON Web Key Set (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use crate::{Algorithm, VerificationKey};

/// The largest set that is read, in bytes.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;

/// The most keys of one set. A token without `kid` is held against each of them.
pub const MAX_JWKS_KEYS: usize = 32;

/// The coordinates of a point on P-256, and an Ed25519 key.
const KEY_BYTES: usize = 32;

/// Where a set was read: whether others may have read it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwksPlace {
    /// A file of the operator's, in which a secret is one.
    File,
    /// A URL, at which a secret is none.
    Url,
}

/// Why a text is no set of keys for verifying tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Too long to be one.
    #[error("more than {MAX_JWKS_BYTES} bytes: expected a JSON Web Key Set")]
    TooLarge,
    /// Not a set at all.
    #[error(r#"not a JSON Web Key Set: expected {{"keys":[…]}}"#)]
    NotAKeySet,
    /// The private half of a key pair: whoever has read it can sign.
    #[error(
        "the key {number} is a private key: expected only public ones; make new keys, for this one may be known"
    )]
    PrivateKey {
        /// Which one, counted from 1.
        number: usize,
    },
    /// Nothing in it can verify a token.
    #[error("none of {found} keys can be used: expected one for signatures, {expected}")]
    NoUsableKey {
        /// How many there are.
        found: usize,
        /// With which algorithms.
        expected: String,
    },
    /// More than a token may be held against.
    #[error("more than {MAX_JWKS_KEYS} keys that can be used")]
    TooManyKeys,
}

/// The keys of a set that can verify tokens, with `only` one algorithm if that is given. Keys for something
/// else, of other kinds or broken ones are passed over, as RFC 7517, section 5, has it.
pub fn parse_jwks(
    text: &[u8],
    place: JwksPlace,
    only: Option<Algorithm>,
) -> Result<Vec<VerificationKey>, JwksError> {
    if text.len() > MAX_JWKS_BYTES {
        return Err(JwksError::TooLarge);
    }
    let set: Map<String, Value> = serde_json::from_slice(text).map_err(|_| JwksError::NotAKeySet)?;
    let Some(Value::Array(found)) = set.get("keys") else { return Err(JwksError::NotAKeySet) };
    let mut keys = Vec::new();
    for (index, key) in found.iter().enumerate() {
        let Value::Object(key) = key else { return Err(JwksError::NotAKeySet) };
        if text_of(key, "kty") != Some("oct") && key.contains_key("d") {
            return Err(JwksError::PrivateKey { number: index + 1 });
        }
        keys.extend(usable(key, place).filter(|key| only.is_none_or(|only| key.algorithm() == only)));
        if keys.len() > MAX_JWKS_KEYS {
            return Err(JwksError::TooManyKeys);
        }
    }
    if keys.is_empty() {
        let expected = match only {
            Some(only) => only.as_str().to_owned(),
            None => Algorithm::ALL.map(Algorithm::as_str).join(", "),
        };
        return Err(JwksError::NoUsableKey { found: found.len(), expected });
    }
    Ok(keys)
}

fn text_of<'k>(key: &'k Map<String, Value>, name: &str) -> Option<&'k str> {
    key.get(name).and_then(Value::as_str)
}

fn usable(key: &Map<String, Value>, place: JwksPlace) -> Option<VerificationKey> {
    let algorithm = algorithm(key, place)?;
    let is_for_signatures = key.get("use").is_none_or(|its| its == "sig")
        && key
            .get("key_ops")
            .is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.contains(&"verify".into())));
    if !is_for_signatures || key.get("alg").is_some_and(|its| its != algorithm.as_str()) {
        return None;
    }
    let bytes = |name| URL_SAFE_NO_PAD.decode(text_of(key, name)?).ok();
    let of_a_key = |bytes: &Vec<u8>| bytes.len() == KEY_BYTES;
    let verifies = match algorithm {
        Algorithm::Hs256 => return named(key, VerificationKey::new(algorithm, &bytes("k")?).ok()?),
        Algorithm::Rs256 => DecodingKey::from_rsa_der(&rsa_public_key(&bytes("n")?, &bytes("e")?)),
        Algorithm::Es256 => {
            let (x, y) = (bytes("x").filter(of_a_key)?, bytes("y").filter(of_a_key)?);
            // SEC 1, section 2.3.3: a point, not compressed.
            DecodingKey::from_ec_der(&[&[4][..], &x, &y].concat())
        }
        Algorithm::EdDsa => DecodingKey::from_ed_der(&bytes("x").filter(of_a_key)?),
    };
    named(key, VerificationKey::usable(algorithm, Some(verifies)).ok()?)
}

/// `None` also for a name that is no text: it could not be told from others.
fn named(key: &Map<String, Value>, verifies: VerificationKey) -> Option<VerificationKey> {
    match key.get("kid") {
        None => Some(verifies),
        Some(Value::String(id)) => Some(verifies.with_id(id)),
        Some(_) => None,
    }
}

/// The one algorithm for keys of this kind.
fn algorithm(key: &Map<String, Value>, place: JwksPlace) -> Option<Algorithm> {
    match (text_of(key, "kty")?, text_of(key, "crv")) {
        ("oct", _) if place == JwksPlace::File => Some(Algorithm::Hs256),
        ("RSA", _) => Some(Algorithm::Rs256),
        ("EC", Some("P-256")) => Some(Algorithm::Es256),
        ("OKP", Some("Ed25519")) => Some(Algorithm::EdDsa),
        _ => None,
    }
}

/// RSAPublicKey in DER (RFC 8017, appendix A.1.1): the form that keys from PEM files have too.
fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    der(SEQUENCE, &[der_integer(modulus), der_integer(exponent)].concat())
}

fn der_integer(bytes: &[u8]) -> Vec<u8> {
    const INTEGER: u8 = 0x02;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut content = bytes[zeros..].to_vec();
    // A first bit of 1 would make it negative.
    if content.first().is_none_or(|first| *first >= 0x80) {
        content.insert(0, 0);
    }
    der(INTEGER, &content)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let mut encoded = vec![tag];
    match (length.last(), content.len()) {
        (Some(&short), ..0x80) => encoded.push(short),
        _ => {
            let long = &length[zeros..];
            // A length has at most eight bytes.
            encoded.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            encoded.extend_from_slice(long);
        }
    }
    encoded.extend_from_slice(content);
    encoded
}
