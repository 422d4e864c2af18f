//! Which keys can verify tokens.

use proptest::prelude::*;
use query::{Algorithm, KeyError, VerificationKey};

const RS256: &str = include_str!("../data/rs256.public.pem");
const RS256_PKCS1: &str = include_str!("../data/rs256.public.pkcs1.pem");
const RS256_PRIVATE: &str = include_str!("../data/rs256.private.pem");
const RSA_1024: &str = include_str!("../data/rsa1024.public.pem");
const RSA_8192: &str = include_str!("../data/rsa8192.public.pem");
const ES256: &str = include_str!("../data/es256.public.pem");
const P384: &str = include_str!("../data/p384.public.pem");
const EDDSA: &str = include_str!("../data/eddsa.public.pem");
const EDDSA_PRIVATE: &str = include_str!("../data/eddsa.private.pem");

/// Ed25519 keys of 31 and 33 bytes, in PEM that is right but for that.
const EDDSA_31: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCkwBQYDK2VwAyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n\
    -----END PUBLIC KEY-----\n";
const EDDSA_33: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCswBQYDK2VwAyIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\
    -----END PUBLIC KEY-----\n";

#[test]
fn keys() {
    use Algorithm::{EdDsa, Es256, Hs256, Rs256};
    let wrong = |algorithm| Err(KeyError::WrongKey { algorithm });
    let private = || Err(KeyError::NotPublicKey { label: "PRIVATE KEY".to_owned() });
    let public = || Err(KeyError::PublicSecret { label: "PUBLIC KEY".to_owned() });
    let garbage = "-----BEGIN PUBLIC KEY-----\nbm8=\n-----END PUBLIC KEY-----\n";
    let cases = [
        (Hs256, "demo-secret", Ok(())),
        (Hs256, "x", Ok(())),
        (Hs256, "", Err(KeyError::EmptySecret)),
        (Hs256, RS256, public()),
        (Hs256, ES256, public()),
        (Rs256, RS256, Ok(())),
        (Rs256, RS256_PKCS1, Ok(())),
        (Rs256, RS256_PRIVATE, private()),
        (Rs256, RSA_1024, wrong(Rs256)),
        (Rs256, RSA_8192, wrong(Rs256)),
        (Rs256, ES256, wrong(Rs256)),
        (Rs256, EDDSA, wrong(Rs256)),
        (Rs256, garbage, wrong(Rs256)),
        (Rs256, "", Err(KeyError::NotPem)),
        (Rs256, "demo-secret", Err(KeyError::NotPem)),
        (Es256, ES256, Ok(())),
        (Es256, P384, wrong(Es256)),
        (Es256, RS256, wrong(Es256)),
        (Es256, EDDSA, wrong(Es256)),
        (Es256, garbage, wrong(Es256)),
        (EdDsa, EDDSA, Ok(())),
        (EdDsa, EDDSA_31, wrong(EdDsa)),
        (EdDsa, EDDSA_33, wrong(EdDsa)),
        (EdDsa, EDDSA_PRIVATE, private()),
        (EdDsa, ES256, wrong(EdDsa)),
        (EdDsa, garbage, wrong(EdDsa)),
    ];
    for (algorithm, material, expected) in cases {
        let key = VerificationKey::new(algorithm, material.as_bytes());
        let found = key.map(|key| assert_eq!(key.algorithm(), algorithm));
        assert_eq!(found, expected, "{}: {material}", algorithm.as_str());
    }
}

#[test]
fn key_errors_say_what_was_expected() {
    for (algorithm, material, message) in [
        (Algorithm::Hs256, "", "the secret is empty: expected at least one byte, better 32 random ones"),
        (Algorithm::Es256, P384, "the public key does not fit ES256: expected an EC key on the curve P-256"),
    ] {
        let error = VerificationKey::new(algorithm, material.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn algorithms_have_the_names_of_the_contract() {
    let names = Algorithm::ALL.map(Algorithm::as_str);
    assert_eq!(names, ["HS256", "RS256", "ES256", "EdDSA"]);
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(algorithm.as_str()), Some(algorithm));
    }
    for name in ["hs256", "HS384", "none", "", "EDDSA"] {
        assert_eq!(Algorithm::from_name(name), None, "{name}");
    }
}

#[test]
fn a_key_is_not_shown() {
    let key = VerificationKey::new(Algorithm::Hs256, b"demo-secret").unwrap();
    let shown = format!("{key:?}");
    let bytes = format!("{:?}", b"demo-secret");
    assert!(!shown.contains("demo-secret") && !shown.contains(bytes.trim_matches(['[', ']'])));
}

proptest! {
    /// A damaged file is refused, or still a key: reading it never panics, nor does using it.
    #[test]
    fn damaged_keys(
        pem in prop::sample::select(vec![RS256, RS256_PKCS1, ES256, EDDSA]),
        algorithm in prop::sample::select(vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]),
        place in any::<prop::sample::Index>(),
        damage in "[A-Za-z0-9+/=\n-]{0,2}",
    ) {
        let place = place.index(pem.len());
        let damaged = format!("{}{damage}{}", &pem[..place], &pem[(place + damage.len()).min(pem.len())..]);
        let _ = VerificationKey::new(algorithm, damaged.as_bytes());
    }
}
