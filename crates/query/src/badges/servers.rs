//! The questions of a tenant's servers that come another way than over HTTP: what is there to be read, decided and
//! written, without the way.

mod answer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::of_tokens::OfUsers;
use super::of_users::{AboutUsers, MOST_BODY_BYTES};
use super::{Badges, Public};
use crate::answer::{Found, Refused};
use crate::question::MAX_MIN_SEQ;
use crate::refusal::Refusal;

pub use answer::ServerAnswer;

/// For how long badges are watched by who does not say it, and at the most.
const WATCH_SECONDS: u64 = 300;
const MOST_WATCH_SECONDS: u64 = 3_600;

/// Answers the servers of tenants. Whoever takes their questions has made sure that they are of that tenant. All clones
/// are one.
#[derive(Clone)]
pub struct Servers(Arc<Badges>);

/// A question that was taken, and may have to wait.
pub struct ServerQuestion {
    badges: Arc<Badges>,
    tenant: String,
    about: AboutUsers<'static>,
    numbers: Numbers,
}

/// What a body may have beside its lists.
#[derive(Default)]
struct Numbers {
    min_seq: Option<u64>,
    /// For how long to watch.
    seconds: u64,
}

#[derive(Deserialize)]
struct MinSeq {
    #[serde(default, rename = "minSeq")]
    min_seq: Option<u64>,
}

#[derive(Deserialize)]
struct Seconds {
    #[serde(default)]
    seconds: Option<u64>,
}

/// `result` of an answer to who watches.
#[derive(Serialize)]
struct Watching<'a> {
    #[serde(flatten)]
    of_users: OfUsers<'a>,
    until: Option<&'a str>,
}

impl Servers {
    /// A question of more bytes is refused unread.
    pub const MOST_QUESTION_BYTES: usize = MOST_BODY_BYTES;

    /// Answers from what the public routes answer from, and counts against the same rates.
    pub fn new(public: Public) -> Self {
        Self(Arc::new(Badges::new(public)))
    }

    /// Whether a tenant of that name may ask.
    pub fn knows(&self, tenant: &str) -> bool {
        self.0.admission().named(tenant).is_some()
    }

    /// Reads a question: a body as of `POST /users/badges`, which may have `minSeq` in it. This name need not be a tenant's;
    /// one that is none, and what can't be asked, is answered at once.
    pub fn question(&self, tenant: &str, body: &[u8], now: Instant) -> Result<ServerQuestion, ServerAnswer> {
        self.read(tenant, body, now, |body| Ok(Numbers { min_seq: min_seq(body)?, ..Numbers::default() }))
    }

    /// The same of somebody who also wants to watch these badges for some `seconds`.
    pub fn watch(&self, tenant: &str, body: &[u8], now: Instant) -> Result<ServerQuestion, ServerAnswer> {
        self.read(tenant, body, now, |body| Ok(Numbers { min_seq: min_seq(body)?, seconds: seconds(body)? }))
    }

    fn read(
        &self,
        tenant: &str,
        body: &[u8],
        now: Instant,
        numbers: impl FnOnce(&[u8]) -> Result<Numbers, ServerAnswer>,
    ) -> Result<ServerQuestion, ServerAnswer> {
        let badges = &self.0;
        let Some(asked) = badges.admission().named(tenant) else {
            return Err(ServerAnswer::unknown_tenant());
        };
        let rates = &badges.public.rates;
        let admitted = rates.admit(&asked.tenant().name, None, now).map_err(Refused::limited);
        admitted?;
        if body.len() > MOST_BODY_BYTES {
            return Err(Refusal::BodyTooLarge.into());
        }
        let about = AboutUsers::parse(body)?.into_owned();
        let numbers = numbers(body)?;
        Ok(ServerQuestion { badges: Arc::clone(badges), tenant: asked.tenant().name.clone(), about, numbers })
    }
}

impl ServerQuestion {
    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Who is asked about, each once.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.about.users.iter().map(|user| &**user)
    }

    /// The tags of the rooms that are asked about, each once; without any, it is all rooms.
    pub fn room_tags(&self) -> impl Iterator<Item = &str> {
        self.about.tags.iter()
    }

    /// For how long to watch; zero: no longer.
    pub fn watch_lasts(&self) -> Duration {
        Duration::from_secs(self.numbers.seconds)
    }

    /// Whether there is something to wait for before it is answered.
    pub fn waits(&self) -> bool {
        self.numbers.min_seq.is_some()
    }

    /// Waits until that is there, but not for ever.
    pub async fn wait(&self) {
        if let Some(min_seq) = self.numbers.min_seq {
            self.badges.wait(min_seq).await;
        }
    }

    /// What is answered now. Takes as long as the rooms of all users that are asked about.
    pub fn answer(&self) -> ServerAnswer {
        self.found(|of_users, applied| Found::new(&of_users, applied))
    }

    /// The same for who watches, until the time that is written there.
    pub fn answer_watching(&self, until: Option<&str>) -> ServerAnswer {
        self.found(|of_users, applied| Found::new(&Watching { of_users, until }, applied))
    }

    fn found(&self, written: impl FnOnce(OfUsers<'_>, u64) -> Found) -> ServerAnswer {
        let found = self.badges.about_users(&self.tenant, &self.about, self.numbers.min_seq);
        match found {
            Ok((of_users, applied)) => ServerAnswer::found(written(of_users, applied)),
            Err(refused) => refused.into(),
        }
    }
}

/// `minSeq` in a body whose lists were read before.
fn min_seq(body: &[u8]) -> Result<Option<u64>, Refusal> {
    let MinSeq { min_seq } = serde_json::from_slice(body).map_err(|_| Refusal::InvalidMinSeq)?;
    match min_seq {
        Some(sequence) if sequence > MAX_MIN_SEQ => Err(Refusal::InvalidMinSeq),
        min_seq => Ok(min_seq),
    }
}

/// `seconds` in a body whose lists were read before.
fn seconds(body: &[u8]) -> Result<u64, ServerAnswer> {
    let Seconds { seconds } = serde_json::from_slice(body).map_err(|_| ServerAnswer::invalid_seconds())?;
    let seconds = seconds.unwrap_or(WATCH_SECONDS);
    if seconds > MOST_WATCH_SECONDS { Err(ServerAnswer::invalid_seconds()) } else { Ok(seconds) }
}
