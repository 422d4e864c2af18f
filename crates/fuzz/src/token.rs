//! Tokens, as sent or with a header and claims signed for the purpose.

mod expected;

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use query::fuzzing::TokenVerifier;
use query::{Algorithm, Tenant, VerificationKey};

use expected::{Expected, hmac_sha256};

const SECRET: &[u8] = b"demo-secret";
const ISSUER: &str = "me";
const AUDIENCE: &str = "us";

/// What the clock shows at one question after the other, in seconds since the Unix epoch: a token
/// that is remembered from one is held against the next.
const CLOCK: [u64; 4] = [1_700_000_000, 1_700_000_000, 2_000_000_000, 1_600_000_000];

/// Public keys, each with a token that was made with its private key: the only one there is.
const PUBLIC_KEYS: [(Algorithm, &[u8], &str); 3] = [
    (
        Algorithm::Rs256,
        include_bytes!("../../query/tests/data/rs256.public.pem"),
        include_str!("../corpus/token/rs256"),
    ),
    (
        Algorithm::Es256,
        include_bytes!("../../query/tests/data/es256.public.pem"),
        include_str!("../corpus/token/es256"),
    ),
    (
        Algorithm::EdDsa,
        include_bytes!("../../query/tests/data/eddsa.public.pem"),
        include_str!("../corpus/token/eddsa"),
    ),
];

/// libFuzzer calls a plain function for each input, and to read three keys takes longer than most inputs do.
static TENANTS: LazyLock<[Tenant; 5]> = LazyLock::new(|| {
    let [rs256, es256, eddsa] = PUBLIC_KEYS.map(|(algorithm, pem, _)| tenant(algorithm, pem));
    let demo = tenant(Algorithm::Hs256, SECRET);
    let strict =
        Tenant { issuer: Some(ISSUER.to_owned()), audience: Some(AUDIENCE.to_owned()), ..demo.clone() };
    [demo, strict, rs256, es256, eddsa]
});

fn tenant(algorithm: Algorithm, key: &[u8]) -> Tenant {
    Tenant {
        name: algorithm.as_str().to_owned(),
        client_keys: vec![format!("{}-client-key", algorithm.as_str())],
        api_keys: Vec::new(),
        keys: VerificationKey::new(algorithm, key).expect("a key").into(),
        introspection: None,
        issuer: None,
        audience: None,
        leeway: Duration::ZERO,
        allowed_origins: Vec::new(),
    }
}

/// Takes an input with a line break for a header and claims, which are signed with the secret, and
/// any other for a token.
///
/// A token makes a user exactly when it was signed with the tenant's key and claims what the
/// contract asks for, whether or not it was seen before; and never when a public key was its
/// secret.
pub fn token(input: &[u8]) -> Vec<String> {
    let Some(line_break) = input.iter().position(|byte| *byte == b'\n') else {
        // Headers of a request that are no text are refused before.
        let Ok(token) = str::from_utf8(input) else { return vec!["not text".to_owned()] };
        return check(token);
    };
    let (header, claims) = (&input[..line_break], &input[line_break + 1..]);
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signed_with =
        |key: &[u8]| format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(key, &message)));
    for (place, (algorithm, pem, _)) in PUBLIC_KEYS.iter().enumerate() {
        let forged = ask(&TokenVerifier::new(1), place + 2, &signed_with(pem), CLOCK[0]);
        assert!(forged.is_err(), "the public key for {} was taken for a secret", algorithm.as_str());
    }
    check(&signed_with(SECRET))
}

/// One question to a tenant.
fn ask(verifier: &TokenVerifier, place: usize, token: &str, now: u64) -> Result<String, &'static str> {
    let user = verifier.user((place, &TENANTS[place]), token, Duration::from_secs(now));
    user.map(|user| user.to_string())
}

fn check(token: &str) -> Vec<String> {
    let expected = Expected::of(token, SECRET);
    let verifier = TokenVerifier::new(8);
    let shared = (0..2).map(|place| outcome(place, check_secret(&verifier, place, token, expected.as_ref())));
    let public = PUBLIC_KEYS.iter().enumerate().map(|(index, (algorithm, _, made))| {
        let found = ask(&verifier, index + 2, token, CLOCK[0]);
        if found.is_ok() {
            // ECDSA has two signatures for a message, so only what was signed is compared.
            let message = |token: &str| token.rsplit_once('.').map(|(message, _)| message.to_owned());
            assert_eq!(message(token), message(made), "nobody signed this for {}", algorithm.as_str());
        }
        outcome(index + 2, found)
    });
    shared.chain(public).collect()
}

/// Asks a tenant with the secret again and again, and compares each answer with what it has to be.
fn check_secret(
    verifier: &TokenVerifier,
    place: usize,
    token: &str,
    expected: Option<&Expected>,
) -> Result<String, &'static str> {
    let (issuer, audience) = (TENANTS[place].issuer.as_deref(), TENANTS[place].audience.as_deref());
    let answers = CLOCK.map(|now| {
        let found = ask(verifier, place, token, now);
        match (&found, expected.and_then(|expected| expected.user_at(now, issuer, audience))) {
            (Ok(found), user) => assert_eq!(Some(found.as_str()), user, "at {now}: {token}"),
            (Err(_), None) => {}
            // A header may have fields of which the library wants to know more than their names.
            (Err(reason), Some(_)) => {
                let refused_for_its_header = expected.is_some_and(|expected| !expected.has_plain_header);
                assert!(refused_for_its_header, "at {now}: refused for its {reason}: {token}");
            }
        }
        found
    });
    let [first, ..] = answers;
    first
}

fn outcome(place: usize, found: Result<String, &'static str>) -> String {
    format!("{}: {}", TENANTS[place].name, found.map_or_else(|reason| reason, |_| "a user"))
}
