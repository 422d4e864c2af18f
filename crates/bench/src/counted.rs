//! Counters with a store below, driven as the service drives them, without a stream.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use counters::{Counters, Outcome, Policies};
use events::{Body, Event, Id, MessagePosted, RoomJoined, RoomTagged, Tag, Tenant};
use store::{Metrics, Options, Position, Sled, Store};

/// The service's default: how long a change may wait for its commit.
pub const COMMIT_INTERVAL: Duration = Duration::from_millis(250);
/// The service's default: how much may wait for a commit.
pub const PENDING_BYTES: usize = 64 << 20;
/// The service's default of the store's cache.
pub const SLED_CACHE_BYTES: u64 = 1 << 20;
/// The service's default of memory for remembered ids.
pub const ID_CACHE_BYTES: usize = 256 << 20;
/// Looking at the clock for each event would be part of what is measured.
const EVENTS_BETWEEN_LOOKS: usize = 64;

/// Whose events they are.
pub const TENANT: &str = "demo";

/// Counters and their store.
#[derive(Debug)]
pub struct Counted {
    /// The one writer's side.
    pub counters: Counters,
    store: Store,
    committed_at: Instant,
    looks: usize,
}

/// What happens to an event, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Finding the room that the event names.
    Locate,
    /// Looking its message id up.
    Find,
    /// Applying the event.
    Apply,
    /// Remembering its message id.
    Remember,
    /// Making a commit and handing it over, with waiting for the one before.
    Commit,
}

impl Step {
    /// All of them, in order, with their names.
    pub const ALL: [(Self, &str); 5] = [
        (Self::Locate, "locating"),
        (Self::Find, "finding"),
        (Self::Apply, "applying"),
        (Self::Remember, "remembering"),
        (Self::Commit, "committing"),
    ];
}

/// When to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// Every 250 ms, or when 64 MiB wait, as the service does.
    AsTheService,
    /// When 64 MiB wait.
    WhenFull,
}

/// The service's defaults, but for these.
pub fn options(data_dir: &Path, message_window: u32, id_cache_bytes: usize) -> Options {
    let policies = Policies { message_window, ..Policies::default() };
    let database = Arc::new(Sled { cache_bytes: SLED_CACHE_BYTES });
    Options { id_cache_bytes, database, ..Options::new(data_dir, policies) }
}

impl Counted {
    /// An empty one, or the one that is there.
    pub fn open(options: &Options, metrics: &Metrics) -> Result<Self> {
        let (store, counters) = Store::open(options, metrics)?;
        Ok(Self { counters, store, committed_at: Instant::now(), looks: 0 })
    }

    /// One event that must change something.
    pub fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        self.apply_noting(event, |_| {})
    }

    /// The same, saying when each step is done.
    pub fn apply_noting(&mut self, event: &Event<'_>, mut done: impl FnMut(Step)) -> Result<()> {
        let located = self.counters.locate(event);
        done(Step::Locate);
        let found = match located.message() {
            Some((room, key)) => self.store.find(&self.counters, room, &key)?,
            None => None,
        };
        done(Step::Find);
        let applied = self.counters.apply(event, located, found, 1_700_000_000_000)?;
        done(Step::Apply);
        if let Some(remember) = &applied.remember {
            self.store.remember(&self.counters, remember)?;
        }
        done(Step::Remember);
        ensure!(applied.outcome == Outcome::Changed, "the benchmark's event changed nothing");
        self.counters.advance(self.counters.applied() + 1);
        Ok(())
    }

    /// To be called after each event.
    pub fn commit_if_due(&mut self, commits: Commits) -> Result<()> {
        self.looks += 1;
        if !self.looks.is_multiple_of(EVENTS_BETWEEN_LOOKS) {
            return Ok(());
        }
        let pending = self.store.pending_bytes(&self.counters);
        let is_time = commits == Commits::AsTheService && self.committed_at.elapsed() >= COMMIT_INTERVAL;
        if pending >= PENDING_BYTES || ((is_time || pending >= PENDING_BYTES / 2) && !self.store.is_busy()?) {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let position = Position { applied: self.counters.applied(), ..Position::default() };
        self.store.commit(&mut self.counters, position)?;
        self.committed_at = Instant::now();
        Ok(())
    }

    /// Commits, and waits until all is on disk.
    pub fn finish(&mut self) -> Result<()> {
        self.commit()?;
        self.store.wait()?;
        self.committed_at = Instant::now();
        Ok(())
    }
}

fn event(body: Body<'static>) -> Result<Event<'static>> {
    Ok(Event { tenant: Tenant::new(TENANT)?, body })
}

fn id(text: String) -> Result<Id<'static>> {
    Ok(Id::new(text)?)
}

/// A countable post.
pub fn posted(room: &str, message: usize, sender: &str) -> Result<Event<'static>> {
    event(Body::MessagePosted(MessagePosted {
        room: id(room.to_owned())?,
        message: id(format!("01HQ{message:016}"))?,
        sender: id(sender.to_owned())?,
        at: None,
        silent: false,
        mentions: Vec::new(),
        mention_all: false,
    }))
}

/// Users join a room.
pub fn joined(room: &str, users: impl Iterator<Item = String>) -> Result<Event<'static>> {
    event(Body::RoomJoined(RoomJoined {
        room: id(room.to_owned())?,
        users: users.map(id).collect::<Result<_>>()?,
        history: events::History::None,
    }))
}

/// A room gets these tags in place of those it has.
pub fn tagged(room: &str, tags: &[&'static str]) -> Result<Event<'static>> {
    event(Body::RoomTagged(RoomTagged {
        room: id(room.to_owned())?,
        tags: tags.iter().map(|tag| Tag::new(*tag)).collect::<Result<_, _>>()?,
    }))
}
