//! The answers: one shape for all errors, one for a badge, and the headers that every answer has.

use std::borrow::Cow;
use std::fmt::Write;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use counters::Badge;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::entity_tag::EntityTag;
use crate::rates::{Limited, Scope};
use crate::refusal::Refusal;

/// How far a badge reaches: every event up to this stream sequence is in it.
const BADGE_SEQ: HeaderName = HeaderName::from_static("badge-seq");

/// When to ask again after `NOT_READY`, in seconds. Catching up takes seconds to minutes, and many
/// clients ask at once, so that a shorter wait would only add load.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Room for the longest body of a badge: 38 bytes around at most 20 digits.
const BADGE_BODY_BYTES: usize = 58;

/// When to ask again after `NOT_YET`, in seconds: the event is on its way. After `OVERLOADED` too: somebody may have gone.
const RETRY_SOON_SECONDS: u64 = 1;

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
    told: Told,
}

/// Every error.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorAnswer<'a> {
    /// The status.
    #[serde(rename = "RC")]
    status: u16,
    /// The status in words.
    #[serde(rename = "RM")]
    text: &'a str,
    error: ErrorDetails<'a>,
}

/// What is wrong.
#[derive(Serialize, JsonSchema)]
struct ErrorDetails<'a> {
    /// Why, for programs.
    code: &'a str,
    /// Why, for people.
    message: &'a str,
    #[serde(flatten)]
    told: Told,
}

/// For programs, what goes with one code only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Told {
    /// With `NOT_YET`: up to which stream sequence everything is in the counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    badge_seq: Option<u64>,
    /// With `INVALID_TOKEN`, of a token in a body: its place in the list, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    index: Option<u64>,
    /// With `RATE_LIMIT_EXCEEDED`: in how many seconds to ask again, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    retry_after: Option<u64>,
}

impl Refused {
    /// The event is not in the counts, which reach to `applied`.
    pub(crate) fn not_yet(wanted: u64, applied: u64) -> Self {
        let message = format!("Event {wanted} is not in the counts yet, which reach to {applied}: ask again");
        let told = Told { badge_seq: Some(applied), ..Told::default() };
        Self { more: Some(More { message, told }), ..Refusal::NotYet.into() }
    }

    /// One of several tokens is no good.
    pub(crate) fn token(place: usize) -> Self {
        let message = format!("Invalid or expired token: tokens[{place}]");
        let told = Told { index: Some(u64::try_from(place).unwrap_or(u64::MAX)), ..Told::default() };
        Self { more: Some(More { message, told }), ..Refusal::InvalidToken.into() }
    }

    /// Somebody asks too often.
    pub(crate) fn limited(Limited { scope, retry_after }: Limited) -> Self {
        let message = match scope {
            Scope::Tenant => "Too many requests of this client key's tenant",
            Scope::User => "Too many requests of this user",
        };
        let told = Told { retry_after: Some(retry_after), ..Told::default() };
        Self { more: Some(More { message: message.to_owned(), told }), ..Refusal::RateLimited.into() }
    }

    /// The listener has refused the request meanwhile. It counts that and answers by itself.
    pub(crate) fn by_listener() -> Self {
        Self { is_counted: true, ..Refusal::BodyTooLarge.into() }
    }

    /// In how many seconds to ask again, where that is worth saying.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self.refusal {
            Refusal::TokenCheckUnavailable | Refusal::NotReady => Some(RETRY_AFTER_SECONDS),
            Refusal::RateLimited => self.more.as_ref().and_then(|more| more.told.retry_after),
            Refusal::NotYet | Refusal::Overloaded => Some(RETRY_SOON_SECONDS),
            _ => None,
        }
    }

    pub(crate) fn body(self) -> Cow<'static, str> {
        let Self { refusal, more, .. } = self;
        let Some(More { message, told }) = more else { return Cow::Borrowed(refusal.body()) };
        let error = ErrorDetails { code: refusal.code(), message: &message, told };
        let answer = ErrorAnswer { status: refusal.status().as_u16(), text: refusal.text(), error };
        Cow::Owned(serde_json::to_string(&answer).expect("the body is a plain JSON object"))
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
    let mut response = json(refusal.status(), Body::from(refused.body()));
    let header = match refusal {
        Refusal::MethodNotAllowed => Some((ALLOW, HeaderValue::from_static("GET, HEAD"))),
        Refusal::OnlyGet => Some((ALLOW, HeaderValue::from_static("GET"))),
        Refusal::OnlyPost => Some((ALLOW, HeaderValue::from_static("POST"))),
        _ => retry_after.map(|seconds| (RETRY_AFTER, seconds.into())),
    };
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The answer that everything is there for. Its body is written once, into the buffer that is sent.
pub(crate) fn badge(badge: Badge, tag: EntityTag) -> Response {
    let mut response = json(StatusCode::OK, badge_body(badge.count));
    response.headers_mut().insert(BADGE_SEQ, HeaderValue::from(badge.applied));
    response.headers_mut().insert(ETAG, tag.into_value());
    response
}

/// The same as [`Found::new`] makes of a [`OneBadge`](crate::badges::me_badge::OneBadge), without what that costs.
pub(crate) fn badge_body(count: u64) -> String {
    let mut body = String::with_capacity(BADGE_BODY_BYTES);
    write!(body, r#"{{"RC":0,"RM":"OK","result":{{"badge":{count}}}}}"#).expect("a String takes every text");
    body
}

/// What an endpoint has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) body: Vec<u8>,
    /// Every event up to this stream sequence is in it.
    pub(crate) applied: u64,
}

/// `result` in IMKit's shape.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}Answer")]
pub(crate) struct Fine<'a, T> {
    /// 0: there is a result.
    #[serde(rename = "RC")]
    #[schemars(extend("const" = 0))]
    code: u32,
    #[serde(rename = "RM")]
    #[schemars(extend("const" = "OK"))]
    text: &'static str,
    result: &'a T,
}

impl Found {
    /// The body has `result` in IMKit's shape.
    pub(crate) fn new(result: &impl Serialize, applied: u64) -> Self {
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

/// The asker has the body of this answer already, which has so many bytes; it is as fresh as `applied` says.
pub(crate) fn not_modified(applied: u64, tag: EntityTag, length: usize) -> Response {
    let mut response = unchanged(tag, length);
    response.headers_mut().insert(BADGE_SEQ, HeaderValue::from(applied));
    response
}

/// The same, of what is not made of the counts.
pub(crate) fn unchanged(tag: EntityTag, length: usize) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ETAG, tag.into_value());
    // RFC 9110, section 8.6: it is that of the body which is not sent.
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
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
    let text = status.canonical_reason().unwrap_or_default();
    let mut response = json(status, error_body(status, text, code, message));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    }
    response
}

/// What is wrong, in the shape of all errors.
pub(crate) fn error_body(status: StatusCode, text: &str, code: &str, message: &str) -> String {
    json!({ "RC": status.as_u16(), "RM": text, "error": { "code": code, "message": message } }).to_string()
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
