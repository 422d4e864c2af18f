//! The table of the contract, row by row.

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use serde_json::{Value, json};

use crate::support::{Answer, Service, base64url, hs256, token_of};

/// What the answer to a refused request says, by its code.
fn refusal(code: &str) -> (u16, &'static str, Option<&'static str>) {
    match code {
        "NOT_FOUND" => (404, "Not Found", None),
        "METHOD_NOT_ALLOWED" => (405, "Method Not Allowed", None),
        "INVALID_CLIENT_KEY" => (401, "Unauthorized", Some("Invalid client key")),
        "INVALID_TOKEN" => (401, "Unauthorized", Some("Invalid or expired token")),
        "INVALID_ROOM_TAGS" => (400, "Invalid parameters", Some("Room tags must be valid strings")),
        "NOT_READY" => (503, "Service Unavailable", None),
        _ => panic!("no such code: {code}"),
    }
}

fn check_answer(answer: &Answer, expected: &str, head: bool, line: &str) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{line}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{line}");
    let allow = (expected == "METHOD_NOT_ALLOWED").then_some("GET, HEAD");
    assert_eq!(answer.header("allow"), allow, "{line}");
    let retry_after = (expected == "NOT_READY").then_some("5");
    assert_eq!(answer.header("retry-after"), retry_after, "{line}");
    let badge_seq = (expected == "OK").then_some("0");
    assert_eq!(answer.header("badge-seq"), badge_seq, "{line}");
    let status = if expected == "OK" { 200 } else { refusal(expected).0 };
    assert_eq!(answer.status, status, "{line}: {}", answer.body);
    if head {
        assert_eq!(answer.body, "", "{line}");
        return;
    }
    if expected == "OK" {
        assert_eq!(answer.body, r#"{"RC":0,"RM":"OK","result":{"badge":0}}"#, "{line}");
        return;
    }
    let (status, text, message) = refusal(expected);
    let mut body = answer.json();
    let said = body["error"]["message"].take();
    assert!(said.as_str().is_some_and(|said| !said.is_empty()), "{line}: {said}");
    if let Some(message) = message {
        assert_eq!(said, message, "{line}");
    }
    let shape = json!({
        "RC": status, "RM": text, "error": { "code": expected, "message": Value::Null }
    });
    assert_eq!(body, shape, "{line}");
}

