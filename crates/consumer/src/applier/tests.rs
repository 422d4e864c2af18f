//! The applying thread on a real store, fed by hand.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use counters::{MutedRooms, Policies, Reader};
use events::Prefix;
use store::{Digest, Options, Position, Store, StoreError, StreamIdentity};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

mod standing_still;
mod telling;

use super::{Applier, Batch, Begin, ClosedByPanic, Halt, Report, Session, Sessions, Work};
use crate::backlog::Backlog;
use crate::delivered::Delivered;
use crate::duty::{Duty, Until};
use crate::gaps::Gap;
use crate::intake::{Sequences, Stop};
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::question::Question;
use crate::readiness::Reason;
use crate::status::Status;

const JOINED: &str = "room.joined {\"room\":\"r\",\"users\":[\"bob\"]}";

fn delivered(stream: u64, consumer: u64, pending: u64, event: &str) -> Delivered {
    let (kind, body) = event.split_once(' ').unwrap();
    Delivered {
        sequences: Sequences { stream, consumer, pending },
        stored_at_ns: 1_700_000_000_000_000_000 + i64::try_from(stream).unwrap(),
        subject: if kind.contains('/') { kind.replace('/', ".") } else { format!("chat.demo.{kind}") }.into(),
        headers: None,
        body: body.to_owned().into(),
    }
}

fn posted(message: u64) -> String {
    format!("message.posted {{\"room\":\"r\",\"message\":\"m{message}\",\"sender\":\"ann\"}}")
}

/// An applier at work, with one session after the other.
struct Desk {
    dir: TempDir,
    gaps: Vec<Gap>,
    status: Status,
    sessions: Sessions,
    session: Option<Session>,
    work: Sender<Work>,
    reports: UnboundedReceiver<Report>,
    reader: Reader,
    outbox: store::Outbox,
    told: Receiver<String>,
    thread: JoinHandle<Result<u64, StoreError>>,
}

fn options(dir: &TempDir) -> Options {
    Options { id_cache_bytes: 1 << 20, ..Options::new(dir.path().join("data"), Policies::default()) }
}

fn open(dir: &TempDir) -> (Store, counters::Counters) {
    Store::open(&options(dir), &store::Metrics::default()).unwrap()
}

impl Desk {
    fn new() -> Self {
        Self::on(TempDir::new().unwrap(), Vec::new())
    }

    fn on(dir: TempDir, gaps: Vec<Gap>) -> Self {
        Self::with(dir, gaps, Duty::Live, None)
    }

    fn with(dir: TempDir, gaps: Vec<Gap>, duty: Duty, until: Option<Until>) -> Self {
        let (store, counters) = open(&dir);
        let (work, inbox) = channel();
        let (reporter, reports) = unbounded_channel();
        let (reader, outbox) = (counters.reader(), store.outbox());
        let (telling, told) = channel();
        let status = Status::telling(|_| {}, |_| {}, telling::tell(telling, reader.clone()));
        let sessions = Sessions::default();
        let applier = Applier {
            store,
            counters,
            prefix: Prefix::new("chat").unwrap(),
            accepted_gaps: gaps.clone(),
            // So far away that only the end commits.
            pace: Pace {
                commit_interval: Duration::from_secs(3600),
                pending_bytes: usize::MAX,
                snapshot_interval: None,
            },
            status: status.clone(),
            metrics: Metrics::default(),
            sessions: sessions.clone(),
            reports: reporter,
            backlog: Backlog::default(),
            duty: duty.for_ever(),
            until,
        };
        let thread = std::thread::spawn(move || applier.run(&inbox));
        Self { dir, gaps, status, sessions, session: None, work, reports, reader, outbox, told, thread }
    }

    fn begin(&mut self, lost: Option<Gap>, stream_end: u64) {
        let session = self.sessions.start();
        self.session = Some(session);
        let stream = StreamIdentity { name: "CHAT".to_owned(), created_ns: 5 };
        self.work.send(Work::Begin(Begin { session, stream, lost, stream_end })).unwrap();
    }

