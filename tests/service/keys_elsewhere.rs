//! Keys at a URL and tokens that somebody else knows the worth of, over real connections.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tests::{Nats, Service, Settings, home, until};

use crate::elsewhere::{Elsewhere, Says};
use crate::reload::{asked, reload};
use crate::stream_identity::posts;

/// Whoever makes tokens.
struct Provider {
    algorithm: Algorithm,
    key: EncodingKey,
    id: &'static str,
}

impl Provider {
    fn es256() -> Self {
        let pem = include_bytes!("../../crates/query/tests/data/es256.private.pem");
        Self { algorithm: Algorithm::ES256, key: EncodingKey::from_ec_pem(pem).unwrap(), id: "first" }
    }

    fn eddsa() -> Self {
        let pem = include_bytes!("../../crates/query/tests/data/eddsa.private.pem");
        Self { algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_pem(pem).unwrap(), id: "second" }
    }

    fn token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, &json!({ "sub": "bob", "exp": now + 3600 }), &self.key).unwrap()
    }
}

fn key_set(providers: &[&Provider]) -> Says {
    let key = |provider: &&Provider| {
        let mut key = Jwk::from_encoding_key(&provider.key, provider.algorithm).unwrap();
        key.common.key_id = Some(provider.id.to_owned());
        key
    };
    Says::Json(json!({ "keys": providers.iter().map(key).collect::<Vec<_>>() }).to_string())
}

fn tenant(token: &str) -> String {
    format!("[[tenant]]\nname = \"demo\"\nclient_keys = [\"demo-client-key\"]\n{token}\n")
}

fn service(nats: &Nats, token: &str, environment: &[(&str, String)]) -> Service {
    posts(nats, 3);
    let mut settings = Settings::new(nats, &[]);
    settings.set_tenants(&tenant(token));
    let mut service = Service::at(settings, home());
    service.environment.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    service.restart();
    service.ready();
    service
}

fn good() -> (u16, String) {
    (200, String::new())
}

fn unknown() -> (u16, String) {
    (503, "TOKEN_CHECK_UNAVAILABLE".to_owned())
}

#[test]
fn keys_at_a_url_are_replaced_and_outlast_its_failures() {
    let nats = Nats::start();
    let (first, second) = (Provider::es256(), Provider::eddsa());
    let place = Elsewhere::http(key_set(&[&first]));
    let token = format!("token = {{ jwks_url = \"{}\" }}", place.url("/keys"));
    let mut service = service(&nats, &token, &[]);
    until("the first fetch", || if place.heard().is_empty() { Err("nothing") } else { Ok(()) });
    assert!(place.heard()[0].starts_with("GET /keys HTTP/1.1\r\n"), "{:?}", place.heard());
    assert_eq!(asked(&service, "demo", &first.token()), good());

    // One failure after the other: never twice within ten seconds, so they are told by the reload, which has a URL of
    // its own each time.
    let elsewhere = Elsewhere::http(key_set(&[&first, &second]));
    for (number, says) in
        [Says::Status(500), Says::Moved(elsewhere.url("/keys")), Says::Slowly, Says::Endlessly]
            .into_iter()
            .enumerate()
    {
        place.says(says.clone());
        let token = format!("token = {{ jwks_url = \"{}\" }}", place.url(&format!("/keys/{number}")));
        service.settings.set_tenants(&tenant(&token));
        service.settings.write(&service.settings_file());
        let began = Instant::now();
        reload(&mut service, "done");
        assert!(began.elapsed() < Duration::from_secs(30), "{says:?}");
        assert_eq!(asked(&service, "demo", &first.token()), unknown(), "{says:?}: never fetched");
    }
    assert!(elsewhere.heard().is_empty(), "no redirect is followed");

    place.says(key_set(&[&first]));
    let token = format!("token = {{ jwks_url = \"{}\", jwks_interval_s = 10 }}", place.url("/keys/last"));
    service.settings.set_tenants(&tenant(&token));
    service.settings.write(&service.settings_file());
    reload(&mut service, "done");
    assert_eq!(asked(&service, "demo", &first.token()), good());
    assert_eq!(asked(&service, "demo", &second.token()).0, 401, "fetched just now");
    let failed =
        |service: &Service| service.metrics().with("tallymark_key_fetches_total", "result", "failed");
    let before = failed(&service);
    place.says(Says::Status(500));
    until(
        "the next fetch, in vain",
        || if failed(&service) > before { Ok(()) } else { Err(failed(&service)) },
    );
    assert_eq!(asked(&service, "demo", &first.token()), good(), "the key is kept");
    assert_eq!(asked(&service, "demo", &second.token()), unknown());
    place.says(key_set(&[&second]));
    until("the new key", || match asked(&service, "demo", &second.token()) {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(asked(&service, "demo", &first.token()).0, 401, "seen before, but its key is gone");
}

#[test]
fn keys_come_over_https_from_who_can_be_trusted() {
    let nats = Nats::start();
    let first = Provider::es256();
    let place = Elsewhere::https(key_set(&[&first]));
    let token = format!("token = {{ jwks_url = \"{}\" }}", place.url("/keys"));
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/service/data/ca.pem").to_owned();
    let trusting = service(&nats, &token, &[("SSL_CERT_FILE", authority)]);
    assert_eq!(asked(&trusting, "demo", &first.token()), good());
    let heard = place.heard().len();

    let nats = Nats::start();
    let doubting = service(&nats, &token, &[]);
    assert_eq!(asked(&doubting, "demo", &first.token()), unknown());
    assert_eq!(place.heard().len(), heard, "nothing was said to a stranger");
}

#[test]
fn opaque_tokens_are_asked_for() {
    let nats = Nats::start();
    let place = Elsewhere::http(Says::Json(r#"{"active":true,"sub":"bob"}"#.to_owned()));
    let token = format!(
        "[tenant.token.introspection]\nurl = \"{}\"\nclient_id = \"me\"\nclient_secret = \"hunter2\"\ncache_s = 3600",
        place.url("/introspect")
    );
    let mut service = service(&nats, &token, &[]);
    let badge = |token: &str| asked(&service, "demo", token);
    for _ in 0..3 {
        assert_eq!(badge("opaque-1"), good());
    }
    let heard = place.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    let lower = heard[0].to_lowercase();
    assert!(heard[0].starts_with("POST /introspect HTTP/1.1\r\n"), "{heard:?}");
    assert!(lower.contains("content-type: application/x-www-form-urlencoded\r\n"), "{heard:?}");
    // base64 of me:hunter2
    assert!(heard[0].contains("Basic bWU6aHVudGVyMg==\r\n"), "{heard:?}");
    assert!(heard[0].ends_with("\r\n\r\ntoken=opaque-1&token_type_hint=access_token"), "{heard:?}");

    place.says(Says::Json(r#"{"active":false}"#.to_owned()));
    assert_eq!(badge("opaque-2"), (401, "INVALID_TOKEN".to_owned()));
    place.says(Says::Slowly);
    let began = Instant::now();
    assert_eq!(badge("opaque-3"), unknown());
    let took = began.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(20), "{took:?}");
    assert_eq!(badge("opaque-1"), good(), "it was answered before");
    assert!(
        !service.printed().contains("hunter2") && !service.printed().contains("bWU6"),
        "{}",
        service.printed()
    );
    assert_eq!(service.terminate().code, Some(0));
}
