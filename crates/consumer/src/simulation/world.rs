//! One run: the service, its disk, its server, its operator and the judge; and how time passes.

use std::collections::HashSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::{Duration, Instant};

use oracle::Policies;
use store::Position;
use store::simulated::{Dice, Disk, Stage};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::fault::{Coverage, Fault, Phase};
use super::feed::feed;
use super::nats::Nats;
use super::process::{Decisions, Process};
use super::strike::Hands;
use super::truth::{Applied, Truth};
use crate::applier::{Batch, Begin, Work};

/// What must never be, or nothing.
pub(super) type Check = Result<(), String>;

/// Whether a stream that is not the one that was counted is fenced soon enough.
pub(super) const FENCED_WITHIN: Duration = Duration::from_secs(40);

/// A fault that waits for the next question to the server.
#[derive(Debug)]
pub(super) struct Ambush {
    pub(super) fault: Fault,
    /// After so many other questions.
    pub(super) after: u64,
    /// Whether only those count with which messages are read one by one.
    pub(super) is_by_hand: bool,
}

pub(super) struct World {
    pub(super) runtime: Runtime,
    pub(super) policies: Policies,
    pub(super) decisions: Decisions,
    pub(super) dice: Dice,
    pub(super) hands: Hands,
    pub(super) process: Option<Process>,
    pub(super) truth: Truth,
    /// Every position that was committed, with what it stands for.
    pub(super) positions: Vec<(Position, Applied)>,
    /// What the last process had applied when it ended.
    pub(super) applied_last: Option<Applied>,
    pub(super) start: Instant,
    pub(super) ambush: Option<Ambush>,
    pub(super) coverage: Coverage,
    /// The numbers of all messages with an event that was applied, by whichever process.
    pub(super) events: HashSet<u64>,
    /// What was done; only when it is to be shown.
    pub(super) steps: Option<Vec<String>>,
    /// Since when the stream that is there must not be counted any further, and the service could
    /// know.
    pub(super) wrong_since: Option<Duration>,
    /// When the service was last looked at: whether it was fenced, and how often the stream had
    /// changed.
    pub(super) was_fenced: bool,
    pub(super) changes_seen: u64,
    /// Deaths in a row while the store was opened.
    pub(super) openings: u32,
    /// Whether anything was ever durable in this data directory.
    pub(super) has_counted: bool,
    /// The store's generation that failed: it must not be opened again.
    pub(super) failed_generation: Option<u64>,
    pub(super) opening_hangs: bool,
    /// Whether a file could not be made because another was in its way.
    pub(super) has_met_file: bool,
    _root: TempDir,
}