    fn send(&self, messages: Vec<Delivered>) {
        let session = self.session.unwrap();
        self.work.send(Work::Batch(Batch { session, messages, _memory: None })).unwrap();
    }

    fn position(&self) -> Position {
        let (reply, answer) = oneshot::channel();
        self.work.send(Work::Position(reply)).unwrap();
        answer.blocking_recv().unwrap()
    }

    /// Bob's badge, once everything sent is applied.
    fn badge(&self) -> u64 {
        self.position();
        self.reader.badge("demo", "bob", &[], MutedRooms::Count).count
    }

    fn not_ready(&self) -> Option<Reason> {
        self.position();
        self.status.snapshot(UNIX_EPOCH).not_ready.map(|(reason, _)| reason)
    }

    fn halt(&mut self) -> Option<Halt> {
        self.position();
        self.reports.try_recv().ok().map(|report| report.halt)
    }

    /// Ends as the process does when it is asked to.
    fn stop(self) -> (TempDir, Vec<Gap>) {
        self.work.send(Work::Stop).unwrap();
        self.thread.join().unwrap().unwrap();
        (self.dir, self.gaps)
    }

    fn restart(self) -> Self {
        let (dir, gaps) = self.stop();
        Self::on(dir, gaps)
    }
}

fn digest(dir: &TempDir) -> Digest {
    open(dir).0.digest()
}

#[test]
fn events_are_applied_in_order_and_once() {
    let mut desk = Desk::new();
    desk.begin(None, 3);
    assert_eq!(desk.not_ready(), Some(Reason::CatchingUp));
    desk.send(vec![delivered(1, 1, 2, JOINED), delivered(2, 2, 1, &posted(1))]);
    desk.send(vec![delivered(3, 3, 0, &posted(2))]);
    assert_eq!(desk.badge(), 2);
    assert_eq!(desk.not_ready(), None);
    // A new consumer may begin before the position.
    desk.begin(None, 4);
    desk.send(vec![
        delivered(2, 1, 2, &posted(1)),
        delivered(3, 2, 1, &posted(2)),
        delivered(4, 3, 0, &posted(3)),
    ]);
    assert_eq!(desk.badge(), 3);
    assert_eq!(desk.position().applied, 4);
    assert_eq!(desk.halt(), None);
}

#[test]
fn the_position_has_the_fingerprint_of_the_last_message() {
    let mut desk = Desk::new();
    desk.begin(None, 2);
    let last = delivered(2, 2, 0, &posted(1));
    desk.send(vec![delivered(1, 1, 1, JOINED), last.clone()]);
    let position = desk.position();
    assert_eq!((position.applied, position.fingerprint), (2, Some(last.fingerprint())));
    assert_eq!(position.stream.unwrap().created_ns, 5);
}

#[test]
fn a_restart_goes_on_from_the_position() {
    let mut once = Desk::new();
    once.begin(None, 3);
    once.send(vec![
        delivered(1, 1, 2, JOINED),
        delivered(2, 2, 1, &posted(1)),
        delivered(3, 3, 0, &posted(2)),
    ]);
    let (once, _) = once.stop();

    let mut desk = Desk::new();
    desk.begin(None, 3);
    desk.send(vec![delivered(1, 1, 2, JOINED), delivered(2, 2, 1, &posted(1))]);
    let before = desk.position();
    let mut desk = desk.restart();
    assert_eq!(desk.position(), before);
    assert_eq!(desk.badge(), 1);
    desk.begin(None, 3);
    desk.send(vec![delivered(2, 1, 1, &posted(1)), delivered(3, 2, 0, &posted(2))]);
    assert_eq!(desk.badge(), 2);
    let (dir, _) = desk.stop();
    assert_eq!(digest(&dir), digest(&once));
}

