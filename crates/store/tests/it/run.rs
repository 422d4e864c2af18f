//! Counters with a real store below, as the consumer drives them.

use std::path::Path;
use std::time::{Duration, Instant};

use counters::{Applied, Counters, MutedRooms, OwnMessages, Policies};
use events::Event;
use oracle::Oracle;
use oracle::history::{ROOMS, TAGS, TENANTS, USERS};
use store::{Digest, Metrics, OpenError, Options, Position, Store};

pub(crate) struct Run {
    pub(crate) store: Store,
    pub(crate) counters: Counters,
}

pub(crate) fn policies(policies: oracle::Policies) -> Policies {
    let own_messages = match policies.own_messages {
        oracle::OwnMessages::Exclude => OwnMessages::Exclude,
        oracle::OwnMessages::MarkRead => OwnMessages::MarkRead,
    };
    Policies { own_messages, message_window: policies.message_window }
}

pub(crate) fn options(data_dir: &Path, policies: Policies) -> Options {
    let data_dir = data_dir.to_owned();
    Options { data_dir, policies, id_cache_bytes: 1 << 20, sled_cache_bytes: 1 << 20 }
}

/// The rows themselves. Sled's threads let go of its files some time after it was closed.
pub(crate) fn open_sled(data_dir: &Path) -> sled::Db {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match sled::open(data_dir.join("generations/1")) {
            Ok(db) => return db,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Run {
    pub(crate) fn open(options: &Options) -> Result<Self, OpenError> {
        let (store, counters) = Store::open(options, &Metrics::default())?;
        Ok(Self { store, counters })
    }

    pub(crate) fn apply(&mut self, event: &Event<'_>, stored_ms: u64) -> Applied {
        let located = self.counters.locate(event);
        let found = located
            .message()
            .and_then(|(room, key)| self.store.find(&self.counters, room, &key).expect("the store reads"));
        let applied = self.counters.apply(event, located, found, stored_ms).expect("no bound is near");
        if let Some(room) = applied.deleted {
            self.store.forget(room);
        }
        if let Some(remember) = applied.remember {
            self.store.remember(&self.counters, &remember).expect("the store reads");
        }
        self.counters.advance(self.counters.applied() + 1);
        applied
    }

    /// Hands a commit to the writing thread.
    pub(crate) fn begin_commit(&mut self) {
        let position = Position { applied: self.counters.applied(), ..Position::default() };
        self.store.commit(&mut self.counters, position).expect("the store writes");
    }

    /// Commits and waits until it is on disk.
    pub(crate) fn commit(&mut self) -> Digest {
        self.begin_commit();
        self.store.wait().expect("the store writes");
        assert_eq!(self.store.durable().sequence(), self.counters.applied());
        self.store.digest()
    }

    pub(crate) fn compare(&self, oracle: &Oracle, place: &str) {
        let reader = self.counters.reader();
        for tenant in TENANTS {
            for user in USERS {
                for tags in [&[][..], &TAGS[..1], &TAGS[..2]] {
                    let badge = reader.badge(tenant, user, tags, MutedRooms::Skip).count;
                    assert_eq!(
                        badge,
                        oracle.badge(tenant, user, tags, true),
                        "{place}: {tenant} {user}#{tags:?}"
                    );
                }
                for room in ROOMS {
                    let found = self.counters.user(tenant, user).zip(self.counters.room(tenant, room));
                    let unread = found.and_then(|(user, room)| self.counters.unread(user, room));
                    assert_eq!(unread, oracle.unread(tenant, user, room), "{place}: {tenant} {user}@{room}");
                    let mentions = found.and_then(|(user, room)| self.counters.mentions(user, room));
                    assert_eq!(
                        mentions,
                        oracle.mentions(tenant, user, room),
                        "{place}: {tenant} {user}!{room}"
                    );
                }
            }
        }
    }
}
