//! Asking whoever issued a token what it is worth (RFC 7662).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

use crate::Clock;
use crate::admission::since_epoch;
use crate::fetch::{Fetch, FetchRequest, Form, fetch};
use crate::fingerprint::Fingerprint;
use crate::tokens::TokenKey;

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How many questions are under way at once.
const LANES: usize = 16;

/// How many requests may wait for their question, or for somebody else's.
const MAX_WAITING: usize = 256;

/// After a question that failed, for so long nobody asks again: all who wait would wait as long as the first.
const PAUSE: Duration = Duration::from_secs(1);

/// For how long a token that is not good is remembered, at the most.
const MAX_REFUSED: Duration = Duration::from_secs(10);

/// Never, as a time at which a question failed.
const NEVER: u64 = u64::MAX;

/// All but what may stand as it is (RFC 3986, section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An introspection endpoint. All clones are one.
#[derive(Clone)]
pub struct Introspection(Arc<Inner>);

struct Inner {
    url: String,
    authorization: Option<String>,
    holds: Duration,
    fetch: Fetch,
    fingerprint: Fingerprint,
    /// A token goes by its hash: it is not asked for twice at once, and nobody else asks in its lane.
    lanes: [Mutex<()>; LANES],
    waiting: Semaphore,
    /// When a question failed last, in milliseconds since the Unix epoch.
    failed_at: AtomicU64,
}

/// What a service shows of itself when it asks, by HTTP Basic.
#[derive(Clone)]
pub struct ClientCredentials {
    /// Its name at the authorization server.
    pub id: String,
    /// Its secret there.
    pub secret: String,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What the endpoint said.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// The token is good, and this is what it claims.
    Active(Map<String, Value>),
    /// It is not.
    Inactive,
}

/// Why the endpoint said nothing that can be used.
#[derive(Debug)]
pub(crate) struct Unavailable;

impl Introspection {
    /// An answer holds for that long at the most, and no longer than the token.
    pub fn new(url: String, client: Option<&ClientCredentials>, holds: Duration, fetch: Fetch) -> Self {
        let id = client.map_or("", |client| client.id.as_str());
        let fingerprint = Fingerprint::of(&[
            b"introspection",
            url.as_bytes(),
            id.as_bytes(),
            &holds.as_nanos().to_le_bytes(),
        ]);
        Self(Arc::new(Inner {
            url,
            authorization: client.map(basic),
            holds,
            fetch,
            fingerprint,
            lanes: [const { Mutex::const_new(()) }; LANES],
            waiting: Semaphore::new(MAX_WAITING),
            failed_at: AtomicU64::new(NEVER),
        }))
    }

    /// For how long an answer holds.
    pub(crate) fn holds(&self) -> Duration {
        self.0.holds
    }

    /// For how long it holds that a token is not good.
    pub(crate) fn refusal_holds(&self) -> Duration {
        self.0.holds.min(MAX_REFUSED)
    }

    /// The same for the same endpoint, asked by the same client as often.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// A place among those who wait, if one is left.
    pub(crate) fn wait(&self) -> Option<SemaphorePermit<'_>> {
        self.0.waiting.try_acquire().ok()
    }

    /// Waits until nobody asks for this token.
    pub(crate) async fn lane(&self, (_, hash): &TokenKey) -> MutexGuard<'_, ()> {
        self.0.lanes[usize::from(hash[0]) % LANES].lock().await
    }

    /// Asks. Whoever does has the token's lane. The clock is read again when something failed.
    pub(crate) async fn ask(&self, token: &str, clock: &Clock) -> Result<Said, Unavailable> {
        let Inner { url, authorization, failed_at, .. } = &*self.0;
        let failed = failed_at.load(Ordering::Relaxed);
        if failed != NEVER && u128::from(ms(clock).abs_diff(failed)) < PAUSE.as_millis() {
            return Err(Unavailable);
        }
        let body = format!("token={}&token_type_hint=access_token", utf8_percent_encode(token, ENCODED));
        let request = FetchRequest {
            url: url.clone(),
            form: Some(Form { body, authorization: authorization.clone() }),
            most_bytes: MAX_ANSWER_BYTES,
        };
        let why = match fetch(&self.0.fetch, request).await {
            Ok(answer) => match said(&answer) {
                Some(said) => return Ok(said),
                None => "answered with something else than RFC 7662 has it".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        failed_at.store(ms(clock), Ordering::Relaxed);
        tracing::warn!(url, why, "tokens can't be introspected");
        Err(Unavailable)
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Introspection").field(&self.0.url).finish()
    }
}

fn ms(clock: &Clock) -> u64 {
    u64::try_from(since_epoch(clock()).as_millis()).unwrap_or(NEVER)
}

/// An answer without `active` says nothing. What is null is not there.
fn said(answer: &[u8]) -> Option<Said> {
    let mut claims: Map<String, Value> = serde_json::from_slice(answer).ok()?;
    match claims.get("active")?.as_bool()? {
        true => {
            claims.retain(|_, claim| !claim.is_null());
            Some(Said::Active(claims))
        }
        false => Some(Said::Inactive),
    }
}

/// RFC 6749, section 2.3.1: both parts are form-urlencoded first.
fn basic(client: &ClientCredentials) -> String {
    let encoded = |text| utf8_percent_encode(text, ENCODED);
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(&client.id), encoded(&client.secret))))
}
