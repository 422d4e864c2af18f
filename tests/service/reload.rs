//! Tenants and keys change while the service runs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;
use tests::{Nats, Service, Settings, until};
use xtask::Signal;

use crate::stream_identity::posts;

/// A tenant whose tokens are good with any of these secrets.
pub(crate) fn tenant(name: &str, secrets: &[&str]) -> String {
    let keys: Vec<_> = secrets.iter().map(|secret| format!("{{ secret = {secret:?} }}")).collect();
    format!(
        "[[tenant]]\nname = {name:?}\nclient_keys = [\"{name}-client-key\"]\n\
         [tenant.token]\nalgorithm = \"HS256\"\nkeys = [{}]\n",
        keys.join(", ")
    )
}

/// A token of bob's, good for an hour.
fn token(secret: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &json!({ "sub": "bob", "exp": now + 3600 }), &key).unwrap()
}

/// Has the service read its settings again; returns when it has said that this is `done` or `refused`.
pub(crate) fn reload(service: &mut Service, result: &str) {
    let counted =
        |service: &Service| service.metrics().with("tallymark_settings_reloads_total", "result", result);
    let before = counted(service);
    service.signal(Signal::HUP);
    until(&format!("settings that are {result}"), || {
        let now = counted(service);
        if now > before { Ok(()) } else { Err(service.printed()) }
    });
}

/// Status and error code.
pub(crate) fn asked(service: &Service, tenant: &str, token: &str) -> (u16, String) {
    let client_key = format!("{tenant}-client-key");
    let headers = [("IM-CLIENT-KEY", client_key.as_str()), ("IM-Authorization", token)];
    let answer = service.public().get("/me/badge", &headers).unwrap();
    (answer.status, answer.error_code())
}

fn good() -> (u16, String) {
    (200, String::new())
}

fn refused(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

fn started(nats: &Nats, tenants: &str) -> Service {
    posts(nats, 3);
    let mut settings = Settings::new(nats, &[]);
    settings.set_tenants(tenants);
    let mut service = Service::start(settings);
    service.ready();
    service
}

fn change(service: &mut Service, tenants: &str) {
    service.settings.set_tenants(tenants);
    service.settings.write(&service.settings_file());
}

/// Asks again and again over one connection; that it never breaks and every answer is 200 is what is tested.
fn ask_until(stop: &AtomicBool, server: SocketAddr, token: &str, answered: &AtomicU64) {
    let mut connection = BufReader::new(TcpStream::connect(server).unwrap());
    connection.get_mut().set_nodelay(true).unwrap();
    let request = format!(
        "GET /me/badge HTTP/1.1\r\nHost: x\r\nIM-CLIENT-KEY: demo-client-key\r\nIM-Authorization: {token}\r\n\r\n"
    );
    while !stop.load(Ordering::Relaxed) {
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let begin = head.len();
            assert_ne!(connection.read_line(&mut head).unwrap(), 0, "the connection was closed");
            let line = head[begin..].trim();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}{}", String::from_utf8_lossy(&body));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn keys_and_tenants_change_under_load_without_a_failed_request() {
    const ROUNDS: usize = 20;
    let nats = Nats::start();
    let mut service = started(&nats, &tenant("demo", &["stays", "old"]));
    assert_eq!(asked(&service, "demo", &token("old")), good());
    let server = service.public().server();
    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let stays = token("stays");
    thread::scope(|scope| {
        let askers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| ask_until(&stop, server, &stays, &answered))).collect();
        for round in 0..ROUNDS {
            let next = format!("next-{round}");
            let mut tenants = [tenant("demo", &["stays", &next]), tenant("other", &[&next])];
            tenants.rotate_left(round % 2);
            change(&mut service, &tenants.concat());
            let before = answered.load(Ordering::Relaxed);
            reload(&mut service, "done");
            assert_eq!(asked(&service, "demo", &token(&next)), good(), "{round}");
            assert_eq!(asked(&service, "other", &token(&next)), good(), "{round}");
            assert_eq!(asked(&service, "other", &stays), refused("INVALID_TOKEN"), "{round}");
            if let Some(last) = round.checked_sub(1) {
                let gone = token(&format!("next-{last}"));
                assert_eq!(asked(&service, "demo", &gone), refused("INVALID_TOKEN"), "{round}");
            }
            until("answers after the change", || {
                let now = answered.load(Ordering::Relaxed);
                let stuck = askers.iter().any(thread::ScopedJoinHandle::is_finished);
                if now > before + 10 || stuck { Ok(()) } else { Err(now) }
            });
        }
        stop.store(true, Ordering::Relaxed);
        for asker in askers {
            asker.join().unwrap();
        }
    });
    assert_eq!(
        asked(&service, "demo", &token("old")),
        refused("INVALID_TOKEN"),
        "seen before, but its key is gone"
    );
    change(&mut service, &tenant("demo", &["stays"]));
    reload(&mut service, "done");
    assert_eq!(asked(&service, "other", &token("next-19")), refused("INVALID_CLIENT_KEY"));
    let metrics = service.metrics();
    assert_eq!(metrics.with("tallymark_settings_reloads_total", "result", "done"), ROUNDS as u64 + 1);
    for secret in ["stays", "next-3"] {
        assert!(!service.printed().contains(secret), "{}", service.printed());
    }
}

