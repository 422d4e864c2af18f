//! Which keys of a JSON Web Key Set are used.

use query::{Algorithm, JwksError, JwksPlace, MAX_JWKS_BYTES, VerificationKey, parse_jwks};
use serde_json::{Value, json};

use crate::signer::{self, Signer};

/// Algorithms and ids of the keys that are used.
fn found(set: &str, place: JwksPlace, only: Option<Algorithm>) -> Result<String, JwksError> {
    let shown = |key: &VerificationKey| format!("{}:{}", key.algorithm().as_str(), key.id().unwrap_or("-"));
    let keys = parse_jwks(set.as_bytes(), place, only)?;
    Ok(keys.iter().map(shown).collect::<Vec<_>>().join(" "))
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

fn without(mut key: Value, name: &str) -> Value {
    key.as_object_mut().unwrap().remove(name);
    key
}

#[test]
fn every_algorithm_in_every_place() {
    let all: Vec<_> = Signer::all().iter().map(|signer| signer.jwk(Some("k"))).collect();
    let public = "RS256:k ES256:k EdDSA:k".to_owned();
    assert_eq!(found(&set(&all), JwksPlace::File, None), Ok(format!("HS256:k {public}")));
    assert_eq!(found(&set(&all), JwksPlace::Url, None), Ok(public), "a secret at a URL is none");
    for algorithm in Algorithm::ALL {
        let only = found(&set(&all), JwksPlace::File, Some(algorithm));
        assert_eq!(only, Ok(format!("{}:k", algorithm.as_str())));
    }
}

#[test]
fn keys_for_something_else_and_broken_ones_are_passed_over() {
    let [rsa, ec, ed] =
        [signer::rs256(), signer::es256(), signer::eddsa()].map(|signer| signer.jwk(Some("k")));
    let fits = |key: &Value| found(&set(std::slice::from_ref(key)), JwksPlace::Url, None).is_ok();
    for (what, key, expected) in [
        ("as it is", rsa.clone(), true),
        ("without alg", without(rsa.clone(), "alg"), true),
        ("EC without alg", without(ec.clone(), "alg"), true),
        ("OKP without alg", without(ed.clone(), "alg"), true),
        ("without kid", without(rsa.clone(), "kid"), true),
        ("for signatures", with(rsa.clone(), "use", json!("sig")), true),
        ("for encryption", with(rsa.clone(), "use", json!("enc")), false),
        ("to verify", with(rsa.clone(), "key_ops", json!(["verify"])), true),
        ("to wrap", with(rsa.clone(), "key_ops", json!(["wrapKey"])), false),
        ("operations that are no list", with(rsa.clone(), "key_ops", json!("verify")), false),
        ("RS512", with(rsa.clone(), "alg", json!("RS512")), false),
        ("PS256", with(rsa.clone(), "alg", json!("PS256")), false),
        ("an EC key for RS256", with(ec.clone(), "alg", json!("RS256")), false),
        ("an RSA key for HS256", with(rsa.clone(), "alg", json!("HS256")), false),
        ("an alg that is no text", with(rsa.clone(), "alg", json!(7)), false),
        ("a kid that is no text", with(rsa.clone(), "kid", json!(7)), false),
        ("no kty", without(rsa.clone(), "kty"), false),
        ("another kty", with(rsa.clone(), "kty", json!("AKP")), false),
        ("P-384", with(ec.clone(), "crv", json!("P-384")), false),
        ("Ed448", with(ed.clone(), "crv", json!("Ed448")), false),
        ("no modulus", without(rsa.clone(), "n"), false),
        ("a short modulus", with(rsa.clone(), "n", json!("AQAB")), false),
        ("no base64", with(rsa.clone(), "n", json!("!")), false),
        ("no exponent", without(rsa.clone(), "e"), false),
        ("an exponent of nothing", with(rsa.clone(), "e", json!("")), false),
        ("a point that is not on the curve", with(ec.clone(), "y", ec["x"].clone()), false),
        ("a short coordinate", with(ec.clone(), "x", json!("AQAB")), false),
        ("half a point", without(ec.clone(), "y"), false),
        ("a short Ed25519 key", with(ed.clone(), "x", json!("AQAB")), false),
    ] {
        assert_eq!(fits(&key), expected, "{what}");
        // One that can't be used keeps no other from being used.
        let beside = found(&set(&[key, with(ed.clone(), "kid", json!("good"))]), JwksPlace::Url, None);
        assert!(beside.as_ref().is_ok_and(|keys| keys.ends_with("EdDSA:good")), "{what}: {beside:?}");
    }
}

#[test]
fn what_is_no_set_is_refused() {
    let good = signer::eddsa().jwk(Some("k"));
    for text in
        ["", "x", "[]", "null", "{}", r#"{"keys":{}}"#, r#"{"keys":[7]}"#, "{\"keys\":[]", "\u{feff}{}"]
    {
        assert_eq!(found(text, JwksPlace::Url, None), Err(JwksError::NotAKeySet), "{text}");
    }
    let nothing =
        |found: usize| JwksError::NoUsableKey { found, expected: "HS256, RS256, ES256, EdDSA".to_owned() };
    assert_eq!(found(r#"{"keys":[]}"#, JwksPlace::Url, None), Err(nothing(0)));
    let other = found(&set(std::slice::from_ref(&good)), JwksPlace::Url, Some(Algorithm::Rs256)).unwrap_err();
    assert_eq!(other.to_string(), "none of 1 keys can be used: expected one for signatures, RS256");

    let many = |count: usize| set(&vec![good.clone(); count]);
    assert!(found(&many(32), JwksPlace::Url, None).is_ok());
    assert_eq!(found(&many(33), JwksPlace::Url, None), Err(JwksError::TooManyKeys));

    let mut long = set(std::slice::from_ref(&good));
    long.push_str(&" ".repeat(MAX_JWKS_BYTES - long.len()));
    assert!(found(&long, JwksPlace::Url, None).is_ok());
    long.push(' ');
    assert_eq!(found(&long, JwksPlace::Url, None), Err(JwksError::TooLarge));
}

/// Whoever can read the set can sign: such a key must not be used, and somebody has to hear of it.
#[test]
fn private_keys_are_refused() {
    for signer in [signer::rs256(), signer::es256(), signer::eddsa()] {
        let private = with(signer.jwk(Some("k")), "d", json!("AAAA"));
        for place in [JwksPlace::File, JwksPlace::Url] {
            let keys = set(&[signer::eddsa().jwk(None), private.clone()]);
            assert_eq!(found(&keys, place, None), Err(JwksError::PrivateKey { number: 2 }));
        }
    }
}

/// However a key was read, it is the same key.
#[test]
fn a_key_from_a_set_verifies_what_the_key_from_the_file_does() {
    for signer in Signer::all() {
        let keys = parse_jwks(set(&[signer.jwk(None)]).as_bytes(), JwksPlace::File, None).unwrap();
        let shown = |key: &VerificationKey| format!("{key:?}");
        assert_eq!(shown(&keys[0]), shown(&signer.verification_key()), "{}", signer.algorithm.as_str());
    }
}
