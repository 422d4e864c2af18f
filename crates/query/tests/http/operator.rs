//! The operator's listener.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use query::{
    Activation, Control, DigestAt, Metrics, Operator, Readiness, Reason, Refused, Routes, SnapshotAt, Stage,
    Status, StoreStatus,
};
use serde_json::json;

use crate::support::Answer;

pub(crate) fn routes(readiness: impl Fn() -> Readiness + Send + Sync + 'static) -> Routes {
    routes_with(readiness, None)
}

fn routes_with(
    readiness: impl Fn() -> Readiness + Send + Sync + 'static,
    control: Option<Control>,
) -> Routes {
    let mut registry = Registry::with_prefix("tallymark");
    Metrics::new().register(&mut registry);
    let registry = Arc::new(registry);
    query::operator_routes(Operator {
        readiness: Arc::new(readiness),
        status: Arc::new(status),
        accounts: Arc::new(crate::accounts::answer),
        #[cfg(feature = "damage")]
        damage: Arc::new(|_| Box::pin(async { Ok(false) })),
        registry: Arc::new(move || registry.clone()),
        control,
    })
}

fn status() -> Status {
    Status {
        applied_sequence: 12,
        lag_events: 3,
        connected: true,
        paused: None,
        memory_bytes: Some(4096),
        activation: Some(Activation { generation: 3, stage: Stage::CatchingUp { lag_events: 7 } }),
        store: Some(StoreStatus {
            durable_sequence: 10,
            digest: DigestAt { sequence: 11, value: "00ff".to_owned() },
            generation: 2,
            snapshots: vec![SnapshotAt { sequence: 9, bytes: 100 }],
        }),
    }
}

#[tokio::test]
async fn status_tells_how_far_everything_is() {
    let answer = ask(&routes(ready), "GET", "/status").await;
    let expected = json!({
        "applied_sequence": 12,
        "lag_events": 3,
        "connected": true,
        "paused": null,
        "memory_bytes": 4096,
        "activation": { "generation": 3, "stage": "catching_up", "lag_events": 7 },
        "durable_sequence": 10,
        "digest": { "sequence": 11, "value": "00ff" },
        "generation": 2,
        "snapshots": [{ "sequence": 9, "bytes": 100 }],
    });
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
    assert_eq!(serde_json::from_value::<Status>(answer.json()).unwrap(), status());
    let before_the_store = Status { store: None, ..status() };
    let body = serde_json::to_value(before_the_store).unwrap();
    assert!(body.get("digest").is_none());
}

pub(crate) fn ready() -> Readiness {
    Readiness::Ready { connected: true, lag_events: 0, lag_seconds: 0.0 }
}

pub(crate) async fn ask(routes: &Routes, method: &str, target: &str) -> Answer {
    let request = Request::builder().method(method).uri(target).body(Body::empty()).unwrap();
    let answer = Answer::of(routes, request).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {target}");
    answer
}

