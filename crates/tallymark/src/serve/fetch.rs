//! Fetches keys and asks introspection endpoints: HTTP on threads that no request waits on.

use std::io;
use std::sync::{Arc, OnceLock};

use query::{FETCH_TIMEOUT, Fetch, FetchError, FetchRequest};
use rustls::crypto::ring;
use tokio::runtime::Handle;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error};

/// How long a connection may stay unused: shorter than what servers keep.
const MAX_IDLE: std::time::Duration = std::time::Duration::from_secs(15);

/// Fetches on threads of this runtime.
pub(super) fn fetch(threads: Handle) -> Fetch {
    // Made when it is needed: to read the system's root certificates takes a while.
    let agent = Arc::new(OnceLock::new());
    Arc::new(move |request: FetchRequest| {
        let agent = Arc::clone(&agent);
        let asked = threads.spawn_blocking(move || ask(agent.get_or_init(new_agent), &request));
        Box::pin(async move {
            let ended = |_| Err(FetchError::Unreachable("the process is about to end".to_owned()));
            asked.await.unwrap_or_else(ended)
        })
    })
}

/// It follows no redirects, and asks no proxy: what a URL in the settings names is what is asked.
fn new_agent() -> Agent {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        tracing::warn!(errors = ?found.errors, "no root certificates were found: nothing can be fetched over https");
    }
    let roots = found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .timeout_global(Some(FETCH_TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .max_idle_age(MAX_IDLE)
        .user_agent(concat!("tallymark/", env!("CARGO_PKG_VERSION")))
        .accept("application/json, application/jwk-set+json");
    config.build().into()
}

fn ask(agent: &Agent, request: &FetchRequest) -> Result<Vec<u8>, FetchError> {
    let answer = match &request.form {
        None => agent.get(request.url.as_str()).call(),
        Some(form) => {
            let post = agent.post(request.url.as_str()).content_type("application/x-www-form-urlencoded");
            match &form.authorization {
                Some(authorization) => {
                    post.header("Authorization", authorization.as_str()).send(form.body.as_str())
                }
                None => post.send(form.body.as_str()),
            }
        }
    };
    let failed = |error| match error {
        Error::Timeout(_) => FetchError::TimedOut,
        Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => FetchError::TimedOut,
        Error::BodyExceedsLimit(_) => FetchError::TooLarge(request.most_bytes),
        error => FetchError::Unreachable(error.to_string()),
    };
    let mut answer = answer.map_err(failed)?;
    if answer.status() != ureq::http::StatusCode::OK {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let limit = u64::try_from(request.most_bytes).unwrap_or(u64::MAX);
    answer.body_mut().with_config().limit(limit).read_to_vec().map_err(failed)
}
