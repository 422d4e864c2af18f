//! What is answered to a server, whichever way it goes.

use std::borrow::Cow;

use axum::http::StatusCode;

use crate::answer::{self, Found, Refused};
use crate::refusal::Refusal;

const UNKNOWN_TENANT: &str = "UNKNOWN_TENANT";
const ANSWER_TOO_LARGE: &str = "ANSWER_TOO_LARGE";
const INVALID_SECONDS: &str = "INVALID_SECONDS";
const TOO_MANY_WATCHED: &str = "TOO_MANY_WATCHED";
const OK: &str = "OK";

/// What is answered to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAnswer {
    /// JSON, of the same shape as over HTTP.
    pub body: Cow<'static, [u8]>,
    /// `OK`, or the code of the error.
    pub code: &'static str,
    /// What the status over HTTP would be.
    pub status: u16,
    /// Every event up to this stream sequence is in the answer; `None` for an error.
    pub applied: Option<u64>,
    /// In how many seconds to ask again, where that is worth saying.
    pub retry_after_seconds: Option<u64>,
}

impl ServerAnswer {
    /// Every [`code`](Self::code) that an answer may have.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        let refusals = [
            Refusal::RateLimited,
            Refusal::BodyTooLarge,
            Refusal::InvalidBody,
            Refusal::InvalidUsers,
            Refusal::InvalidRoomTags,
            Refusal::InvalidMinSeq,
            Refusal::NotReady,
            Refusal::NotYet,
            Refusal::Overloaded,
        ];
        let others = [OK, UNKNOWN_TENANT, ANSWER_TOO_LARGE, INVALID_SECONDS, TOO_MANY_WATCHED];
        others.into_iter().chain(refusals.map(Refusal::code))
    }

    /// Whether it is the one that was asked for.
    pub fn is_error(&self) -> bool {
        self.applied.is_none()
    }

    /// There is too much to do.
    pub fn overloaded() -> Self {
        Refusal::Overloaded.into()
    }

    /// The answer is larger than what can be sent.
    pub fn too_large() -> Self {
        let message = "The answer is too large to be sent, ask about fewer users at once";
        Self::error(StatusCode::PAYLOAD_TOO_LARGE, ANSWER_TOO_LARGE, message)
    }

    /// More badges would be watched than may be.
    pub fn too_many_watched() -> Self {
        let message = "Too many badges are watched already";
        Self::error(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY_WATCHED, message)
    }

    pub(super) fn invalid_seconds() -> Self {
        let message = "seconds must be one integer from 0 to 3600";
        Self::error(StatusCode::BAD_REQUEST, INVALID_SECONDS, message)
    }

    pub(super) fn unknown_tenant() -> Self {
        Self::error(StatusCode::UNAUTHORIZED, UNKNOWN_TENANT, "There is no such tenant")
    }

    fn error(status: StatusCode, code: &'static str, message: &str) -> Self {
        // What IMKit says for 400 in all answers.
        let text =
            if status == StatusCode::BAD_REQUEST { Refusal::InvalidBody.text() } else { reason(status) };
        let body = answer::error_body(status, text, code, message).into_bytes().into();
        Self { body, code, status: status.as_u16(), applied: None, retry_after_seconds: None }
    }

    pub(super) fn found(found: Found) -> Self {
        let (body, applied) = (found.body.into(), Some(found.applied));
        Self { body, code: OK, status: StatusCode::OK.as_u16(), applied, retry_after_seconds: None }
    }
}

impl From<Refusal> for ServerAnswer {
    fn from(refusal: Refusal) -> Self {
        Refused::from(refusal).into()
    }
}

impl From<Refused> for ServerAnswer {
    fn from(refused: Refused) -> Self {
        let refusal = refused.refusal;
        let retry_after_seconds = refused.retry_after();
        let body = match refused.body() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        let (code, status) = (refusal.code(), refusal.status().as_u16());
        Self { body, code, status, applied: None, retry_after_seconds }
    }
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or_default()
}
