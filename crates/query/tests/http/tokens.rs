//! Which tokens make a user, and why the others don't.

use std::time::Duration;

use jsonwebtoken::{Algorithm as Jwt, EncodingKey};
use query::{Algorithm, Tenant};

use crate::support::{NOW, Service, badge_request, base64url, demo, hs256, tenant, token, token_of};

const RS256_PRIVATE: &[u8] = include_bytes!("../data/rs256.private.pem");
const RS256_PUBLIC: &[u8] = include_bytes!("../data/rs256.public.pem");
const ES256_PRIVATE: &[u8] = include_bytes!("../data/es256.private.pem");
const ES256_PUBLIC: &[u8] = include_bytes!("../data/es256.public.pem");
const EDDSA_PRIVATE: &[u8] = include_bytes!("../data/eddsa.private.pem");
const EDDSA_PUBLIC: &[u8] = include_bytes!("../data/eddsa.public.pem");

const GOOD: &str = r#"{"sub":"ann","exp":1700000060}"#;

/// Asks once and checks the answer as well as the reason in the metrics.
async fn check_token(tenant: Tenant, token: &str, now: Duration, expected: &str, line: &str) {
    let service = Service::with(vec![tenant], 10);
    *service.now.lock() = now;
    let answer = service.ask(badge_request("demo-client-key", token)).await;
    let status = if expected == "valid" { 200 } else { 401 };
    assert_eq!(answer.status, status, "{line}: {}", answer.body);
    let series = format!(r#"tallymark_token_verifications_total{{result="{expected}"}}"#);
    assert_eq!(service.metric(&series), 1, "{line}: not {expected}");
    let remembered = u64::from(expected == "valid");
    assert_eq!(service.metric("tallymark_tokens_cached"), remembered, "{line}");
}

/// One line a case: `claims | seconds on the clock | result`.
async fn check(tenant: &Tenant, line: &str) {
    let fields: Vec<_> = line.split(" | ").map(str::trim).collect();
    let [claims, now, expected] = fields[..] else { panic!("three fields wanted: {line}") };
    let now = Duration::try_from_secs_f64(now.parse().expect("seconds")).expect("seconds");
    let token = hs256(b"demo-secret", claims);
    check_token(tenant.clone(), &token, now, expected, line).await;
}

#[tokio::test]
async fn times() {
    let lines = [
        r#"{"sub":"ann","exp":1000}                          | 0             | valid"#,
        r#"{"sub":"ann","exp":1000}                          | 999           | valid"#,
        r#"{"sub":"ann","exp":1000}                          | 999.999999999 | valid"#,
        r#"{"sub":"ann","exp":1000}                          | 1000          | expired"#,
        r#"{"sub":"ann","exp":1000}                          | 1000.5        | expired"#,
        r#"{"sub":"ann","exp":1000}                          | 1001          | expired"#,
        r#"{"sub":"ann","exp":1000.5}                        | 1000.499      | valid"#,
        r#"{"sub":"ann","exp":1000.5}                        | 1000.5        | expired"#,
        r#"{"sub":"ann","exp":1e3}                           | 999           | valid"#,
        r#"{"sub":"ann","exp":1e3}                           | 1000          | expired"#,
        r#"{"sub":"ann","exp":9007199254740993}              | 1700000000    | valid"#,
        r#"{"sub":"ann","exp":18446744073709551615}          | 1700000000    | valid"#,
        r#"{"sub":"ann","exp":1e300}                         | 1700000000    | valid"#,
        r#"{"sub":"ann","exp":1e999}                         | 1700000000    | signature"#,
        r#"{"sub":"ann","exp":0}                             | 0             | expired"#,
        r#"{"sub":"ann","exp":-1}                            | 0             | expired"#,
        r#"{"sub":"ann"}                                     | 0             | times"#,
        r#"{"sub":"ann","exp":null}                          | 0             | times"#,
        r#"{"sub":"ann","exp":"1000"}                        | 0             | times"#,
        r#"{"sub":"ann","exp":true}                          | 0             | times"#,
        r#"{"sub":"ann","exp":[1000]}                        | 0             | signature"#,
        r#"{"sub":"ann","Exp":1000}                          | 0             | times"#,
        r#"{"sub":"ann","exp":1000,"nbf":500}                | 499.999999999 | not_yet_valid"#,
        r#"{"sub":"ann","exp":1000,"nbf":500}                | 500           | valid"#,
        r#"{"sub":"ann","exp":1000,"nbf":500.5}              | 500.499       | not_yet_valid"#,
        r#"{"sub":"ann","exp":1000,"nbf":500.5}              | 500.5         | valid"#,
        r#"{"sub":"ann","exp":1000,"nbf":-1}                 | 0             | valid"#,
        r#"{"sub":"ann","exp":1000,"nbf":1e300}              | 500           | not_yet_valid"#,
        r#"{"sub":"ann","exp":1000,"nbf":1000}               | 999           | not_yet_valid"#,
        r#"{"sub":"ann","exp":1000,"nbf":1000}               | 1000          | expired"#,
        r#"{"sub":"ann","exp":1000,"nbf":null}               | 0             | times"#,
        r#"{"sub":"ann","exp":1000,"nbf":"0"}                | 0             | times"#,
        r#"{"sub":"ann","exp":1000,"nbf":false}              | 0             | times"#,
        r#"{"sub":"ann","exp":1000,"iat":2000}               | 500           | valid"#,
    ];
    for line in lines {
        check(&demo(), line).await;
    }
}

#[tokio::test]
async fn users() {
    let of_length = |length: usize, expected: &str| {
        format!(r#"{{"sub":"{}","exp":1000}} | 0 | {expected}"#, "u".repeat(length))
    };
    let lines = [
        r#"{"sub":"ann","exp":1000}          | 0 | valid"#,
        r#"{"sub":" ","exp":1000}            | 0 | valid"#,
        r#"{"sub":"é💬","exp":1000}          | 0 | valid"#,
        r#"{"sub":"\u00e9","exp":1000}       | 0 | valid"#,
        r#"{"exp":1000}                      | 0 | user"#,
        r#"{"sub":null,"exp":1000}           | 0 | user"#,
        r#"{"sub":"","exp":1000}             | 0 | user"#,
        r#"{"sub":7,"exp":1000}              | 0 | user"#,
        r#"{"sub":true,"exp":1000}           | 0 | user"#,
        r#"{"sub":"a\u0000","exp":1000}      | 0 | user"#,
        r#"{"sub":"a\nb","exp":1000}         | 0 | user"#,
        r#"{"sub":"\u007f","exp":1000}       | 0 | user"#,
        r#"{"sub":"\u0085","exp":1000}       | 0 | user"#,
        r#"{"sub":"\ud800","exp":1000}       | 0 | signature"#,
        &of_length(256, "valid"),
        &of_length(257, "user"),
    ];
    for line in lines {
        check(&demo(), line).await;
    }
}

#[tokio::test]
async fn claims_are_one_json_object() {
    let lines = [
        r#"["ann",1000]                              | 0 | signature"#,
        r#""ann"                                     | 0 | signature"#,
        r#"{"sub":"ann","exp":1000} x                | 0 | signature"#,
        r#"{"sub":"ann","exp":1000                   | 0 | signature"#,
        r#"{"sub":"ann","sub":"bob","exp":1000}      | 0 | signature"#,
        r#"{"sub":"ann","exp":1000,"exp":2000}       | 0 | signature"#,
    ];
    for line in lines {
        check(&demo(), line).await;
    }
}

#[tokio::test]
async fn issuer_and_audience_count_only_if_configured() {
    let lines = [
        r#"{"sub":"ann","exp":9}                              | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"iss":"me"}                   | valid | valid    | audience"#,
        r#"{"sub":"ann","exp":9,"iss":"ME"}                   | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"iss":["me"]}                 | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"iss":7}                      | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"iss":null,"aud":null}        | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"aud":"us"}                   | valid | issuer   | valid"#,
        r#"{"sub":"ann","exp":9,"aud":["them","us"]}          | valid | issuer   | valid"#,
        r#"{"sub":"ann","exp":9,"aud":["them",7]}             | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"aud":[]}                     | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"aud":{"us":1}}               | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"aud":"them"}                 | valid | issuer   | audience"#,
        r#"{"sub":"ann","exp":9,"jti":{},"roles":[[[]]]}      | valid | issuer   | audience"#,
    ];
    let tenants = [
        demo(),
        Tenant { issuer: Some("me".to_owned()), ..demo() },
        Tenant { audience: Some("us".to_owned()), ..demo() },
    ];
    for line in lines {
        let fields: Vec<_> = line.split(" | ").map(str::trim).collect();
        for (tenant, expected) in tenants.iter().zip(&fields[1..]) {
            check(tenant, &format!("{} | 0 | {expected}", fields[0])).await;
        }
    }
}

#[tokio::test]
async fn each_algorithm_with_each_key() {
    let tenants = [
        ("HS256", tenant("demo", Algorithm::Hs256, b"demo-secret")),
        ("RS256", tenant("demo", Algorithm::Rs256, RS256_PUBLIC)),
        ("ES256", tenant("demo", Algorithm::Es256, ES256_PUBLIC)),
        ("EdDSA", tenant("demo", Algorithm::EdDsa, EDDSA_PUBLIC)),
    ];
    let signers = [
        ("HS256", Jwt::HS256, EncodingKey::from_secret(b"demo-secret")),
        ("RS256", Jwt::RS256, EncodingKey::from_rsa_pem(RS256_PRIVATE).unwrap()),
        ("ES256", Jwt::ES256, EncodingKey::from_ec_pem(ES256_PRIVATE).unwrap()),
        ("EdDSA", Jwt::EdDSA, EncodingKey::from_ed_pem(EDDSA_PRIVATE).unwrap()),
    ];
    let now = Duration::from_secs(NOW);
    for (configured, tenant) in &tenants {
        for (named, _) in &tenants {
            for (signed, algorithm, key) in &signers {
                let header = format!(r#"{{"alg":"{named}"}}"#);
                let token = token(&header, GOOD, *algorithm, key);
                let fits = configured == named && configured == signed;
                let expected = if fits { "valid" } else { "signature" };
                let line = format!("{configured}: {named} signed with {signed}");
                check_token(tenant.clone(), &token, now, expected, &line).await;
            }
        }
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let now = Duration::from_secs(NOW);
    for (algorithm, public) in
        [(Algorithm::Rs256, RS256_PUBLIC), (Algorithm::Es256, ES256_PUBLIC), (Algorithm::EdDsa, EDDSA_PUBLIC)]
    {
        let tenant = tenant("demo", algorithm, public);
        let forged = hs256(public, GOOD);
        check_token(tenant.clone(), &forged, now, "signature", "HS256 header").await;
        let header = format!(r#"{{"alg":"{}"}}"#, algorithm.as_str());
        let forged = token(&header, GOOD, Jwt::HS256, &EncodingKey::from_secret(public));
        check_token(tenant, &forged, now, "signature", "configured header").await;
    }
}

#[tokio::test]
async fn token_headers() {
    let secret = EncodingKey::from_secret(b"demo-secret");
    let now = Duration::from_secs(NOW);
    for line in [
        r#"{"alg":"HS256"}                               | valid"#,
        r#"{"typ":"at+jwt","alg":"HS256","kid":"1"}      | valid"#,
        r#"{"alg":"HS256","b64":false}                   | valid"#,
        r#"{"alg":"HS384"}                               | signature"#,
        r#"{"alg":"HS512"}                               | signature"#,
        r#"{"alg":"hs256"}                               | signature"#,
        r#"{"alg":"none"}                                | signature"#,
        r#"{"alg":""}                                    | signature"#,
        r#"{"alg":null}                                  | signature"#,
        r#"{"alg":["HS256"]}                             | signature"#,
        r#"{"typ":"JWT"}                                 | signature"#,
        r#"{"alg":"none","alg":"HS256"}                  | signature"#,
        r#"["HS256"]                                     | signature"#,
        r#"{"alg":"HS256","crit":["exp"]}                | critical"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":false}    | critical"#,
        r#"{"alg":"HS256","crit":[]}                     | critical"#,
        r#"{"alg":"HS256","crit":"exp"}                  | signature"#,
    ] {
        let (header, expected) = line.split_once(" | ").expect("two fields");
        let token = token(header.trim(), GOOD, Jwt::HS256, &secret);
        check_token(demo(), &token, now, expected, line).await;
    }
}

/// Whoever makes a token up would name a key that fits it.
#[tokio::test]
async fn keys_in_a_header_are_ignored() {
    let now = Duration::from_secs(NOW);
    let header = format!(
        r#"{{"alg":"HS256","jwk":{{"kty":"oct","k":"{}"}},"jku":"https://id.example/k","x5u":"https://id.example/c"}}"#,
        base64url(b"mine")
    );
    for (secret, expected) in [("mine", "signature"), ("demo-secret", "valid")] {
        let token = token(&header, GOOD, Jwt::HS256, &EncodingKey::from_secret(secret.as_bytes()));
        check_token(demo(), &token, now, expected, secret).await;
    }
}

#[tokio::test]
async fn signatures() {
    let now = Duration::from_secs(NOW);
    let good = token_of("ann");
    let (message, signature) = good.rsplit_once('.').unwrap();
    let none = format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(GOOD.as_bytes()));
    let other_user = {
        let bob = token_of("bob");
        let (message, _) = bob.rsplit_once('.').unwrap();
        format!("{message}.{signature}")
    };
    for (what, token) in [
        ("alg none without a signature", none.clone()),
        ("alg none with a signature", format!("{none}{signature}")),
        ("no signature", format!("{message}.")),
        ("no third part", message.to_owned()),
        ("a shorter signature", format!("{message}.{}", &signature[..42])),
        ("a longer signature", format!("{good}AAAA")),
        ("a padded signature", format!("{good}=")),
        ("somebody else's signature", other_user),
        ("another tenant's key", hs256(b"other-secret", GOOD)),
        ("an empty key", hs256(b"", GOOD)),
    ] {
        check_token(demo(), &token, now, "signature", what).await;
    }
    check_token(demo(), &good, now, "valid", "good").await;
}
