//! Those who make tokens, one with each algorithm.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm as Jwt, EncodingKey};
use query::{Algorithm, VerificationKey};
use serde_json::{Value, json};

use crate::support::{NOW, token};

/// A key pair, or a secret.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    jwt: Jwt,
    key: EncodingKey,
    /// What verifies: a public key, or the secret.
    pub(crate) public: &'static [u8],
}

pub(crate) fn hs256() -> Signer {
    let public = b"demo-secret";
    Signer { algorithm: Algorithm::Hs256, jwt: Jwt::HS256, key: EncodingKey::from_secret(public), public }
}

pub(crate) fn rs256() -> Signer {
    Signer {
        algorithm: Algorithm::Rs256,
        jwt: Jwt::RS256,
        key: EncodingKey::from_rsa_pem(include_bytes!("../data/rs256.private.pem")).unwrap(),
        public: include_bytes!("../data/rs256.public.pem"),
    }
}

pub(crate) fn es256() -> Signer {
    Signer {
        algorithm: Algorithm::Es256,
        jwt: Jwt::ES256,
        key: EncodingKey::from_ec_pem(include_bytes!("../data/es256.private.pem")).unwrap(),
        public: include_bytes!("../data/es256.public.pem"),
    }
}

pub(crate) fn eddsa() -> Signer {
    Signer {
        algorithm: Algorithm::EdDsa,
        jwt: Jwt::EdDSA,
        key: EncodingKey::from_ed_pem(include_bytes!("../data/eddsa.private.pem")).unwrap(),
        public: include_bytes!("../data/eddsa.public.pem"),
    }
}

impl Signer {
    pub(crate) fn all() -> [Self; 4] {
        [hs256(), rs256(), es256(), eddsa()]
    }

    pub(crate) fn verification_key(&self) -> VerificationKey {
        VerificationKey::new(self.algorithm, self.public).unwrap()
    }

    /// The key as others may know it, in a set; the secret, of HS256.
    pub(crate) fn jwk(&self, id: Option<&str>) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.jwt).unwrap()).unwrap();
        if let Some(id) = id {
            jwk["kid"] = json!(id);
        }
        jwk
    }

    /// A token of ann's, good for an hour, whose header names this key.
    pub(crate) fn token(&self, id: Option<&str>) -> String {
        self.token_with_header(&header(self.algorithm, id))
    }

    /// The same, with this header whatever the algorithm.
    pub(crate) fn token_with_header(&self, header: &str) -> String {
        token(header, &json!({ "sub": "ann", "exp": NOW + 3_600 }).to_string(), self.jwt, &self.key)
    }
}

pub(crate) fn header(algorithm: Algorithm, id: Option<&str>) -> String {
    let mut header = json!({ "alg": algorithm.as_str() });
    if let Some(id) = id {
        header["kid"] = json!(id);
    }
    header.to_string()
}

/// A set of these keys, each with its id.
pub(crate) fn key_set(keys: &[(&Signer, Option<&str>)]) -> String {
    let keys: Vec<_> = keys.iter().map(|(signer, id)| signer.jwk(*id)).collect();
    json!({ "keys": keys }).to_string()
}
