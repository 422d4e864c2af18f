//! The routes for operators: alive, ready, how far, metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::accounts::AskAccounts;
use crate::answer;
use crate::control::Control;
use crate::readiness::{Body, Readiness};
use crate::refusal::Refusal;
use crate::status::Status;

/// The media type of what `prometheus_client` writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the operator's routes answer from.
pub struct Operator {
    /// Asked at each `/readyz`.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// Asked at each `/status`.
    pub status: Arc<dyn Fn() -> Status + Send + Sync>,
    /// Asked at each `/accounts`.
    pub accounts: AskAccounts,
    /// Told at each `/damage`: whether there was such a cursor.
    #[cfg(feature = "damage")]
    pub damage: crate::damage::DoDamage,
    /// Everything that `/metrics` shows, asked for each time.
    pub registry: Arc<dyn Fn() -> Arc<Registry> + Send + Sync>,
    /// What may be done; `None` if nothing may.
    pub control: Option<Control>,
}

pub(crate) async fn healthz() -> Response {
    answer::json(StatusCode::OK, r#"{"alive":true}"#)
}

pub(crate) async fn readyz(State(operator): State<Arc<Operator>>) -> Response {
    let readiness = (operator.readiness)();
    let status = match readiness {
        Readiness::Ready { .. } => StatusCode::OK,
        Readiness::NotReady { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = serde_json::to_vec(&Body::from(&readiness)).expect("the body is a plain JSON object");
    answer::json(status, body)
}

pub(crate) async fn status(State(operator): State<Arc<Operator>>) -> Response {
    let body = serde_json::to_vec(&(operator.status)()).expect("the body is a plain JSON object");
    answer::json(StatusCode::OK, body)
}

pub(crate) async fn metrics(State(operator): State<Arc<Operator>>) -> Response {
    let mut body = String::new();
    match text::encode(&mut body, &(operator.registry)()) {
        Ok(()) => answer::with_type(StatusCode::OK, HeaderValue::from_static(OPEN_METRICS), body),
        Err(error) => {
            tracing::error!(%error, "a metric could not be written");
            answer::json(
                StatusCode::INTERNAL_SERVER_ERROR,
                r#"{"RC":500,"RM":"Internal Server Error","error":{"code":"METRICS","message":"A metric could not be written"}}"#,
            )
        }
    }
}

pub(crate) async fn not_found() -> Response {
    answer::refused(Refusal::NotFound)
}

pub(crate) async fn method_not_allowed() -> Response {
    answer::refused(Refusal::MethodNotAllowed)
}
