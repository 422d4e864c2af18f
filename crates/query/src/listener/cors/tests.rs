use std::time::Duration;

use crate::{Algorithm, Tenant, VerificationKey};

use super::*;

fn tenant(name: &str, origins: &[&str]) -> Tenant {
    Tenant {
        name: name.to_owned(),
        client_keys: vec![format!("{name}-key")],
        api_keys: Vec::new(),
        keys: VerificationKey::new(Algorithm::Hs256, b"secret").unwrap().into(),
        introspection: None,
        leeway: Duration::ZERO,
        issuer: None,
        audience: None,
        allowed_origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
    }
}

fn cors(tenants: Vec<Tenant>) -> Cors {
    Cors::new(&Tenants::new(tenants).unwrap())
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// One line a case: the origin, the client key, and whether the page may read the answer.
#[test]
fn a_page_reads_the_answers_of_the_tenants_that_know_it() {
    let cors = cors(vec![
        tenant("chat", &["https://chat.example", "https://m.chat.example"]),
        tenant("shop", &["https://shop.example"]),
        tenant("open", &["*"]),
        tenant("none", &[]),
    ]);
    for line in [
        "https://chat.example   | chat-key | yes",
        "https://m.chat.example | chat-key | yes",
        "https://shop.example   | chat-key | no",
        "https://chat.example.  | chat-key | no",
        "http://chat.example    | chat-key | no",
        "https://chat.example   | shop-key | no",
        "https://chat.example   | none-key | no",
        "https://any.example    | open-key | yes",
        "https://any.example    | unknown  | yes",
    ] {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let asked = cors.asked(&headers(&[("origin", fields[0]), ("im-client-key", fields[1])])).unwrap();
        let mut answer = HeaderMap::new();
        asked.tell(&mut answer);
        let allowed = answer.get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|origin| origin.to_str().unwrap());
        assert_eq!(allowed, (fields[2] == "yes").then_some(fields[0]), "{line}");
        assert_eq!(answer.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS), fields[2] == "yes", "{line}");
        assert_eq!(answer[VARY], "Origin", "{line}");
        assert!(!answer.contains_key("access-control-allow-credentials"), "{line}");
    }
}

/// A preflight has no client key.
#[test]
fn a_preflight_is_allowed_if_any_tenant_knows_the_page() {
    let cors =
        cors(vec![tenant("chat", &["https://chat.example"]), tenant("shop", &["https://shop.example"])]);
    for (method, origin, asks, allowed) in [
        (Method::OPTIONS, "https://chat.example", true, true),
        (Method::OPTIONS, "https://shop.example", true, true),
        (Method::OPTIONS, "https://evil.example", true, false),
        (Method::OPTIONS, "https://chat.example", false, false),
        (Method::GET, "https://chat.example", true, false),
    ] {
        let mut request = Request::new(());
        *request.method_mut() = method.clone();
        *request.headers_mut() = headers(&[("origin", origin)]);
        if asks {
            request.headers_mut().insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET"));
        }
        let preflight = cors.asked(request.headers()).unwrap().preflight(&request);
        assert_eq!(preflight.is_some(), allowed, "{method} {origin} {asks}");
    }
}

#[test]
fn without_origins_nothing_is_said() {
    let origin = headers(&[("origin", "https://chat.example"), ("im-client-key", "chat-key")]);
    let cors = cors(vec![tenant("chat", &[])]);
    assert_eq!(cors.asked(&origin), None);
    let tenants = |origins| Tenants::new(vec![tenant("chat", origins)]).unwrap();
    let clone = cors.clone();
    cors.replace(&tenants(&["https://chat.example"]));
    assert!(clone.asked(&origin).unwrap().readable_by.is_some());
    assert_eq!(clone.asked(&HeaderMap::new()), None);
    cors.replace(&tenants(&[]));
    assert_eq!(clone.asked(&origin), None);
}
