//! The answers that a listener gives by itself, to requests that no route sees.

use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode, Version};
use axum::response::Response;

use crate::answer;

/// When to ask again after `OVERLOADED`, in seconds: a peak of requests is over sooner than that.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Why a request is answered by the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.code())]
pub(crate) enum TurnedAway {
    BadRequest,
    BodyTimeout,
    BodyTooLarge,
    UriTooLong,
    HeadersTooLarge,
    Overloaded,
}

impl TurnedAway {
    /// Every reason, in the order of declaration.
    pub(crate) const ALL: [Self; 6] = [
        Self::BadRequest,
        Self::BodyTimeout,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::HeadersTooLarge,
        Self::Overloaded,
    ];

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The code in the body and in the metrics.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::BodyTimeout => "BODY_TIMEOUT",
            Self::BodyTooLarge => "BODY_TOO_LARGE",
            Self::UriTooLong => "URI_TOO_LONG",
            Self::HeadersTooLarge => "HEADERS_TOO_LARGE",
            Self::Overloaded => "OVERLOADED",
        }
    }

    pub(crate) fn body(self) -> &'static str {
        match self {
            Self::BadRequest => {
                r#"{"RC":400,"RM":"Bad Request","error":{"code":"BAD_REQUEST","message":"This is not a well-formed HTTP request"}}"#
            }
            Self::BodyTimeout => {
                r#"{"RC":408,"RM":"Request Timeout","error":{"code":"BODY_TIMEOUT","message":"The body took too long to arrive"}}"#
            }
            Self::BodyTooLarge => {
                r#"{"RC":413,"RM":"Payload Too Large","error":{"code":"BODY_TOO_LARGE","message":"The body is too large"}}"#
            }
            Self::UriTooLong => {
                r#"{"RC":414,"RM":"URI Too Long","error":{"code":"URI_TOO_LONG","message":"The path and the query string are too long"}}"#
            }
            Self::HeadersTooLarge => {
                r#"{"RC":431,"RM":"Request Header Fields Too Large","error":{"code":"HEADERS_TOO_LARGE","message":"The headers are too large or too many"}}"#
            }
            Self::Overloaded => {
                r#"{"RC":503,"RM":"Service Unavailable","error":{"code":"OVERLOADED","message":"There is too much to do, ask again later"}}"#
            }
        }
    }

    /// Whether nothing more is read from a connection with HTTP/1: the client may still be sending what it was refused for.
    pub(super) fn closes(self) -> bool {
        self != Self::Overloaded
    }

    /// The answer to a request of that version.
    pub(crate) fn answer(self, version: Version) -> Response {
        let mut response = answer::json(self.status(), self.body());
        let headers = response.headers_mut();
        if self == Self::Overloaded {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        if self.closes() && version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The answer as HTTP/1.1 bytes, with nothing behind it on its connection.
    pub(super) fn bytes(self) -> Vec<u8> {
        let (status, body) = (self.status(), self.body());
        let reason = status.canonical_reason().unwrap_or_default();
        let retry_after = if self == Self::Overloaded { "retry-after: 1\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n{retry_after}\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            status.as_u16(),
            body.len(),
        );
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Version;
    use serde_json::Value;

    use super::TurnedAway;

    #[test]
    fn every_body_says_what_its_status_says() {
        for reason in TurnedAway::ALL {
            let body: Value = serde_json::from_str(reason.body()).unwrap();
            assert_eq!(body["RC"], reason.status().as_u16(), "{reason:?}");
            assert_eq!(body["error"]["code"], reason.code(), "{reason:?}");
            assert!(body["RM"].as_str().is_some_and(|text| !text.is_empty()), "{reason:?}");
            let bytes = String::from_utf8(reason.bytes()).unwrap();
            assert!(bytes.ends_with(&format!(
                "content-length: {}\r\n\r\n{}",
                reason.body().len(),
                reason.body()
            )));
        }
    }

    /// HTTP/2 has no such header, and one connection for many requests.
    #[test]
    fn only_a_connection_of_http_1_ends_with_a_refusal() {
        for (version, closes) in
            [(Version::HTTP_11, true), (Version::HTTP_10, true), (Version::HTTP_2, false)]
        {
            let answer = TurnedAway::UriTooLong.answer(version);
            assert_eq!(answer.headers().contains_key("connection"), closes, "{version:?}");
        }
        let overloaded = TurnedAway::Overloaded.answer(Version::HTTP_11);
        assert_eq!(overloaded.headers()["retry-after"], "1");
        assert!(!overloaded.headers().contains_key("connection"));
    }
}
