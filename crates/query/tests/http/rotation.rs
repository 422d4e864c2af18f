//! Several keys of a tenant, and tenants and keys that change while the service runs.

use std::time::Duration;

use jsonwebtoken::EncodingKey;
use query::{Algorithm, ApiKey, Tenant, TenantKeys, Tenants, VerificationKey};
use serde_json::json;

use crate::endpoints::ask;
use crate::signer;
use crate::support::{NOW, Service, badge_request, demo, hs256, other, tenant, token, token_of};

const CACHED: &str = "tallymark_tokens_cached";

fn secret(text: &str) -> VerificationKey {
    VerificationKey::new(Algorithm::Hs256, text.as_bytes()).unwrap()
}

fn with_keys(fixed: Vec<VerificationKey>) -> Tenant {
    Tenant { keys: TenantKeys { fixed, at_url: None }, ..demo() }
}

/// A token whose header names a key, or none.
fn naming(id: Option<&str>, secret: &str) -> String {
    let claims = json!({ "sub": "ann", "exp": NOW + 60 }).to_string();
    let key = EncodingKey::from_secret(secret.as_bytes());
    token(&signer::header(Algorithm::Hs256, id), &claims, jsonwebtoken::Algorithm::HS256, &key)
}

/// One line a case: `the keys as id=secret or secret | the token, likewise | result`.
#[tokio::test]
async fn a_token_is_held_against_the_keys_that_it_may_mean() {
    for line in [
        "old             | old       | valid",
        "old new         | old       | valid",
        "old new         | new       | valid",
        "old new         | other     | signature",
        "old             | x=old     | valid",
        "a=old b=new     | old       | valid",
        "a=old b=new     | new       | valid",
        "a=old b=new     | a=old     | valid",
        "a=old b=new     | b=new     | valid",
        "a=old b=new     | a=new     | signature",
        "a=old b=new     | b=old     | signature",
        "a=old b=new     | c=old     | unknown_key",
        "a=old b=new     | A=old     | unknown_key",
        "a=old new       | c=new     | valid",
        "a=old new       | c=old     | signature",
        "a=old a=new     | a=new     | valid",
        "a=old a=new     | a=old     | valid",
    ] {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let split =
            |text: &'static str| text.split_once('=').map_or((None, text), |(id, secret)| (Some(id), secret));
        let keys = fields[0].split_whitespace().map(|key| match split(key) {
            (Some(id), text) => secret(text).with_id(id),
            (None, text) => secret(text),
        });
        let service = Service::with(vec![with_keys(keys.collect())], 10);
        let (id, signed_with) = split(fields[1]);
        let answer = service.ask_with(&naming(id, signed_with)).await;
        assert_eq!(answer.status, if fields[2] == "valid" { 200 } else { 401 }, "{line}");
        let series = format!(r#"tallymark_token_verifications_total{{result="{}"}}"#, fields[2]);
        assert_eq!(service.metric(&series), 1, "{line}");
    }
}

/// Each key verifies with its own algorithm, whatever else the tenant has.
#[tokio::test]
async fn a_public_key_is_no_secret_beside_one() {
    let rsa = signer::rs256();
    let service = Service::with(vec![with_keys(vec![rsa.verification_key(), secret("demo-secret")])], 10);
    assert_eq!(service.ask_with(&rsa.token(None)).await.status, 200);
    assert_eq!(service.ask_with(&token_of("ann")).await.status, 200);
    let claims = json!({ "sub": "ann", "exp": NOW + 60 }).to_string();
    assert_eq!(service.ask_with(&hs256(rsa.public, &claims)).await.status, 401);
    assert_eq!(service.ask_with(&rsa.token_with_header(r#"{"alg":"HS256"}"#)).await.status, 401);
}

#[tokio::test]
async fn a_leeway_is_taken_at_both_ends() {
    let service = Service::with(vec![Tenant { leeway: Duration::from_secs(5), ..demo() }], 10);
    let token = hs256(b"demo-secret", &json!({ "sub": "ann", "nbf": NOW, "exp": NOW + 60 }).to_string());
    // Twice: verified, and remembered.
    for _ in 0..2 {
        for (now, status) in [(NOW - 6, 401), (NOW - 5, 200), (NOW + 64, 200), (NOW + 65, 401)] {
            *service.now.lock() = Duration::from_secs(now);
            assert_eq!(service.ask_with(&token).await.status, status, "{now}");
        }
    }
    service.admission.admit(Tenants::new(vec![demo()]).unwrap());
    *service.now.lock() = Duration::from_secs(NOW + 60);
    assert_eq!(service.ask_with(&token).await.status, 401, "there is no leeway any more");
}

/// What the service remembers must not outlive what it was remembered by.
#[tokio::test]
async fn a_removed_key_takes_its_tokens_with_it() {
    let service = Service::with(vec![with_keys(vec![secret("old"), secret("new")])], 100);
    let (old, new) = (naming(None, "old"), naming(None, "new"));
    let both =
        async || [service.ask_with(&old).await.status.as_u16(), service.ask_with(&new).await.status.as_u16()];
    assert_eq!(both().await, [200, 200]);
    let admit = |tenants: Vec<Tenant>| service.admission.admit(Tenants::new(tenants).unwrap());

    admit(vec![with_keys(vec![secret("new")])]);
    assert_eq!(both().await, [401, 200]);
    assert_eq!(service.metric(CACHED), 1, "the old one is not even kept");
    let verified = r#"tallymark_token_verifications_total{result="valid"}"#;
    assert_eq!(service.metric(verified), 2, "the new one was still remembered");

    admit(vec![with_keys(vec![secret("old")])]);
    assert_eq!(both().await, [200, 401]);
}

#[tokio::test]
async fn rules_that_change_hold_for_remembered_tokens_too() {
    let claims = json!({ "sub": "ann", "exp": NOW + 60, "iss": "me", "aud": "us" }).to_string();
    let token = hs256(b"demo-secret", &claims);
    let service = Service::with(vec![demo()], 100);
    let some = |text: &str| Some(text.to_owned());
    for (issuer, audience, status) in [
        (None, None, 200),
        (some("me"), None, 200),
        (some("you"), None, 401),
        (None, some("us"), 200),
        (None, some("them"), 401),
        // Not the same as an audience `me` without an issuer.
        (some("me"), some("us"), 200),
        (some("us"), some("me"), 401),
        (None, None, 200),
    ] {
        let shown = format!("{issuer:?} {audience:?}");
        service.admission.admit(Tenants::new(vec![Tenant { issuer, audience, ..demo() }]).unwrap());
        assert_eq!(service.ask_with(&token).await.status, status, "{shown}");
    }
}

#[tokio::test]
async fn tenants_come_and_go() {
    let service = Service::with(vec![demo()], 100);
    let ask = async |client_key: &str, token: &str| {
        let answer = service.ask(badge_request(client_key, token)).await;
        if answer.status == 200 {
            "OK".to_owned()
        } else {
            answer.json()["error"]["code"].as_str().unwrap().to_owned()
        }
    };
    let (demos, others) = (token_of("ann"), naming(None, "other-secret"));
    assert_eq!(ask("demo-client-key", &demos).await, "OK");
    assert_eq!(ask("other-client-key", &others).await, "INVALID_CLIENT_KEY");

    // The tenants' places change, and with them nothing.
    service.admission.admit(Tenants::new(vec![other(), demo()]).unwrap());
    assert_eq!(ask("demo-client-key", &demos).await, "OK");
    assert_eq!(ask("other-client-key", &others).await, "OK");
    assert_eq!(ask("other-client-key", &demos).await, "INVALID_TOKEN");

    service.admission.admit(Tenants::new(vec![other()]).unwrap());
    assert_eq!(ask("demo-client-key", &demos).await, "INVALID_CLIENT_KEY");
    assert_eq!(ask("other-client-key", &others).await, "OK");

    // Somebody else takes over the client key: a remembered token of the one before is nothing there.
    let heir = Tenant { client_keys: demo().client_keys, ..tenant("heir", Algorithm::Hs256, b"heir-secret") };
    service.admission.admit(Tenants::new(vec![heir]).unwrap());
    assert_eq!(ask("demo-client-key", &demos).await, "INVALID_TOKEN");
}

#[tokio::test]
async fn api_keys_come_and_go() {
    let service = Service::with(vec![demo()], 100);
    let with_keys = |keys: &[&str]| Tenant {
        api_keys: keys.iter().map(|key| ApiKey::new(key.as_bytes())).collect(),
        ..demo()
    };
    for (keys, expected) in
        [(&["old"][..], "200 401"), (&["old", "new"], "200 200"), (&["new"], "401 200"), (&[], "401 401")]
    {
        service.admission.admit(Tenants::new(vec![other(), with_keys(keys)]).unwrap());
        let mut found = Vec::new();
        for key in ["old", "new"] {
            let question = format!(r#"POST /users/badges | IM-API-KEY={key} json | {{"users":["ann"]}}"#);
            found.push(ask(&service, &question).await.status.as_u16().to_string());
        }
        assert_eq!(found.join(" "), expected, "{keys:?}");
    }
}

#[tokio::test]
async fn how_many_are_remembered_may_change() {
    let service = Service::with(vec![demo()], 64);
    for user in 0..64 {
        service.ask_with(&token_of(&format!("user{user}"))).await;
    }
    assert!(service.metric(CACHED) > 16);
    service.admission.remember(16);
    assert!(service.metric(CACHED) <= 16);
    assert_eq!(service.ask_with(&token_of("ann")).await.status, 200);
}

#[tokio::test]
async fn a_tenant_needs_a_key_or_somebody_to_ask() {
    let error = Tenants::new(vec![with_keys(Vec::new())]).unwrap_err();
    assert!(error.to_string().contains(r#"the tenant "demo" has no key"#), "{error}");
}
