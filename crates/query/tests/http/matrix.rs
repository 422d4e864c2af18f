//! Every tenant with every token of every maker: a user sees the own tenant's counts, or nothing.

use std::time::Duration;

use counters::{Counters, MutedRooms, Policies};
use jsonwebtoken::{Algorithm as Jwt, EncodingKey};
use query::{
    Algorithm, Introspection, JwksPlace, KeyUrl, Metrics, Tenant, TenantKeys, VerificationKey, parse_jwks,
};
use serde_json::json;

use crate::badges::apply;
use crate::elsewhere::Elsewhere;
use crate::signer::{self, Signer};
use crate::support::{NOW, Service, badge_request, base64url, tenant, token};

const KEYS: &str = "https://id.example/keys";
const ENDPOINT: &str = "https://id.example/introspect";

/// Whose tokens are good: algorithm, what verifies them, and the names that a token may give to the key.
type Trust = (Algorithm, &'static [u8], Vec<Option<&'static str>>);

/// A tenant, and by whose tokens its users are known.
struct Case {
    tenant: Tenant,
    trusts: Vec<Trust>,
}

const ANY: [Option<&str>; 4] = [None, Some("a"), Some("b"), Some("c")];

fn cases(elsewhere: &Elsewhere) -> Vec<Case> {
    let [hs, rs, es, ed] = Signer::all();
    let other_secret = b"another-secret";
    let trusts =
        |signer: &Signer, ids: &[Option<&'static str>]| (signer.algorithm, signer.public, ids.to_vec());
    let keyed = |name: &str, fixed: Vec<VerificationKey>, trusts| {
        let keys = TenantKeys { fixed, at_url: None };
        Case { tenant: Tenant { keys, ..tenant(name, Algorithm::Hs256, b"x") }, trusts }
    };
    let mut cases: Vec<_> = Signer::all()
        .iter()
        .map(|signer| {
            keyed(signer.algorithm.as_str(), vec![signer.verification_key()], vec![trusts(signer, &ANY)])
        })
        .collect();
    let other = VerificationKey::new(Algorithm::Hs256, other_secret).unwrap();
    cases.push(keyed("other", vec![other], vec![(Algorithm::Hs256, other_secret, ANY.to_vec())]));
    cases.push(keyed(
        "rotating",
        vec![hs.verification_key().with_id("a"), ed.verification_key().with_id("b")],
        vec![trusts(&hs, &[None, Some("a")]), trusts(&ed, &[None, Some("b")])],
    ));
    let set = signer::key_set(&[(&hs, Some("c")), (&rs, Some("a")), (&es, None)]);
    let from_file = parse_jwks(set.as_bytes(), JwksPlace::File, None).unwrap();
    cases.push(keyed(
        "file",
        from_file,
        vec![trusts(&hs, &[None, Some("c")]), trusts(&rs, &[None, Some("a")]), trusts(&es, &ANY)],
    ));
    elsewhere.answer(KEYS, &set);
    let url = |name: &str, only, trusts| {
        let url =
            KeyUrl::new(KEYS.to_owned(), only, Duration::from_secs(600), elsewhere.fetch(), Metrics::new());
        let keys = TenantKeys { fixed: Vec::new(), at_url: Some(url) };
        Case { tenant: Tenant { keys, ..tenant(name, Algorithm::Hs256, b"x") }, trusts }
    };
    cases.push(url("url", None, vec![trusts(&rs, &[None, Some("a")]), trusts(&es, &ANY)]));
    cases.push(url("url-es", Some(Algorithm::Es256), vec![trusts(&es, &ANY)]));
    let issuer = Some("somebody".to_owned());
    let mut strict = keyed("strict", vec![hs.verification_key()], Vec::new());
    strict.tenant.issuer = issuer;
    cases.push(strict);
    elsewhere.answer(ENDPOINT, r#"{"active":false}"#);
    let endpoint = Introspection::new(ENDPOINT.to_owned(), None, Duration::from_secs(60), elsewhere.fetch());
    let mut asking = keyed("asking", Vec::new(), Vec::new());
    asking.tenant.introspection = Some(endpoint);
    cases.push(asking);
    cases
}

/// Who made a token: what would verify it, and the token under each header.
struct Made {
    algorithm: Algorithm,
    with: &'static [u8],
    key: (Jwt, EncodingKey),
}

fn makers() -> Vec<Made> {
    let secret = |with: &'static [u8]| Made {
        algorithm: Algorithm::Hs256,
        with,
        key: (Jwt::HS256, EncodingKey::from_secret(with)),
    };
    let [_, rs, es, ed] = Signer::all();
    let pem = |signer: &Signer, jwt, key: jsonwebtoken::errors::Result<EncodingKey>| Made {
        algorithm: signer.algorithm,
        with: signer.public,
        key: (jwt, key.unwrap()),
    };
    vec![
        secret(b"demo-secret"),
        secret(b"another-secret"),
        // Key confusion: what everybody may know, used as a secret.
        secret(rs.public),
        secret(es.public),
        secret(ed.public),
        secret(b""),
        secret(b"x"),
        pem(&rs, Jwt::RS256, EncodingKey::from_rsa_pem(include_bytes!("../data/rs256.private.pem"))),
        pem(&es, Jwt::ES256, EncodingKey::from_ec_pem(include_bytes!("../data/es256.private.pem"))),
        pem(&ed, Jwt::EdDSA, EncodingKey::from_ed_pem(include_bytes!("../data/eddsa.private.pem"))),
    ]
}

#[tokio::test]
async fn a_user_never_sees_another_tenant() {
    let elsewhere = Elsewhere::default();
    let cases = cases(&elsewhere);
    // In each tenant there is an ann, and each has another badge.
    let mut counters = Counters::new(Policies::default());
    for (index, case) in cases.iter().enumerate() {
        let name = &case.tenant.name;
        let mut lines = vec![format!("{name}: joined r1 ann")];
        lines.extend((0..=index).map(|number| format!("{name}: posted r1 m{number} bob")));
        apply(&mut counters, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let tenants = cases.iter().map(|case| case.tenant.clone()).collect();
    let service = Service::counting(counters, tenants, 10_000, MutedRooms::Count);

    let claims = json!({ "sub": "ann", "exp": NOW + 60 }).to_string();
    let mut given = 0;
    for round in 0..2 {
        // Keys at the URL are not asked for again and again.
        *service.now.lock() = Duration::from_secs(NOW + round);
        for made in makers() {
            for named in Algorithm::ALL {
                for id in ANY {
                    let header = signer::header(named, id);
                    let token = token(&header, &claims, made.key.0, &made.key.1);
                    for (index, case) in cases.iter().enumerate() {
                        let trusted = named == made.algorithm
                            && case.trusts.iter().any(|(algorithm, key, ids)| {
                                *algorithm == named && *key == made.with && ids.contains(&id)
                            });
                        let client_key = &case.tenant.client_keys[0];
                        let answer = service.ask(badge_request(client_key, &token)).await;
                        let shown = format!("{} {header} by {}", case.tenant.name, made.algorithm.as_str());
                        assert_eq!(
                            answer.status,
                            if trusted { 200 } else { 401 },
                            "{shown}: {}",
                            answer.body
                        );
                        if trusted {
                            assert_eq!(answer.json()["result"]["badge"], index + 1, "{shown}");
                            given += 1;
                        }
                    }
                }
            }
        }
    }
    let expected: usize =
        cases.iter().flat_map(|case| &case.trusts).map(|(_, _, ids)| ids.len()).sum::<usize>() * 2;
    assert_eq!(given, expected, "every token that is good was");
    assert!(elsewhere.times() > 2, "the endpoint was asked");

    let unsigned = format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(claims.as_bytes()));
    for case in &cases {
        let answer = service.ask(badge_request(&case.tenant.client_keys[0], &unsigned)).await;
        assert_eq!(answer.status, 401, "{}", case.tenant.name);
    }
}