#[test]
fn a_gap_stops_and_an_accepted_one_does_not() {
    let mut desk = Desk::new();
    desk.begin(None, 4);
    desk.send(vec![delivered(1, 1, 2, JOINED), delivered(4, 2, 0, &posted(1))]);
    assert_eq!(desk.halt(), Some(Halt::Stop(Stop::Gap(Gap { first: 2, last: 3 }))));
    // What comes after the stop is not applied either.
    desk.send(vec![delivered(2, 3, 0, &posted(1))]);
    assert_eq!((desk.badge(), desk.position().applied), (0, 1));

    let (dir, _) = desk.stop();
    let mut desk = Desk::on(dir, vec![Gap { first: 2, last: 3 }]);
    desk.begin(None, 4);
    desk.send(vec![delivered(4, 1, 0, &posted(1))]);
    assert_eq!(desk.badge(), 1);
    assert_eq!(desk.restart().position().accepted_gaps, [(2, 3)]);
}

/// A stream may have holes without end.
#[test]
fn many_accepted_gaps_are_remembered_as_few() {
    let mut desk = Desk::on(TempDir::new().unwrap(), vec![Gap { first: 1, last: 1_000 }]);
    desk.begin(None, 600);
    let messages = (1..=300).map(|number| delivered(2 * number, number, 300 - number, &posted(number)));
    desk.send(messages.collect());
    let position = desk.position();
    assert_eq!(position.applied, 600);
    let gaps = position.accepted_gaps;
    assert_eq!((gaps.len(), gaps[0], gaps[1], gaps[99]), (100, (1, 401), (403, 403), (599, 599)));
}

#[test]
fn a_panic_closes_the_gate_before_anything_is_dropped() {
    let status = Status::new(|_| {});
    let gate = ClosedByPanic(status.clone());
    let panicking = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _gate = gate;
        panic!("in the midst of an event");
    }));
    assert!(panicking.is_err());
    let not_ready = status.snapshot(UNIX_EPOCH).not_ready;
    assert!(matches!(not_ready, Some((Reason::Store, _))), "{not_ready:?}");
}

#[test]
fn a_gap_at_the_end_of_the_stream_is_passed_over_when_accepted() {
    let mut desk = Desk::new();
    desk.begin(None, 1);
    desk.send(vec![delivered(1, 1, 0, JOINED)]);
    assert!(desk.position().fingerprint.is_some());
    desk.begin(Some(Gap { first: 2, last: 9 }), 9);
    let position = desk.position();
    assert_eq!((position.applied, position.fingerprint), (9, None));
    assert_eq!(desk.reader.applied(), 9);
    assert_eq!(desk.restart().position(), position);
}

#[test]
fn nothing_of_an_ended_session_is_applied() {
    let mut desk = Desk::new();
    desk.begin(None, 2);
    let old = desk.session.unwrap();
    desk.send(vec![delivered(1, 1, 1, JOINED)]);
    assert_eq!(desk.position().applied, 1);
    desk.sessions.start();
    desk.send(vec![delivered(2, 2, 0, &posted(1))]);
    assert_eq!(desk.position().applied, 1);
    // Nor when a new session has begun, nor may an old session begin.
    desk.begin(None, 2);
    let messages = vec![delivered(2, 1, 0, &posted(1))];
    desk.work.send(Work::Batch(Batch { session: old, messages, _memory: None })).unwrap();
    assert_eq!(desk.position().applied, 1);
    desk.send(vec![delivered(2, 1, 0, &posted(1))]);
    assert_eq!(desk.position().applied, 2);
}

#[test]
fn a_consumer_out_of_order_is_not_believed() {
    let mut desk = Desk::new();
    desk.begin(None, 9);
    desk.send(vec![delivered(1, 1, 8, JOINED), delivered(2, 3, 7, &posted(1))]);
    assert_eq!(desk.halt(), Some(Halt::Stop(Stop::OutOfOrder { expected: 2, found: 3 })));
    assert_eq!(desk.position().applied, 1);
}

#[test]
fn a_stream_that_ends_before_its_end_is_not_caught_up_with() {
    let mut desk = Desk::new();
    desk.begin(None, 3);
    desk.send(vec![delivered(1, 1, 0, JOINED)]);
    assert_eq!(desk.halt(), Some(Halt::Stop(Stop::EndsEarly { at: 1, expected: 3 })));
    assert_eq!(desk.not_ready(), Some(Reason::CatchingUp));
}

