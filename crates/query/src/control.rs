//! The operator's routes that change something: only for who has the operator's token.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::answer;
use crate::operator::Operator;

/// What operators may have done.
pub struct Control {
    /// SHA-256 of the token: of one length, whatever the token's, so that it is compared in constant time.
    token: [u8; 32],
    /// Asks for a snapshot of everything that is in the counts; says up to which sequence that is.
    snapshot: Box<dyn Fn() -> Result<u64, Refused> + Send + Sync>,
    /// Begins to put a generation in place of the one in use.
    activate: Box<dyn Fn(u64) -> Result<(), Refused> + Send + Sync>,
}

/// Why nothing was done, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

impl Control {
    /// For whoever has this token. Both functions have to return at once.
    pub fn new(
        token: &str,
        snapshot: impl Fn() -> Result<u64, Refused> + Send + Sync + 'static,
        activate: impl Fn(u64) -> Result<(), Refused> + Send + Sync + 'static,
    ) -> Self {
        let token = Sha256::digest(token.as_bytes()).into();
        Self { token, snapshot: Box::new(snapshot), activate: Box::new(activate) }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(only), None) = (given.next(), given.next()) else { return false };
        let Some((scheme, token)) = only.as_bytes().split_first_chunk::<7>() else { return false };
        let token: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(token[..].ct_eq(&self.token[..]))
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Control").finish_non_exhaustive()
    }
}

/// Lets only those through who have the token.
pub(crate) async fn admit(State(operator): State<Arc<Operator>>, request: Request, next: Next) -> Response {
    match &operator.control {
        None => answer::error(
            StatusCode::FORBIDDEN,
            "OPERATOR_TOKEN_NOT_SET",
            "What changes something is off: set http.operator_token or http.operator_token_file to turn it on",
        ),
        Some(control) if control.admits(request.headers()) => next.run(request).await,
        Some(_) => answer::error(
            StatusCode::UNAUTHORIZED,
            "INVALID_OPERATOR_TOKEN",
            "Expected Authorization: Bearer and the token that http.operator_token or http.operator_token_file says",
        ),
    }
}

pub(crate) async fn snapshots(State(operator): State<Arc<Operator>>) -> Response {
    let asked = operator.control.as_ref().map(|control| (control.snapshot)());
    begun(asked.map(|asked| asked.map(|sequence| format!(r#"{{"wanted_sequence":{sequence}}}"#))))
}

pub(crate) async fn activate(State(operator): State<Arc<Operator>>, Path(number): Path<String>) -> Response {
    let Ok(number) = number.parse() else {
        return answer::error(
            StatusCode::BAD_REQUEST,
            "INVALID_GENERATION",
            "The number of a generation was expected, such as 3",
        );
    };
    let asked = operator.control.as_ref().map(|control| (control.activate)(number));
    begun(asked.map(|asked| asked.map(|()| format!(r#"{{"activating":{number}}}"#))))
}

/// Nothing is refused for want of [`Control`] that [`admit`] has let through.
fn begun(asked: Option<Result<String, Refused>>) -> Response {
    match asked {
        Some(Ok(body)) => answer::json(StatusCode::ACCEPTED, body),
        Some(Err(Refused(why))) => answer::error(StatusCode::CONFLICT, "REFUSED", &why),
        None => {
            answer::error(StatusCode::FORBIDDEN, "OPERATOR_TOKEN_NOT_SET", "What changes something is off")
        }
    }
}

/// Any other method at the path of a route that changes something.
pub(crate) async fn only_post() -> Response {
    let mut response =
        answer::error(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "Only POST is allowed here");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}
