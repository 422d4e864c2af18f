//! Badges that are watched while events are applied, held against what the counts say.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::task::{Context, Poll, Wake, Waker};

use counters::{Counters, Policies, TagMode};
use oracle::script::{Script, Step};
use parking_lot::Mutex;

use super::*;

/// Nobody waits so long.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(30);

/// Counts, and a hub that is told of each event.
struct Applier {
    counters: Counters,
    remembered: HashMap<(counters::RoomIndex, events::MessageKey), counters::Remembered>,
    hub: Hub,
    gate: Gate,
    answers: Answers,
    sequence: u64,
}

impl Applier {
    fn new(interval: Duration) -> Self {
        let counters = Counters::new(Policies::default());
        let (answers, gate) = (Answers::from(counters.reader()), Gate::new());
        gate.open();
        let hub = Hub::new(answers.clone(), gate.clone(), MutedRooms::Skip, interval);
        Self { counters, remembered: HashMap::new(), hub, gate, answers, sequence: 0 }
    }

    fn apply(&mut self, script: &str) {
        for step in Script::parse(script).expect("a script").steps {
            self.step(&step);
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        let located = self.counters.locate(&step.event);
        let found = located.message().and_then(|place| self.remembered.get(&place).copied());
        let applied =
            self.counters.apply(&step.event, located, found, step.stored_ms).expect("there is room");
        if let Some(new) = applied.remember {
            self.remembered.insert((new.room, new.key), new.remembered);
        }
        self.sequence += 1;
        self.counters.advance(self.sequence);
        self.hub.applied(&step.event, &applied);
    }
}

/// What is told next, in words.
async fn told(watch: &mut Watch) -> String {
    match tokio::time::timeout(SHORT, watch.next()).await {
        Ok(Seen::Badge(badge)) => badge.count.to_string(),
        Ok(Seen::NotReady) => "not ready".to_owned(),
        Ok(Seen::Stopped) => "stopped".to_owned(),
        Err(_) => "nothing".to_owned(),
    }
}

/// One line a case: `events before | events | what bob is told`, with rooms of the tag `work` alone for the second number.
async fn check(line: &str) {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let mut applier = Applier::new(Duration::ZERO);
    let running = tokio::spawn(applier.hub.clone().run());
    applier.apply(fields[0]);
    let filter = WatchFilter { tags: ["work".into()].into(), ..WatchFilter::default() };
    let mut all = applier.hub.watch("t", "bob", WatchFilter::default());
    let mut work = applier.hub.watch("t", "bob", filter);
    told(&mut all).await;
    told(&mut work).await;
    applier.apply(fields[1]);
    assert_eq!(format!("{}, {}", told(&mut all).await, told(&mut work).await), fields[2], "{line}");
    running.abort();
}

#[tokio::test]
async fn every_event_that_changes_a_badge_is_told() {
    for line in [
        "joined r1 ann,bob | posted r1 m1 by ann | 1, nothing",
        "joined r1 ann,bob; tagged r1 work | posted r1 m1 by ann | 1, 1",
        "joined r1 ann,bob; posted r1 m1 by ann | tagged r1 work | nothing, 1",
        "joined r1 ann,bob; posted r1 m1 by ann; tagged r1 work | tagged r1 - | nothing, 0",
        "joined r1 ann,bob; posted r1 m1 by ann | read r1 bob | 0, nothing",
        "joined r1 ann,bob; posted r1 m1 by ann; read r1 bob | unread r1 bob from m1 | 1, nothing",
        "joined r1 ann,bob; posted r1 m1 by ann | recalled r1 m1 | 0, nothing",
        "joined r1 ann,bob; posted r1 m1 by ann | muted r1 bob | 0, nothing",
        "joined r1 ann,bob; posted r1 m1 by ann | left r1 bob | 0, nothing",
        "joined r1 ann,bob; posted r1 m1 by ann | room_deleted r1 | 0, nothing",
        "joined r1 ann,bob; posted r1 m1 by ann | user_deleted bob | 0, nothing",
        "posted r1 m1 by ann | joined r1 bob history all | 1, nothing",
        "posted r1 m1 by ann | joined r1 bob; posted r1 m2 by ann | 1, nothing",
        "joined r1 ann,bob | posted r1 m1 by bob | nothing, nothing",
        "joined r1 ann,bob | posted r2 m1 by ann | nothing, nothing",
        "joined r1 bob; room_deleted r1 | joined r1 bob; posted r1 m1 by ann | 1, nothing",
    ] {
        check(line).await;
    }
}

#[tokio::test]
async fn the_gate_and_the_end_are_told() {
    let mut applier = Applier::new(Duration::ZERO);
    tokio::spawn(applier.hub.clone().run());
    applier.apply("joined r1 ann,bob; posted r1 m1 by ann");
    let mut watch = applier.hub.watch("t", "bob", WatchFilter::default());
    assert_eq!(told(&mut watch).await, "1");
    applier.gate.close();
    applier.hub.look_again();
    assert_eq!(told(&mut watch).await, "not ready");
    applier.hub.look_again();
    assert_eq!(told(&mut watch).await, "nothing", "it was told");
    applier.gate.open();
    applier.hub.look_again();
    assert_eq!(told(&mut watch).await, "1", "the same number, but it can be trusted again");
    applier.hub.close();
    assert_eq!(told(&mut watch).await, "stopped");
    let mut late = applier.hub.watch("t", "bob", WatchFilter::default());
    assert_eq!(told(&mut late).await, "stopped");
}

/// Other counts, in which bob has other rooms.
#[tokio::test]
async fn when_other_counts_take_over_everybody_looks_again() {
    let mut applier = Applier::new(Duration::ZERO);
    tokio::spawn(applier.hub.clone().run());
    applier.apply("joined r1 ann,bob; posted r1 m1 by ann");
    let mut watch = applier.hub.watch("t", "bob", WatchFilter::default());
    assert_eq!(told(&mut watch).await, "1");
    let mut other = Applier { hub: applier.hub.clone(), ..Applier::new(Duration::ZERO) };
    other.apply("joined r2 ann,bob; posted r2 m1 by ann; posted r2 m2 by ann");
    assert_eq!(told(&mut watch).await, "nothing", "nobody answers from them");
    applier.answers.read_from(other.counters.reader());
    applier.hub.look_again();
    assert_eq!(told(&mut watch).await, "2");
    other.apply("posted r2 m3 by ann");
    assert_eq!(told(&mut watch).await, "3");
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A post wakes those who watch the room, and nobody else; nobody is left behind.
#[tokio::test]
async fn a_post_touches_only_those_who_watch_the_room() {
    let mut applier = Applier::new(Duration::ZERO);
    tokio::spawn(applier.hub.clone().run());
    applier.apply("joined r1 ann,bob; joined r2 ann,cid; joined r3 ann,bob");
    let mut watches =
        ["bob", "bob", "cid", "dan"].map(|user| applier.hub.watch("t", user, WatchFilter::default()));
    for watch in &mut watches {
        assert_eq!(told(watch).await, "0");
    }
    let woken = watches.each_ref().map(|_| Arc::new(Counted::default()));
    let wakers = woken.each_ref().map(|counted| Waker::from(Arc::clone(counted)));
    for (watch, waker) in watches.iter_mut().zip(&wakers) {
        assert!(watch.poll_idle(&mut Context::from_waker(waker)));
    }
    applier.apply("posted r1 m1 by ann");
    tokio::time::sleep(SHORT).await;
    assert_eq!(woken.map(|counted| counted.0.load(Ordering::Relaxed)), [1, 1, 0, 0]);
    let room = |room| applier.hub.0.topics.room("t", room);
    assert!(applier.hub.0.marks.is_watched(room("r3")));
    drop(watches);
    for one in ["r1", "r2", "r3"] {
        assert!(!applier.hub.0.marks.is_watched(room(one)), "{one}");
    }
    assert_eq!(applier.hub.0.watchers.places(), 0);
    assert!(applier.hub.0.watchers.is_empty());
}

/// When it is woken, whoever watches looks at once, and one more message is posted right after that.
struct Hasty(Mutex<Option<(Applier, Watch)>>);

impl Wake for Hasty {
    fn wake(self: Arc<Self>) {
        let mut both = self.0.lock();
        let (applier, watch) = both.as_mut().expect("nobody has taken them");
        let seen = pin!(watch.next()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(seen, Poll::Ready(Seen::Badge(badge)) if badge.count == 1), "{seen:?}");
        applier.apply("posted r1 m2 by ann");
    }
}

/// What comes while those who watch are being woken is not taken for what they are woken for.
#[tokio::test]
async fn what_comes_in_the_midst_of_waking_is_told_too() {
    let mut applier = Applier::new(Duration::ZERO);
    tokio::spawn(applier.hub.clone().run());
    applier.apply("joined r1 ann,bob");
    let mut watch = applier.hub.watch("t", "bob", WatchFilter::default());
    assert_eq!(told(&mut watch).await, "0");
    let hasty = Arc::new(Hasty(Mutex::new(Some((applier, watch)))));
    let waker = Waker::from(Arc::clone(&hasty));
    if let Some((applier, watch)) = &mut *hasty.0.lock() {
        assert!(watch.poll_idle(&mut Context::from_waker(&waker)));
        applier.apply("posted r1 m1 by ann");
    }
    tokio::time::sleep(SHORT).await;
    let (_applier, mut watch) = hasty.0.lock().take().expect("nobody else takes them");
    assert_eq!(told(&mut watch).await, "2");
}

/// Whoever watches has taken what there is to do before the number is read: what comes after the reading is another thing to do.
#[tokio::test]
async fn what_comes_once_the_number_is_read_is_told_too() {
    let mut applier = Applier::new(Duration::ZERO);
    let mut running = pin!(applier.hub.clone().run());
    let mut wake = || assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    applier.apply("joined r1 ann,bob; posted r1 m1 by ann");
    let mut watch = applier.hub.watch("t", "bob", WatchFilter::default());
    let seen = watch.look_by(|watch| {
        let badge = watch.badge();
        applier.apply("posted r1 m2 by ann");
        wake();
        badge
    });
    assert!(matches!(seen, Some(Seen::Badge(badge)) if badge.count == 1), "{seen:?}");
    assert_eq!(told(&mut watch).await, "2");
}

/// Two numbers are never told within the interval, and the last one always is.
#[tokio::test]
async fn numbers_are_coalesced() {
    let interval = Duration::from_millis(100);
    let mut applier = Applier::new(interval);
    tokio::spawn(applier.hub.clone().run());
    applier.apply("joined r1 ann,bob");
    let mut watch = applier.hub.watch("t", "bob", WatchFilter::default());
    let listening = tokio::spawn(async move {
        let mut told = Vec::new();
        while let Ok(Seen::Badge(badge)) = tokio::time::timeout(interval * 10, watch.next()).await {
            told.push((Instant::now(), badge.count));
        }
        told
    });
    for message in 1..=100 {
        applier.apply(&format!("posted r1 m{message} by ann"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told = listening.await.expect("no panic");
    assert_eq!(told.last().map(|(_, count)| *count), Some(100));
    assert!(told.len() > 2, "some on the way: {told:?}");
    for pair in told.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= interval - Duration::from_millis(2), "{told:?}");
    }
}

/// One thread applies as fast as it can what changes badges in every way, others watch, come and go; the last number of each is
/// that of the counts. A wake-up that is missed shows as a watch that stays behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_missed() {
    const ROUNDS: usize = 300;
    const USERS: usize = 8;
    let mut applier = Applier::new(Duration::ZERO);
    let hub = applier.hub.clone();
    tokio::spawn(hub.clone().run());
    let reader = applier.counters.reader();
    let (go, rounds) = std::sync::mpsc::channel::<usize>();
    let (done, mut is_done) = tokio::sync::mpsc::unbounded_channel();
    let applying = std::thread::spawn(move || {
        for round in rounds {
            for user in 0..USERS {
                applier.apply(&format!(
                    "joined r{user} u{user}; posted r{user} m{round} by ann; read all u{user}; joined all u{user}; \
                     posted all m{round}-{user} by ann; tagged r{user} work"
                ));
                if (round + user).is_multiple_of(3) {
                    applier.apply(&format!("left r{user} u{user}; tagged all work"));
                }
            }
            done.send(round).expect("somebody waits");
        }
    });
    let filter = |place: usize| match place % 3 {
        0 => WatchFilter::default(),
        1 => WatchFilter { tags: ["work".into()].into(), mode: TagMode::Any, ..WatchFilter::default() },
        _ => WatchFilter { not: ["work".into()].into(), ..WatchFilter::default() },
    };
    let user = |place: usize| format!("u{}", place % USERS);
    let mut listeners = Vec::new();
    for round in 1..=ROUNDS {
        go.send(round).expect("it applies");
        // Some come in the midst of it, and others go.
        let stay = listeners.len().saturating_sub(USERS);
        listeners.drain(..stay.min(USERS));
        while listeners.len() < USERS * 3 {
            let place = listeners.len() + round;
            listeners.push(Listener::new(hub.watch("t", &user(place), filter(place)), place));
        }
        is_done.recv().await.expect("it applies");
        for Listener { place, last, .. } in &listeners {
            let expected = filter(*place)
                .with(|filter| reader.filtered_badge("t", &user(*place), filter, MutedRooms::Skip).count);
            let began = Instant::now();
            while last.load(Ordering::Acquire) != expected {
                assert!(began.elapsed() < LONG, "round {round}: {} was not told of {expected}", user(*place));
                tokio::time::sleep(Duration::from_micros(100)).await;
            }
        }
    }
    drop(go);
    applying.join().expect("no panic");
}

/// One who listens, and the number told last.
struct Listener {
    place: usize,
    last: Arc<AtomicU64>,
    listening: tokio::task::JoinHandle<()>,
}

impl Listener {
    fn new(mut watch: Watch, place: usize) -> Self {
        let last = Arc::new(AtomicU64::new(u64::MAX));
        let told = Arc::clone(&last);
        let listening = tokio::spawn(async move {
            while let Seen::Badge(badge) = watch.next().await {
                told.store(badge.count, Ordering::Release);
            }
        });
        Self { place, last, listening }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
