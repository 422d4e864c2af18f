//! Counters with a real store below, as the consumer drives them.

use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, io};

use counters::{Applied, Counters, MutedRooms, OwnMessages, Policies};
use events::Event;
use oracle::Oracle;
use oracle::history::{History, ROOMS, TAGS, TENANTS, USERS, Variant};
use oracle::script::Script;
use store::{
    Bytes, Database, DeadLetter, Digest, Metrics, OpenError, Options, Position, RowChanges, Rows, Scan, Sled,
    Store, StoreError,
};

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
    Options { id_cache_bytes: 1 << 20, ..Options::new(data_dir, policies) }
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

/// What happens at the next batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    Error,
    Panic,
    /// Already when rows are read.
    PanicAtRead,
    /// It takes this long.
    Hang(Duration),
    /// The first of the rows that a new store is filled with is not there afterwards.
    Lose,
}

/// Sled, with a disk of any size, with faults, and with its rows in the hands of the test.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    pub(crate) free_bytes: AtomicU64,
    pub(crate) fault: Arc<Mutex<Fault>>,
    rows: Mutex<Option<Arc<dyn Rows>>>,
}

impl Default for TestDatabase {
    fn default() -> Self {
        Self { free_bytes: AtomicU64::new(u64::MAX), fault: Arc::default(), rows: Mutex::default() }
    }
}

impl TestDatabase {
    /// Of the database opened last.
    pub(crate) fn rows(&self) -> Arc<dyn Rows> {
        self.rows.lock().unwrap().take().unwrap()
    }
}

impl Database for TestDatabase {
    fn open(&self, directory: &Path) -> Result<Arc<dyn Rows>, sled::Error> {
        let sled = Sled { cache_bytes: 1 << 20 }.open(directory)?;
        let rows: Arc<dyn Rows> = Arc::new(FaultyRows { sled, fault: self.fault.clone() });
        *self.rows.lock().unwrap() = Some(rows.clone());
        Ok(rows)
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.free_bytes.load(Ordering::SeqCst))
    }
}

#[derive(Debug)]
struct FaultyRows {
    sled: Arc<dyn Rows>,
    fault: Arc<Mutex<Fault>>,
}

impl Rows for FaultyRows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, sled::Error> {
        self.sled.get(key)
    }

    fn scan(&self, from: &[u8]) -> Scan<'_> {
        let fault = *self.fault.lock().unwrap();
        assert_ne!(fault, Fault::PanicAtRead, "it smells");
        self.sled.scan(from)
    }

    fn apply(&self, changes: RowChanges) -> Result<(), sled::Error> {
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::None | Fault::PanicAtRead | Fault::Lose => {}
            Fault::Error => return Err(sled::Error::Io(io::Error::other("it smells"))),
            Fault::Panic => panic!("it smells"),
            Fault::Hang(time) => std::thread::sleep(time),
        }
        self.sled.apply(changes)
    }

    fn fill(&self, rows: Vec<(Bytes, Bytes)>) -> Result<(), sled::Error> {
        let is_lossy = *self.fault.lock().unwrap() == Fault::Lose;
        self.sled.fill(if is_lossy { rows[1..].to_vec() } else { rows })
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.sled.sync()
    }
}

/// The file that says how the generation in use was left.
pub(crate) fn marker(data_dir: &Path) -> PathBuf {
    let current = fs::read_to_string(data_dir.join("current")).unwrap();
    data_dir.join("generations").join(current.trim()).join("marker")
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

pub(crate) fn dead_letter(sequence: u64) -> DeadLetter {
    DeadLetter {
        sequence,
        subject: "chat.demo.message.posted".to_owned(),
        dead_subject: "chat-dead.demo.message.posted".to_owned(),
        reason: "first_byte".to_owned(),
        detail: "is 0x00".to_owned(),
        length: 1,
        body: vec![0],
        stored_at_ns: 1_700_000_000_000_000_000,
    }
}

/// The key of the checkpoint's row.
pub(crate) const CHECKPOINT: [u8; 1] = [1];

/// A history that leaves rows in every table but the outbox.
pub(crate) fn full_history() -> History {
    History::generate(3, 300, Variant::Default)
}

/// A store of that history, closed.
pub(crate) fn store_in(dir: &Path) -> Options {
    let history = full_history();
    let options = options(dir, policies(history.policies));
    let mut run = Run::open(&options).unwrap();
    run.apply_all(&history, ..);
    run.commit();
    options
}

pub(crate) fn change_rows(dir: &Path, change: impl FnOnce(&sled::Db)) {
    let db = open_sled(dir);
    change(&db);
    db.flush().unwrap();
}

impl Run {
    pub(crate) fn apply_script(&mut self, text: &str) {
        for step in Script::parse(text).unwrap().steps {
            self.apply(&step.event, step.stored_ms);
        }
    }

    pub(crate) fn apply_all(&mut self, history: &History, places: impl RangeBounds<usize>) {
        let places = (places.start_bound().cloned(), places.end_bound().cloned());
        for (event, stored_ms) in &history.events[places] {
            self.apply(event, *stored_ms);
        }
    }

    pub(crate) fn open(options: &Options) -> Result<Self, OpenError> {
        Ok(Self::of(Store::open(options, &Metrics::default())?))
    }

    pub(crate) fn of((store, counters): (Store, Counters)) -> Self {
        Self { store, counters }
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