/// One line a case: `method target | client keys | authorizations | code`. Repeated headers are
/// separated by `;`, and `{ann}` stands for a good token.
async fn check(service: &Service, line: &str) {
    let fields: Vec<_> = line.split(" | ").map(str::trim).collect();
    let [start, client_keys, authorizations, expected] = fields[..] else {
        panic!("four fields wanted: {line}");
    };
    let (method, target) = start.split_once(' ').expect("method and target");
    let mut request = Request::builder().method(method).uri(target.trim());
    let headers = [("IM-CLIENT-KEY", client_keys), ("IM-Authorization", authorizations)];
    for (name, values) in headers {
        for value in values.split(';').map(str::trim).filter(|value| !value.is_empty()) {
            let value = match value {
                "EMPTY" => String::new(),
                value => value.replace("{ann}", &token_of("ann")),
            };
            request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
    }
    let answer = service.ask(request.body(Body::empty()).unwrap()).await;
    check_answer(&answer, expected, method == "HEAD", line);
}

async fn check_all(service: &Service, lines: &[&str]) {
    for line in lines {
        check(service, line).await;
    }
}

#[tokio::test]
async fn paths_and_methods() {
    let lines = [
        "GET     /me/badge               | demo-client-key | {ann} | OK",
        "HEAD    /me/badge               | demo-client-key | {ann} | OK",
        "GET     /me/badge?              | demo-client-key | {ann} | OK",
        "GET     http://host/me/badge    | demo-client-key | {ann} | OK",
        "GET     /                       |                 |       | NOT_FOUND",
        "GET     /me                     | demo-client-key | {ann} | NOT_FOUND",
        "GET     /me/badge/              | demo-client-key | {ann} | NOT_FOUND",
        "GET     /me/badge/x             | demo-client-key | {ann} | NOT_FOUND",
        "GET     //me/badge              | demo-client-key | {ann} | NOT_FOUND",
        "GET     /me//badge              | demo-client-key | {ann} | NOT_FOUND",
        "GET     /me/./badge             | demo-client-key | {ann} | NOT_FOUND",
        "GET     /ME/badge               | demo-client-key | {ann} | NOT_FOUND",
        "GET     /me/%62adge             | demo-client-key | {ann} | NOT_FOUND",
        "GET     /me%2Fbadge             | demo-client-key | {ann} | NOT_FOUND",
        "GET     /me/badge%20            | demo-client-key | {ann} | NOT_FOUND",
        "GET     /me/badge;a=b           | demo-client-key | {ann} | NOT_FOUND",
        "GET     /healthz                | demo-client-key | {ann} | NOT_FOUND",
        "GET     /readyz                 | demo-client-key | {ann} | NOT_FOUND",
        "GET     /metrics                | demo-client-key | {ann} | NOT_FOUND",
        "HEAD    /nowhere                |                 |       | NOT_FOUND",
        "POST    /nowhere                |                 |       | NOT_FOUND",
        "OPTIONS *                       |                 |       | NOT_FOUND",
        "POST    /me/badge               | demo-client-key | {ann} | METHOD_NOT_ALLOWED",
        "PUT     /me/badge               |                 |       | METHOD_NOT_ALLOWED",
        "DELETE  /me/badge               |                 |       | METHOD_NOT_ALLOWED",
        "PATCH   /me/badge               |                 |       | METHOD_NOT_ALLOWED",
        "OPTIONS /me/badge               |                 |       | METHOD_NOT_ALLOWED",
        "TRACE   /me/badge               |                 |       | METHOD_NOT_ALLOWED",
        "CONNECT /me/badge               |                 |       | METHOD_NOT_ALLOWED",
        "BREW    /me/badge               |                 |       | METHOD_NOT_ALLOWED",
        "get     /me/badge               | demo-client-key | {ann} | METHOD_NOT_ALLOWED",
    ];
    check_all(&Service::new(), &lines).await;
}

#[tokio::test]
async fn headers() {
    let lines = [
        "GET /me/badge |                                  | {ann}               | INVALID_CLIENT_KEY",
        "GET /me/badge | EMPTY                            | {ann}               | INVALID_CLIENT_KEY",
        "GET /me/badge | unknown                          | {ann}               | INVALID_CLIENT_KEY",
        "GET /me/badge | Demo-Client-Key                  | {ann}               | INVALID_CLIENT_KEY",
        "GET /me/badge | demo-client-key x                | {ann}               | INVALID_CLIENT_KEY",
        "GET /me/badge | démo                             | {ann}               | INVALID_CLIENT_KEY",
        "GET /me/badge | demo-client-key; demo-client-key | {ann}               | INVALID_CLIENT_KEY",
        "GET /me/badge | demo-client-key; other-client-key | {ann}              | INVALID_CLIENT_KEY",
        "GET /me/badge | demo-client-key; EMPTY           | {ann}               | INVALID_CLIENT_KEY",
        "GET /me/badge | demo-client-key                  | Bearer {ann}        | OK",
        "GET /me/badge | demo-client-key                  | bearer {ann}        | OK",
        "GET /me/badge | demo-client-key                  | bEaReR   {ann}      | OK",
        "GET /me/badge | demo-client-key                  |                     | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | EMPTY               | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | Bearer              | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | Bearer{ann}         | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | Bearer: {ann}       | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | Basic {ann}         | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | Bearer Bearer {ann} | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | {ann} {ann}         | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | {ann},{ann}         | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | {ann}é              | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | é                   | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | {ann}=              | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | {ann}.              | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | .{ann}              | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | ..                  | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | a.b                 | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | {ann}; {ann}        | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | {ann}; EMPTY        | INVALID_TOKEN",
        "GET /me/badge | demo-client-key                  | {ann}; Bearer {ann} | INVALID_TOKEN",
        "GET /me/badge | other-client-key                 | {ann}               | INVALID_TOKEN",
    ];
    check_all(&Service::new(), &lines).await;
}

#[tokio::test]
async fn the_standard_authorization_header_is_not_read() {
    let service = Service::new();
    let request = Request::get("/me/badge")
        .header("IM-CLIENT-KEY", "demo-client-key")
        .header("Authorization", format!("Bearer {}", token_of("ann")));
    let answer = service.ask(request.body(Body::empty()).unwrap()).await;
    check_answer(&answer, "INVALID_TOKEN", false, "Authorization");
}

#[tokio::test]
async fn room_tags() {
    let lines = [
        "GET  /me/badge?roomTags=a&roomTags=b    | demo-client-key | {ann} | OK",
        "GET  /me/badge?&&x=%zz&roomTags=caf%C3%A9+b | demo-client-key | {ann} | OK",
        "GET  /me/badge?roomTags=é               | demo-client-key | {ann} | OK",
        "GET  /me/badge?roomTags                 | demo-client-key | {ann} | INVALID_ROOM_TAGS",
        "GET  /me/badge?roomTags=                | demo-client-key | {ann} | INVALID_ROOM_TAGS",
        "GET  /me/badge?roomTags=%               | demo-client-key | {ann} | INVALID_ROOM_TAGS",
        "GET  /me/badge?roomTags=%FF             | demo-client-key | {ann} | INVALID_ROOM_TAGS",
        "GET  /me/badge?roomTags=%0A             | demo-client-key | {ann} | INVALID_ROOM_TAGS",
        "GET  /me/badge?roomTags%5B%5D=a         | demo-client-key | {ann} | INVALID_ROOM_TAGS",
        "HEAD /me/badge?roomTags[0]=a            | demo-client-key | {ann} | INVALID_ROOM_TAGS",
    ];
    check_all(&Service::new(), &lines).await;
}

/// A request with several faults is refused for the first of them in the contract's order.
#[tokio::test]
async fn order_of_checks() {
    let service = Service::new();
    service.gate.close();
    let lines = [
        "POST /me/badge/?roomTags | x               | x     | NOT_FOUND",
        "POST /me/badge?roomTags  | x               | x     | METHOD_NOT_ALLOWED",
        "GET  /me/badge?roomTags  | x               | x     | INVALID_CLIENT_KEY",
        "GET  /me/badge?roomTags  | demo-client-key | x     | INVALID_TOKEN",
        "GET  /me/badge?roomTags  | demo-client-key | {ann} | INVALID_ROOM_TAGS",
        "GET  /me/badge           | demo-client-key | {ann} | NOT_READY",
        "HEAD /me/badge           | demo-client-key | {ann} | NOT_READY",
    ];
    check_all(&service, &lines).await;
    service.gate.open();
    check(&service, "GET /me/badge | demo-client-key | {ann} | OK").await;
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    let service = Service::new();
    for target in ["/me/badge", "/me/badge?roomTags", "/nowhere"] {
        let mut answers = Vec::new();
        for method in ["GET", "HEAD"] {
            let request = Request::builder()
                .method(method)
                .uri(target)
                .header("IM-CLIENT-KEY", "demo-client-key")
                .header("IM-Authorization", token_of("ann"));
            answers.push(service.ask(request.body(Body::empty()).unwrap()).await);
        }
        let [get, head] = &answers[..] else { unreachable!("two methods") };
        assert_eq!(get.status, head.status, "{target}");
        assert_eq!(get.headers, head.headers, "{target}");
        assert_eq!(get.header("content-length"), Some(get.body.len().to_string().as_str()));
        assert_eq!(head.body, "", "{target}");
    }
}

#[tokio::test]
async fn a_token_has_at_most_8_kib() {
    let service = Service::new();
    // base64 grows in steps, so that not every length can be made with the claims alone: the
    // header's length is turned too.
    let of_length = |length: usize| {
        (0..4)
            .flat_map(|more| (5_500..6_200).map(move |padding| (more, padding)))
            .find_map(|(more, padding)| {
                let header = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(more));
                let claims = format!(r#"{{"sub":"ann","exp":1800000000,"pad":"{}"}}"#, "p".repeat(padding));
                let unsigned = base64url(header.as_bytes()).len() + base64url(claims.as_bytes()).len();
                (unsigned + 2 + 43 == length).then_some((header, claims))
            })
            .map(|(header, claims)| {
                let key = jsonwebtoken::EncodingKey::from_secret(b"demo-secret");
                crate::support::token(&header, &claims, jsonwebtoken::Algorithm::HS256, &key)
            })
            .expect("a token of this length")
    };
    for (length, expected) in [(8_192, "OK"), (8_193, "INVALID_TOKEN")] {
        let token = of_length(length);
        assert_eq!(token.len(), length);
        check_answer(&service.ask_with(&token).await, expected, false, "bare");
        let bearer = format!("Bearer {token}");
        check_answer(&service.ask_with(&bearer).await, expected, false, "bearer");
    }
    assert_eq!(service.metric(r#"tallymark_token_verifications_total{result="too_long"}"#), 2);
}

#[tokio::test]
async fn requests_are_counted_by_status_and_code() {
    let service = Service::new();
    let series = |status: u16, code: &str| {
        format!(r#"tallymark_http_requests_total{{status="{status}",code="{code}"}}"#)
    };
    assert_eq!(service.metric(&series(503, "NOT_READY")), 0);
    let lines = [
        "GET  /me/badge          | demo-client-key | {ann} | OK",
        "HEAD /me/badge          | demo-client-key | {ann} | OK",
        "GET  /nowhere           | demo-client-key | {ann} | NOT_FOUND",
        "POST /me/badge          | demo-client-key | {ann} | METHOD_NOT_ALLOWED",
        "GET  /me/badge          | unknown         | {ann} | INVALID_CLIENT_KEY",
        "GET  /me/badge          | demo-client-key | x     | INVALID_TOKEN",
        "GET  /me/badge?roomTags | demo-client-key | {ann} | INVALID_ROOM_TAGS",
    ];
    check_all(&service, &lines).await;
    service.gate.close();
    check(&service, "GET /me/badge | demo-client-key | {ann} | NOT_READY").await;
    assert_eq!(service.metric(&series(200, "OK")), 2);
    for code in [
        "NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "INVALID_CLIENT_KEY",
        "INVALID_TOKEN",
        "INVALID_ROOM_TAGS",
        "NOT_READY",
    ] {
        assert_eq!(service.metric(&series(refusal(code).0, code)), 1, "{code}");
    }
    assert_eq!(service.metric("tallymark_http_request_duration_seconds_count"), 8);
}

#[tokio::test]
async fn a_request_may_carry_a_body() {
    let service = Service::new();
    let mut request = crate::support::badge_request(
        "demo-client-key",
        &hs256(b"demo-secret", r#"{"sub":"ann","exp":1800000000}"#),
    );
    *request.body_mut() = Body::from("{}");
    check_answer(&service.ask(request).await, "OK", false, "with a body");
}
