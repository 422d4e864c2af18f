//! How bytes are had from elsewhere. This crate has no HTTP client: whoever uses it gives it one.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long one question may take, from looking up the name to the last byte of the answer.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks for bytes, within [`FETCH_TIMEOUT`] and the bound of the question. No redirect may be followed: it would
/// lead where nobody has allowed it.
pub type Fetch = Arc<dyn Fn(FetchRequest) -> Fetching + Send + Sync>;

/// An answer that is being waited for, without holding a thread of the listener.
pub type Fetching = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send>>;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// `https`, or `http` to this machine.
    pub url: String,
    /// What is posted; `None`: the URL is only read.
    pub form: Option<Form>,
    /// What is longer than that is refused.
    pub most_bytes: usize,
}

/// What is posted, as `application/x-www-form-urlencoded`.
#[derive(Clone, PartialEq, Eq)]
pub struct Form {
    /// The fields, encoded.
    pub body: String,
    /// The value of the header `Authorization`.
    pub authorization: Option<String>,
}

/// Both parts are secrets.
impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Form(not shown)")
    }
}

/// Why there are no bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No connection, or it broke.
    #[error("can't be reached: {0}")]
    Unreachable(String),
    /// Another status than 200.
    #[error("answered with status {0}, expected 200")]
    Status(u16),
    /// More than was allowed.
    #[error("answered with more than {0} bytes")]
    TooLarge(usize),
    /// Longer than was allowed.
    #[error("did not answer within {FETCH_TIMEOUT:?}")]
    TimedOut,
}

/// Asks, and holds the one who answers to the bounds.
pub(crate) async fn fetch(with: &Fetch, request: FetchRequest) -> Result<Vec<u8>, FetchError> {
    let most_bytes = request.most_bytes;
    // A little longer than the client itself waits, whose reason says more.
    let patience = FETCH_TIMEOUT + Duration::from_millis(500);
    let bytes = tokio::time::timeout(patience, with(request)).await;
    let bytes = bytes.unwrap_or(Err(FetchError::TimedOut))?;
    if bytes.len() > most_bytes { Err(FetchError::TooLarge(most_bytes)) } else { Ok(bytes) }
}
