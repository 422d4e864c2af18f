//! The headers that say who asks.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

const CLIENT_KEY: HeaderName = HeaderName::from_static("im-client-key");
const API_KEY: HeaderName = HeaderName::from_static("im-api-key");
const AUTHORIZATION: HeaderName = HeaderName::from_static("im-authorization");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The value of `IM-CLIENT-KEY`, if it was sent exactly once.
pub(crate) fn client_key(headers: &HeaderMap) -> Option<&[u8]> {
    single(headers, &CLIENT_KEY).map(HeaderValue::as_bytes)
}

/// The value of `IM-API-KEY`, if it was sent exactly once.
pub(crate) fn api_key(headers: &HeaderMap) -> Option<&[u8]> {
    single(headers, &API_KEY).map(HeaderValue::as_bytes)
}

/// The value of `Last-Event-ID`: `None` if it was not sent, an error if it was sent more than once or can't be read.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Option<Result<&str, ()>> {
    headers
        .contains_key(&LAST_EVENT_ID)
        .then(|| single(headers, &LAST_EVENT_ID).and_then(|value| value.to_str().ok()).ok_or(()))
}

/// The token in `IM-Authorization`, bare or after `Bearer`, if it was sent exactly once.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let value = single(headers, &AUTHORIZATION)?.to_str().ok()?;
    match value.split_once(' ') {
        None => Some(value),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim_start_matches(' ')),
        Some(_) => None,
    }
}

/// A header sent twice may have been read differently by whoever stands before us, so it is no
/// better than none.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}
