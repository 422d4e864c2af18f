//! The answers: one shape for all errors, one for a badge, and the headers that every answer has.

use std::fmt::Write;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use counters::Badge;
use serde_json::json;

/// How far a badge reaches: every event up to this stream sequence is in it.
const BADGE_SEQ: HeaderName = HeaderName::from_static("badge-seq");

/// When to ask again after `NOT_READY`, in seconds. Catching up takes seconds to minutes, and many
/// clients ask at once, so that a shorter wait would only add load.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Room for the longest body of a badge: 38 bytes around at most 20 digits.
const BADGE_BODY_BYTES: usize = 58;

/// Why a request gets no badge, in the order in which the reasons are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    MethodNotAllowed,
    InvalidClientKey,
    InvalidToken,
    InvalidRoomTags,
    NotReady,
}

impl Refusal {
    /// Every refusal, in the order of declaration.
    pub(crate) const ALL: [Self; 6] = [
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::InvalidClientKey,
        Self::InvalidToken,
        Self::InvalidRoomTags,
        Self::NotReady,
    ];

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidClientKey | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InvalidRoomTags => StatusCode::BAD_REQUEST,
            Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The code in the body and in the metrics.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::InvalidClientKey => "INVALID_CLIENT_KEY",
            Self::InvalidToken => "INVALID_TOKEN",
            Self::InvalidRoomTags => "INVALID_ROOM_TAGS",
            Self::NotReady => "NOT_READY",
        }
    }

    fn body(self) -> &'static str {
        match self {
            Self::NotFound => {
                r#"{"RC":404,"RM":"Not Found","error":{"code":"NOT_FOUND","message":"There is nothing at this path"}}"#
            }
            Self::MethodNotAllowed => {
                r#"{"RC":405,"RM":"Method Not Allowed","error":{"code":"METHOD_NOT_ALLOWED","message":"Only GET and HEAD are allowed here"}}"#
            }
            Self::InvalidClientKey => {
                r#"{"RC":401,"RM":"Unauthorized","error":{"code":"INVALID_CLIENT_KEY","message":"Invalid client key"}}"#
            }
            Self::InvalidToken => {
                r#"{"RC":401,"RM":"Unauthorized","error":{"code":"INVALID_TOKEN","message":"Invalid or expired token"}}"#
            }
            Self::InvalidRoomTags => {
                r#"{"RC":400,"RM":"Invalid parameters","error":{"code":"INVALID_ROOM_TAGS","message":"Room tags must be valid strings"}}"#
            }
            Self::NotReady => {
                r#"{"RC":503,"RM":"Service Unavailable","error":{"code":"NOT_READY","message":"The counts are not ready, ask again later"}}"#
            }
        }
    }
}

/// The answer to a request that gets no badge.
pub(crate) fn refused(refusal: Refusal) -> Response {
    let mut response = json(refusal.status(), refusal.body());
    match refusal {
        Refusal::MethodNotAllowed => {
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
        }
        Refusal::NotReady => {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        Refusal::NotFound | Refusal::InvalidClientKey | Refusal::InvalidToken | Refusal::InvalidRoomTags => {}
    }
    response
}

/// The answer that everything is there for. Its body is written once, into the buffer that is sent.
pub(crate) fn badge(badge: Badge) -> Response {
    let mut body = String::with_capacity(BADGE_BODY_BYTES);
    write!(body, r#"{{"RC":0,"RM":"OK","result":{{"badge":{}}}}}"#, badge.count)
        .expect("a String takes every text");
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert(BADGE_SEQ, HeaderValue::from(badge.applied));
    response
}

/// An answer to an operator that says what is wrong.
pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    let body = json!({ "RC": status.as_u16(), "RM": reason, "error": { "code": code, "message": message } });
    let mut response = json(status, body.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    with_type(status, HeaderValue::from_static("application/json"), body)
}

/// An answer with this content type. No answer may be kept by anybody on the way: the next one
/// differs.
pub(crate) fn with_type(status: StatusCode, content_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