#[test]
fn malformed_and_foreign_messages_are_passed_over() {
    let mut desk = Desk::new();
    desk.begin(None, 6);
    desk.send(vec![
        delivered(1, 1, 5, JOINED),
        delivered(2, 2, 4, "message.posted nonsense"),
        delivered(3, 3, 3, "message.lost {}"),
        delivered(4, 4, 2, "other/demo/message/posted {}"),
        delivered(5, 5, 1, "message.posted {\"room\":\"\"}"),
        delivered(6, 6, 0, &posted(1)),
    ]);
    assert_eq!(desk.badge(), 1);
    assert_eq!(desk.position().applied, 6);
    let (dir, _) = desk.stop();
    let (store, _) = open(&dir);
    let letters = store.outbox().committed(6, 10).unwrap();
    let letters: Vec<_> = letters.iter().map(|letter| (letter.sequence, &*letter.dead_subject)).collect();
    let posted = "chat-dead.demo.message.posted";
    assert_eq!(letters, [(2, posted), (3, "chat-dead._._"), (5, posted)]);
}

#[test]
fn when_ten_thousand_dead_letters_wait_consuming_does_too() {
    let mut desk = Desk::new();
    desk.begin(None, 20_000);
    let malformed = |from: u64| move |n| delivered(from + n, n, 9, "message.posted ?");
    desk.send((1..=10_001).map(malformed(0)).collect());
    assert_eq!(desk.halt(), Some(Halt::OutboxFull));
    assert_eq!(desk.position().applied, 10_000);
    assert_eq!(desk.outbox.waiting(), 10_000);
    // Well-formed events would overtake it: they wait with it.
    desk.outbox.stored(1);
    desk.begin(None, 20_000);
    desk.send(vec![delivered(10_001, 1, 9, "message.posted ?")]);
    assert_eq!(desk.halt(), None);
    assert_eq!(desk.position().applied, 10_001);
}

/// The answer is of one sequence, and of everything told before.
#[test]
fn a_question_is_answered_between_two_batches() {
    let mut desk = Desk::new();
    desk.begin(None, 5);
    desk.send(vec![delivered(1, 1, 4, JOINED), delivered(2, 2, 3, &posted(1))]);
    let (told, heard) = channel();
    for unread in [1, 3] {
        let told = told.clone();
        desk.work
            .send(Work::Ask(Question::new(move |counters| {
                told.send((counters.applied(), counters.account("demo", "bob").unread(), unread)).unwrap();
            })))
            .unwrap();
        let rest = [3, 4].map(|sequence| delivered(sequence, sequence, 5 - sequence, &posted(sequence)));
        desk.send(rest.to_vec());
    }
    assert_eq!((heard.recv().unwrap(), heard.recv().unwrap()), ((2, 1, 1), (4, 3, 3)));
    desk.stop();
}

/// There is always one more event to commit.
#[test]
fn a_snapshot_that_is_asked_for_does_not_wait_for_a_pause_of_the_events() {
    const EVENTS: u64 = 100_000;
    let mut desk = Desk::new();
    desk.begin(None, EVENTS);
    desk.send(vec![delivered(1, 1, EVENTS - 1, JOINED)]);
    desk.work.send(Work::Snapshot).unwrap();
    for sequence in 2..=EVENTS {
        desk.send(vec![delivered(sequence, sequence, EVENTS - sequence, &posted(sequence))]);
    }
    let (dir, _) = desk.stop();
    let snapshots = std::fs::read_dir(dir.path().join("data/snapshots")).unwrap();
    let names = snapshots.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let sequences: Vec<u64> = names.map(|name| name[..20].parse().unwrap()).collect();
    let oldest = sequences.iter().min();
    assert!(oldest.is_some_and(|oldest| *oldest < EVENTS), "the snapshots are of {sequences:?}");
}