impl World {
    pub(super) fn new(seed: u64, is_shown: bool) -> Self {
        let mut dice = Dice::new(seed);
        let (policies, feed) = feed(seed, &mut dice.fork());
        let shared_memory = std::path::Path::new("/dev/shm");
        let root = if shared_memory.is_dir() { TempDir::new_in(shared_memory) } else { TempDir::new() };
        let root = root.expect("a directory can be made");
        let disk = Disk::new(root.path()).expect("a directory can be made");
        let decisions = Decisions {
            create_stream: dice.chance(20),
            allow_restored_stream: false,
            accepted_gaps: Vec::new(),
            pending_bytes: *dice.pick(&[usize::MAX, 40_000, 10_000]),
            snapshot_interval: *dice.pick(&[
                None,
                Some(Duration::from_secs(2)),
                Some(Duration::from_secs(20)),
            ]),
            id_cache_bytes: *dice.pick(&[1 << 20, 6_000, 2_000]),
            snapshots_kept: dice.place(3) + 1,
        };
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        Self {
            runtime: runtime.expect("a runtime without threads can be made"),
            policies,
            decisions,
            dice,
            hands: Hands::new(disk, Nats::new(feed)),
            process: None,
            truth: Truth::new(policies),
            positions: Vec::new(),
            applied_last: None,
            start: Instant::now(),
            ambush: None,
            coverage: Coverage::default(),
            events: HashSet::new(),
            steps: is_shown.then(Vec::new),
            wrong_since: None,
            was_fenced: false,
            changes_seen: 0,
            openings: 0,
            has_counted: false,
            failed_generation: None,
            opening_hangs: false,
            has_met_file: false,
            _root: root,
        }
    }

    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            let now = self.hands.nats.lock().now;
            steps.push(format!("{:>8.2} s  {}", now.as_secs_f64(), what()));
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.hands.nats.lock().now
    }

    fn instant(&self) -> Instant {
        self.start + self.now()
    }

    /// Time passes, and what is due happens.
    pub(super) fn pass(&mut self, time: Duration) -> Check {
        self.runtime.block_on(async {
            tokio::time::advance(time).await;
            tokio::task::yield_now().await;
        });
        self.hands.nats.lock().pass(time);
        self.hands.free_disk_if_due();
        self.pump()
    }

    /// Puller and applier do what they can do now.
    pub(super) fn pump(&mut self) -> Check {
        self.note_deliveries();
        self.turn(None)?;
        loop {
            self.poll_puller()?;
            let mut is_idle = true;
            while let Some(work) = self.process.as_ref().and_then(|process| process.inbox.try_recv().ok()) {
                self.turn(Some(work))?;
                is_idle = false;
            }
            if self.process.is_some() && self.hands.nats.lock().is_asked {
                self.spring()?;
                self.hands.nats.lock().allow_answer();
                is_idle = false;
            }
            if is_idle {
                break;
            }
        }
        self.examine()
    }

    pub(super) fn poll_puller(&mut self) -> Check {
        let Some(process) = &mut self.process else { return Ok(()) };
        let Some(puller) = &mut process.puller else { return Ok(()) };
        let poll = poll_fn(|context| Poll::Ready(puller.as_mut().poll(context)));
        match self.runtime.block_on(poll) {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(ended)) => Err(format!("the puller ended: {ended:?}")),
            Poll::Ready(Ok(never)) => match never {},
        }
    }

    /// What happened to deliveries since this was called last.
    fn note_deliveries(&mut self) {
        let met = std::mem::take(&mut self.hands.nats.lock().met);
        for fault in met {
            let phase = self.phase().unwrap_or(Phase::Stopping);
            self.happened(fault, phase);
        }
    }

    /// The fault that waited for this question happens. It may be the question of a session that
    /// begins, or of one that looks at the stream now and then.
    fn spring(&mut self) -> Check {
        let is_by_hand = self.is_reading_by_hand();
        match &mut self.ambush {
            Some(ambush) if ambush.is_by_hand && !is_by_hand => Ok(()),
            Some(ambush) if ambush.after == 0 => {
                let fault = ambush.fault;
                self.ambush = None;
                let phase = if is_by_hand { Some(Phase::ByHand) } else { self.phase() };
                let phase = phase.unwrap_or(Phase::Connecting);
                self.strike(fault, phase)
            }
            Some(ambush) => {
                ambush.after -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// To confirm the stream, no message is asked for that is not applied.
    fn is_reading_by_hand(&self) -> bool {
        let asked_for = self.hands.nats.lock().asked_for;
        let applied = self.process.as_ref().map(|process| process.applied.sequence);
        asked_for > applied
    }

    /// The applier takes one turn.
    pub(super) fn turn(&mut self, work: Option<Work>) -> Check {
        let now = self.instant();
        let is_full = self.hands.disk.is_full();
        let Some(process) = &mut self.process else { return Ok(()) };
        let Some(mut running) = process.running.take() else { return Ok(()) };
        let step_before = running.store().next_step();
        let (mut delivered, mut lost) = (Vec::new(), None);
        match &work {
            Some(Work::Batch(Batch { messages, .. })) => {
                delivered = messages.iter().map(|message| message.stored_at_ns).collect();
                process.has_seen_end |= messages.iter().any(|message| message.sequences.pending == 0);
            }
            Some(Work::Begin(Begin { session, stream, stream_end, lost: gap })) => {
                if *stream_end != self.hands.nats.lock().described {
                    return Err(format!("a session begins with the stream's end at {stream_end}"));
                }
                let is_another = process.created_ns.is_some_and(|counted| counted != stream.created_ns);
                if is_another && process.applied.sequence > 0 && !self.decisions.allow_restored_stream {
                    return Err(format!("a session begins with another stream: {stream:?}"));
                }
                process.begun = Some((*session, *stream_end));
                process.has_seen_end = false;
                process.created_ns = Some(stream.created_ns);
                let target = process.target.map_or(*stream_end, |target| target.min(*stream_end));
                process.target = Some(target);
                lost = *gap;
            }
            _ => {}
        }
        let turned = catch_unwind(AssertUnwindSafe(move || {
            let turned = running.turn(work, now);
            (running, turned)
        }));
        if self.hands.disk.is_dead() {
            drop(turned);
            return self.bury("during a turn");
        }
        match turned {
            Err(_) => self.fail("a panic during a turn"),
            Ok((running, Err(error))) => self.end_with(running, error),
            Ok((running, Ok(_))) => {
                let Some(process) = &mut self.process else { return Ok(()) };
                process.running = Some(running);
                let before = process.committed.clone();
                let next_step = process.store().next_step();
                self.follow(&delivered, lost.map(|gap| gap.last))?;
                self.judge_commit()?;
                let committed = self.process.as_ref().and_then(|process| process.committed.clone());
                if is_full && (committed != before || next_step.is_some() && next_step != step_before) {
                    return Err(format!("{next_step:?} with {committed:?} begins on a full disk"));
                }
                Ok(())
            }
        }
    }

    /// What the service has applied now, in its own history.
    fn follow(&mut self, delivered: &[i64], lost: Option<u64>) -> Check {
        let Some(process) = &mut self.process else { return Ok(()) };
        let now_applied = process.reader.applied();
        if now_applied != process.status.applied() {
            return Err(format!("badges claim {now_applied}, status {}", process.status.applied()));
        }
        let applied = &mut process.applied;
        if let Some(last) = lost.filter(|last| *last <= now_applied && *last > applied.sequence) {
            applied.pass_over(last);
        }
        let nats = self.hands.nats.lock();
        for stored_at_ns in delivered {
            let Some(message) = nats.messages.get(stored_at_ns) else { continue };
            if message.sequence <= applied.sequence || message.sequence > now_applied {
                continue;
            }
            if message.sequence > applied.sequence + 1 {
                let (first, last) = (applied.sequence + 1, message.sequence - 1);
                if !self.decisions.accept(first..=last) {
                    return Err(format!(
                        "messages {first}-{last} were passed over, which nobody has accepted"
                    ));
                }
                applied.pass_over(last);
            }
            applied.apply(message)?;
            if message.payload.event.is_some() {
                self.events.insert(message.number);
            }
        }
        if applied.sequence != now_applied {
            return Err(format!(
                "{now_applied} is applied, but messages are known only up to {}",
                applied.sequence
            ));
        }
        Ok(())
    }

    /// What was handed to the writer, if anything was, is what the oracle says.
    pub(super) fn judge_commit(&mut self) -> Check {
        let Some(process) = &mut self.process else { return Ok(()) };
        let applied = process.applied.clone();
        let store = process.store();
        let (position, digest) = (store.position().clone(), store.digest());
        if process.committed.as_ref() == Some(&position) {
            return Ok(());
        }
        if position.applied != applied.sequence {
            return Err(format!("{position:?} was committed, but {} is applied", applied.sequence));
        }
        let expected = self.truth.digest(&applied);
        if digest != expected {
            return Err(format!("commit at {}: digest {digest}, expected {expected}", position.applied));
        }
        process.committed = Some(position.clone());
        self.positions.push((position, applied));
        Ok(())
    }

    /// The writer does what it was given.
    pub(super) fn write(&mut self) -> Check {
        let Some(process) = &mut self.process else { return Ok(()) };
        let Some(stage) = process.store().next_step() else { return Ok(()) };
        self.hands.disk.enter(stage);
        process.store().step();
        let sequence = process.store().position().applied;
        self.has_met_file |= stage == Stage::Snapshotting && self.hands.is_snapshot_hindered(sequence);
        self.hands.disk.enter(Stage::Running);
        if self.hands.disk.is_dead() {
            return self.bury("while it wrote");
        }
        self.pump()
    }
}
