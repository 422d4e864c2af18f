//! The answers: one shape for all errors, one for a badge, and the headers that every answer has.

use std::fmt::Write;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use counters::Badge;
use serde::Serialize;
use serde_json::json;

use crate::entity_tag::EntityTag;
use crate::rates::{Limited, Scope};
use crate::refusal::Refusal;

/// How far a badge reaches: every event up to this stream sequence is in it.
const BADGE_SEQ: HeaderName = HeaderName::from_static("badge-seq");

/// When to ask again after `NOT_READY`, in seconds. Catching up takes seconds to minutes, and many
/// clients ask at once, so that a shorter wait would only add load.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Room for the longest body of a badge: 38 bytes around at most 20 digits.
const BADGE_BODY_BYTES: usize = 58;

/// When to ask again after `NOT_YET`, in seconds: the event is on its way. After `OVERLOADED` too: somebody may have gone.
const RETRY_SOON_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An error, and what there is to say beyond it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    more: Option<More>,
    /// Whether it is among the metrics already.
    pub(crate) is_counted: bool,
}

/// What one answer says that others of its kind don't.
#[derive(Debug, Clone, PartialEq, Eq)]
struct More {
    message: String,
    /// For programs: a field of `error` with its value.
    field: (&'static str, u64),
}

impl Refused {
    /// The event is not in the counts, which reach to `applied`.
    pub(crate) fn not_yet(wanted: u64, applied: u64) -> Self {
        let message = format!("Event {wanted} is not in the counts yet, which reach to {applied}: ask again");
        Self { more: Some(More { message, field: ("badgeSeq", applied) }), ..Refusal::NotYet.into() }
    }

    /// One of several tokens is no good.
    pub(crate) fn token(place: usize) -> Self {
        let message = format!("Invalid or expired token: tokens[{place}]");
        let field = ("index", u64::try_from(place).unwrap_or(u64::MAX));
        Self { more: Some(More { message, field }), ..Refusal::InvalidToken.into() }
    }

    /// Somebody asks too often.
    pub(crate) fn limited(Limited { scope, retry_after }: Limited) -> Self {
        let message = match scope {
            Scope::Tenant => "Too many requests of this client key's tenant",
            Scope::User => "Too many requests of this user",
        };
        let more = More { message: message.to_owned(), field: ("retryAfter", retry_after) };
        Self { more: Some(more), ..Refusal::RateLimited.into() }
    }

    /// The listener has refused the request meanwhile. It counts that and answers by itself.
    pub(crate) fn by_listener() -> Self {
        Self { is_counted: true, ..Refusal::BodyTooLarge.into() }
    }

    fn retry_after(&self) -> Option<u64> {
        self.more.as_ref().filter(|_| self.refusal == Refusal::RateLimited).map(|more| more.field.1)
    }

    fn body(self) -> Body {
        let Self { refusal, more, .. } = self;
        let Some(More { message, field: (name, value) }) = more else { return refusal.body().into() };
        let body = json!({
            "RC": refusal.status().as_u16(),
            "RM": refusal.text(),
            "error": { "code": refusal.code(), "message": message, name: value },
        });
        body.to_string().into()
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, more: None, is_counted: false }
    }
}

/// The answer to a request that gets no badge.
pub(crate) fn refused(refused: impl Into<Refused>) -> Response {
    let refused = refused.into();
    let refusal = refused.refusal;
    let retry_after = refused.retry_after();
    let mut response = json(refusal.status(), refused.body());
    let header = match refusal {
        Refusal::MethodNotAllowed => Some((ALLOW, HeaderValue::from_static("GET, HEAD"))),
        Refusal::OnlyGet => Some((ALLOW, HeaderValue::from_static("GET"))),
        Refusal::OnlyPost => Some((ALLOW, HeaderValue::from_static("POST"))),
        Refusal::TokenCheckUnavailable | Refusal::NotReady => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
        Refusal::RateLimited => retry_after.map(|seconds| (RETRY_AFTER, seconds.into())),
        Refusal::NotYet | Refusal::Overloaded => Some((RETRY_AFTER, RETRY_SOON_SECONDS)),
        _ => None,
    };
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The answer that everything is there for. Its body is written once, into the buffer that is sent.
pub(crate) fn badge(badge: Badge, tag: EntityTag) -> Response {
    let mut body = String::with_capacity(BADGE_BODY_BYTES);
    write!(body, r#"{{"RC":0,"RM":"OK","result":{{"badge":{}}}}}"#, badge.count)
        .expect("a String takes every text");
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert(BADGE_SEQ, HeaderValue::from(badge.applied));
    response.headers_mut().insert(ETAG, tag.into_value());
    response
}

/// What an endpoint has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) body: Vec<u8>,
    /// Every event up to this stream sequence is in it.
    pub(crate) applied: u64,
}

impl Found {
    /// The body has `result` in IMKit's shape.
    pub(crate) fn new(result: &impl Serialize, applied: u64) -> Self {
        #[derive(Serialize)]
        struct Fine<'a, T> {
            #[serde(rename = "RC")]
            code: u32,
            #[serde(rename = "RM")]
            text: &'static str,
            result: &'a T,
        }
        let fine = Fine { code: 0, text: "OK", result };
        Self { body: serde_json::to_vec(&fine).expect("the body is a plain JSON object"), applied }
    }
}

/// Any other answer to what was asked for.
pub(crate) fn found(body: Vec<u8>, applied: u64, tag: Option<EntityTag>) -> Response {
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert(BADGE_SEQ, HeaderValue::from(applied));
    if let Some(tag) = tag {
        response.headers_mut().insert(ETAG, tag.into_value());
    }
    response
}

/// The asker has the body of this answer already; it is as fresh as `applied` says.
pub(crate) fn not_modified(applied: u64, tag: EntityTag) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BADGE_SEQ, HeaderValue::from(applied));
    headers.insert(ETAG, tag.into_value());
    response
}

/// The answer that goes on: server-sent events, of which the first reaches as far as `applied`.
pub(crate) fn events(body: Body, applied: u64) -> Response {
    let mut response = with_type(StatusCode::OK, HeaderValue::from_static("text/event-stream"), body);
    response.headers_mut().insert(BADGE_SEQ, HeaderValue::from(applied));
    // Proxies that collect an answer before they pass it on would collect this one for ever.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
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