#[tokio::test]
async fn every_route_and_no_other() {
    let routes = routes(ready);
    for line in [
        "GET  /healthz   | 200 | application/json",
        "HEAD /healthz   | 200 | application/json",
        "GET  /readyz    | 200 | application/json",
        "GET  /accounts  | 200 | application/json",
        "GET  /metrics   | 200 | application/openmetrics-text; version=1.0.0; charset=utf-8",
        "GET  /          | 404 | application/json",
        "GET  /healthz/  | 404 | application/json",
        "GET  /me/badge  | 404 | application/json",
        "POST /healthz   | 405 | application/json",
        "POST /readyz    | 405 | application/json",
        "POST /accounts  | 405 | application/json",
        "PUT  /metrics   | 405 | application/json",
    ] {
        let fields: Vec<_> = line.split(" | ").map(str::trim).collect();
        let (method, target) = fields[0].split_once(' ').unwrap();
        let answer = ask(&routes, method, target.trim()).await;
        assert_eq!(answer.status.as_str(), fields[1], "{line}");
        assert_eq!(answer.header("content-type"), Some(fields[2]), "{line}");
        let allow = (fields[1] == "405").then_some("GET, HEAD");
        assert_eq!(answer.header("allow"), allow, "{line}");
        if answer.status.is_client_error() {
            assert_eq!(answer.json()["RC"].to_string(), fields[1], "{line}");
        }
    }
    assert_eq!(ask(&routes, "GET", "/healthz").await.body, r#"{"alive":true}"#);
}

#[tokio::test]
async fn readiness() {
    let now = Arc::new(Mutex::new(ready()));
    let told = Arc::clone(&now);
    let routes = routes(move || told.lock().clone());

    let answer = ask(&routes, "GET", "/readyz").await;
    assert_eq!(answer.status, 200);
    let expected = r#"{"ready":true,"connected":true,"lag_events":0,"lag_seconds":0.0}"#;
    assert_eq!(answer.body, expected);

    *now.lock() = Readiness::Ready { connected: false, lag_events: 7, lag_seconds: 1.5 };
    let answer = ask(&routes, "GET", "/readyz").await;
    assert_eq!(answer.status, 200);
    let expected = r#"{"ready":true,"connected":false,"lag_events":7,"lag_seconds":1.5}"#;
    assert_eq!(answer.body, expected);

    for (reason, name) in [
        (Reason::Starting, "starting"),
        (Reason::Connecting, "connecting"),
        (Reason::CatchingUp, "catching_up"),
        (Reason::Fenced, "fenced"),
        (Reason::Store, "store"),
    ] {
        *now.lock() = Readiness::NotReady { reason, detail: "it's \"so\"".to_owned() };
        let answer = ask(&routes, "GET", "/readyz").await;
        assert_eq!(answer.status, 503, "{name}");
        let expected = json!({ "ready": false, "reason": name, "detail": "it's \"so\"" });
        assert_eq!(answer.json(), expected);
    }
}

#[tokio::test]
async fn metrics_are_there_before_the_first_request() {
    let body = ask(&routes(ready), "GET", "/metrics").await.body;
    for line in [
        "# TYPE tallymark_http_requests counter",
        r#"tallymark_http_requests_total{status="200",code="OK"} 0"#,
        r#"tallymark_http_requests_total{status="503",code="NOT_READY"} 0"#,
        "# TYPE tallymark_http_request_duration_seconds histogram",
        "# UNIT tallymark_http_request_duration_seconds seconds",
        r#"tallymark_http_request_duration_seconds_bucket{le="0.00005"} 0"#,
        r#"tallymark_http_request_duration_seconds_bucket{le="1.0"} 0"#,
        r#"tallymark_token_verifications_total{result="valid"} 0"#,
        r#"tallymark_token_verifications_total{result="expired"} 0"#,
        "tallymark_tokens_cached 0",
        "# EOF",
    ] {
        assert!(body.lines().any(|found| found == line), "no {line} in\n{body}");
    }
}

/// One line a case: method, path, token header, then status and code or body.
#[tokio::test]
async fn what_changes_something_is_for_who_has_the_token() {
    let control = || {
        Control::new(
            "let me in",
            || Ok(12),
            |number| if number == 4 { Ok(()) } else { Err(Refused(format!("no \"{number}\""))) },
        )
    };
    let on = routes_with(ready, Some(control()));
    let off = routes(ready);
    let bearer = Some("Bearer let me in");
    for (routes, method, path, token, status, expected) in [
        (&on, "POST", "/snapshots", bearer, 202, r#"{"wanted_sequence":12}"#),
        (&on, "POST", "/snapshots", Some("bEARER   let me in"), 202, r#"{"wanted_sequence":12}"#),
        (&on, "POST", "/generations/4/activate", bearer, 202, r#"{"activating":4}"#),
        (&on, "POST", "/generations/5/activate", bearer, 409, r#""code":"REFUSED","message":"no \"5\"""#),
        (&on, "POST", "/generations/x/activate", bearer, 400, "INVALID_GENERATION"),
        (&on, "POST", "/generations//activate", bearer, 400, "INVALID_GENERATION"),
        (&on, "POST", "/snapshots", None, 401, "INVALID_OPERATOR_TOKEN"),
        (&on, "POST", "/snapshots", Some("let me in"), 401, "INVALID_OPERATOR_TOKEN"),
        (&on, "POST", "/snapshots", Some("Bearer let me i"), 401, "INVALID_OPERATOR_TOKEN"),
        (&on, "POST", "/snapshots", Some("Bearer "), 401, "INVALID_OPERATOR_TOKEN"),
        (&on, "POST", "/generations/x/activate", None, 401, "INVALID_OPERATOR_TOKEN"),
        (&on, "GET", "/snapshots", bearer, 405, "Only POST"),
        (&off, "POST", "/snapshots", bearer, 403, "OPERATOR_TOKEN_NOT_SET"),
        (&off, "POST", "/generations/4/activate", None, 403, "OPERATOR_TOKEN_NOT_SET"),
    ] {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        let answer = Answer::of(routes, request.body(Body::empty()).unwrap()).await;
        let body = &answer.body;
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {token:?}: {body}");
        assert!(body.contains(expected), "{method} {path} {token:?}: {body}");
    }
    let mut twice = Request::builder().method("POST").uri("/snapshots");
    for _ in 0..2 {
        twice = twice.header("Authorization", "Bearer let me in");
    }
    assert_eq!(Answer::of(&on, twice.body(Body::empty()).unwrap()).await.status.as_u16(), 401);
}