#[test]
fn a_wrong_file_changes_nothing() {
    let nats = Nats::start();
    let right = tenant("demo", &["right"]);
    let mut service = started(&nats, &right);
    let unreadable = "[[tenant]]\nname = 'demo'\nclient_keys = ['k']\ntoken = { algorithm = 'HS256', secret_file = 'no.key' }";
    for (wrong, said) in [
        ("[[tenant]]\nname = 'demo'\ntoken = { secret = 'hunter2' }", "tenant[0].client_keys is missing"),
        ("[[tenant]\nsecret = 'hunter2'", "not TOML"),
        (unreadable, "no.key"),
        (&format!("{right}{right}"), "expected each value once"),
    ] {
        change(&mut service, wrong);
        reload(&mut service, "refused");
        assert_eq!(asked(&service, "demo", &token("right")), good(), "{wrong}");
        let log = service.printed();
        assert!(log.contains("the old ones stay in force") && log.contains(said), "no {said} in\n{log}");
        assert!(!log.contains("hunter2"), "{log}");
    }
    change(&mut service, &tenant("demo", &["new"]));
    reload(&mut service, "done");
    assert_eq!(asked(&service, "demo", &token("new")), good());
    assert_eq!(asked(&service, "demo", &token("right")), refused("INVALID_TOKEN"));
}

/// The status of a question with this API key.
fn asked_by_server(service: &Service, api_key: &str) -> u16 {
    let headers = [("IM-API-KEY", api_key), ("Content-Type", "application/json")];
    let answer = service.public().send("POST", "/users/badges", &headers, Some(r#"{"users":["bob"]}"#));
    answer.unwrap().status
}

/// Whether a page of this origin may read the answer.
fn is_readable(service: &Service, origin: &str) -> bool {
    let headers = [("IM-CLIENT-KEY", "demo-client-key"), ("Origin", origin)];
    let answer = service.public().get("/me/badge", &headers).unwrap();
    answer.header("access-control-allow-origin").is_some()
}

#[test]
fn api_keys_and_web_pages_change_with_their_tenant() {
    let nats = Nats::start();
    let with = |api_key: &str, origin: &str| {
        let more = format!("api_keys = [{api_key:?}]\nallowed_origins = [{origin:?}]\n[tenant.token]");
        tenant("demo", &["right"]).replace("[tenant.token]", &more)
    };
    let (old, new) = ("old-key-of-the-servers", "new-key-of-the-servers");
    let mut service = started(&nats, &with(old, "https://old.example"));
    for (gone, there) in [(new, old), (old, new)] {
        if there == new {
            change(&mut service, &with(new, "https://new.example"));
            reload(&mut service, "done");
        }
        let origin = |key: &str| format!("https://{}.example", &key[..3]);
        assert_eq!(
            (asked_by_server(&service, gone), asked_by_server(&service, there)),
            (401, 200),
            "{there}"
        );
        assert!(is_readable(&service, &origin(there)) && !is_readable(&service, &origin(gone)), "{there}");
    }
    change(&mut service, &with("too short", "https://new.example"));
    reload(&mut service, "refused");
    assert_eq!(asked_by_server(&service, new), 200);
    let log = service.printed();
    for secret in [old, new, "too short"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn a_certificate_is_read_again_or_nothing_is() {
    let nats = Nats::start();
    posts(&nats, 3);
    let directory = tests::home();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/query/tests/data");
    let put = |name: &str| {
        for end in ["pem", "key.pem"] {
            fs::copy(data.join(format!("{name}.{end}")), directory.path().join(end)).unwrap();
        }
    };
    put("tls-one");
    let mut settings = Settings::new(&nats, &[]);
    settings.set("http.tls_certificate_file", &format!("{:?}", directory.path().join("pem")));
    settings.set("http.tls_key_file", &format!("{:?}", directory.path().join("key.pem")));
    settings.set_tenants(&tenant("demo", &["right"]));
    let mut service = Service::start(settings);
    service.ready();
    put("tls-two");
    reload(&mut service, "done");
    // The key of another certificate.
    fs::copy(data.join("tls-one.key.pem"), directory.path().join("key.pem")).unwrap();
    reload(&mut service, "refused");
    assert!(service.printed().contains("http.tls_certificate_file"), "{}", service.printed());
    put("tls-two");
    reload(&mut service, "done");
}

#[test]
fn what_can_not_change_is_told_and_left() {
    let nats = Nats::start();
    let mut service = started(&nats, &tenant("demo", &["right"]));
    service.settings.set("policy.message_window", "77");
    service.settings.set("http.operator_token", "\"hunter2\"");
    service.settings.set("http.token_cache_entries", "10");
    change(&mut service, &tenant("demo", &["new"]));
    reload(&mut service, "done");
    let log = service.printed();
    for name in ["policy.message_window", "http.operator_token"] {
        assert!(log.contains(&format!("{name} was changed: that takes a restart")), "no {name} in\n{log}");
    }
    assert!(!log.contains("token_cache_entries was") && !log.contains("hunter2"), "{log}");
    assert_eq!(asked(&service, "demo", &token("new")), good());
}

/// Settings that were not changed can be read again for ever.
#[test]
fn the_same_settings_again_forget_nothing() {
    let nats = Nats::start();
    let mut service = started(&nats, &tenant("demo", &["right"]));
    assert_eq!(asked(&service, "demo", &token("right")), good());
    let verified =
        |service: &Service| service.metrics().with("tallymark_token_verifications_total", "result", "valid");
    let token = token("right");
    assert_eq!(asked(&service, "demo", &token), good());
    let before = verified(&service);
    for _ in 0..3 {
        reload(&mut service, "done");
        assert_eq!(asked(&service, "demo", &token), good());
    }
    assert_eq!(verified(&service), before, "it was still remembered");
}
