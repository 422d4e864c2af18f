//! The thread that applies: it alone has the counters and the store.

mod work;
mod writing;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use counters::Counters;
use events::{Malformed, Prefix, Received, receive};
use store::{Position, Store, StoreError};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

pub(crate) use work::{Batch, Begin, Halt, Report, Session, Sessions, Work};
use writing::Writing;

use crate::backlog::Backlog;
use crate::delivered::Delivered;
use crate::duty::{Duty, Until};
use crate::gaps::Gap;
use crate::intake::{Intake, Step};
use crate::letter::letter;
use crate::metrics::{Metrics, gauge};
use crate::pace::Pace;
use crate::status::Status;

/// So many dead letters may wait; then consuming does.
pub(crate) const MAX_LETTERS_WAITING: usize = 10_000;
/// So many accepted gaps are remembered one by one; the oldest are remembered as one, with what is between them.
const MOST_GAPS_NAMED: usize = 100;
/// How often the applier looks around when no work comes, at the least.
const TICK: Duration = Duration::from_millis(250);

/// What the applier is made of.
pub(crate) struct Applier {
    pub(crate) store: Store,
    pub(crate) counters: Counters,
    pub(crate) prefix: Prefix,
    pub(crate) accepted_gaps: Vec<Gap>,
    pub(crate) pace: Pace,
    pub(crate) status: Status,
    pub(crate) metrics: Metrics,
    pub(crate) sessions: Sessions,
    pub(crate) reports: UnboundedSender<Report>,
    pub(crate) backlog: Backlog,
    pub(crate) duty: watch::Receiver<Duty>,
    pub(crate) until: Option<Until>,
}

/// The applier at work.
pub(crate) struct Running {
    parts: Applier,
    /// Of the last event applied, but for the fingerprint while `last` has a message.
    position: Position,
    /// The message applied last, until its fingerprint is asked for.
    last: Option<Delivered>,
    /// The messages of this session's consumer; `None` when none of them may be applied.
    intake: Option<(Session, Intake)>,
    /// Everything is applied that was to be; whoever asks for more is told so again.
    is_at_end: bool,
    writing: Writing,
}

/// What applies panicked, perhaps in the midst of an event: nothing that is in memory is shown any more.
struct ClosedByPanic(Status);

impl Drop for ClosedByPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed("counting panicked");
        }
    }
}

impl Applier {
    /// Works until told to stop, then commits what is applied and waits until it is on disk.
    /// Returns the sequence up to which that is.
    pub(crate) fn run(self, inbox: &Receiver<Work>) -> Result<u64, StoreError> {
        let status = self.status.clone();
        let mut running = self.start(Instant::now());
        // Dropped before what is running, which may wait for the disk when it is dropped.
        let _gate = ClosedByPanic(status);
        let result = running.work(inbox);
        running.end(result)
    }

    pub(crate) fn start(self, now: Instant) -> Running {
        let position = self.store.position().clone();
        self.status.seen(position.applied);
        self.status.advanced(position.applied, None);
        Running {
            parts: self,
            position,
            last: None,
            intake: None,
            is_at_end: false,
            writing: Writing::new(now),
        }
    }
}

impl Running {
    fn work(&mut self, inbox: &Receiver<Work>) -> Result<u64, StoreError> {
        let tick = TICK.min(self.parts.pace.commit_interval);
        loop {
            let work = match inbox.recv_timeout(tick) {
                Ok(work) => Some(work),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Work::Stop),
            };
            if let Some(durable) = self.turn(work, Instant::now())? {
                return Ok(durable);
            }
        }
    }

    /// Does what it is told, if it is told anything, and what is due at that time. When told to
    /// stop, says up to which sequence everything is on disk.
    pub(crate) fn turn(&mut self, work: Option<Work>, now: Instant) -> Result<Option<u64>, StoreError> {
        match work {
            Some(Work::Batch(batch)) => self.batch(batch)?,
            Some(Work::Position(reply)) => {
                // Nobody waits for it any more if this fails.
                let _ = reply.send(self.position().clone());
            }
            Some(Work::Begin(begin)) => self.begin(begin),
            Some(Work::Ask(question)) => question.put_to(&mut self.parts.counters),
            Some(Work::Snapshot) => self.writing.want_snapshot(self.parts.counters.applied()),
            Some(Work::Stop) => return self.stop(now).map(Some),
            None => {}
        }
        self.write_if_due(now)?;
        self.show();
        Ok(None)
    }

    /// Closes the store, unless something went wrong before: then that is told first, for a store
    /// that failed may take its time.
    pub(crate) fn end(self, result: Result<u64, StoreError>) -> Result<u64, StoreError> {
        let Applier { store, status, .. } = self.parts;
        let failed = |error: &StoreError| status.failed(error);
        let durable = result.inspect_err(failed)?;
        store.close().inspect_err(failed)?;
        Ok(durable)
    }

    #[cfg(test)]
    pub(crate) fn store(&mut self) -> &mut Store {
        &mut self.parts.store
    }

    /// The position as of the last event applied.
    fn position(&mut self) -> &Position {
        if let Some(last) = self.last.take() {
            self.position.fingerprint = Some(last.fingerprint());
        }
        &self.position
    }

    fn begin(&mut self, begin: Begin) {
        let Begin { session, stream, lost, stream_end } = begin;
        if !self.parts.sessions.is_current(session) {
            return;
        }
        self.position.stream = Some(stream);
        if let Some(gap) = lost {
            self.pass_over(gap);
        }
        self.parts.status.advanced(self.position.applied, None);
        self.parts.status.confirmed(stream_end);
        if self.is_to_end() {
            // If nobody listens, the consumer is being stopped.
            let _ = self.parts.reports.send(Report { session, halt: Halt::Reached });
            return;
        }
        self.intake = Some((session, Intake::new(stream_end)));
    }

    /// Whether everything is applied that was to be. Whoever wants to know what is counted there is told first.
    fn is_to_end(&mut self) -> bool {
        let applied = self.position.applied;
        match &mut self.parts.until {
            Some(until) if until.sequence <= applied && !self.is_at_end => {
                // What would be passed already is the end: nobody could be told of it any more.
                match (until.reached)(&self.parts.counters) {
                    Some(further) if further > applied => until.sequence = further,
                    Some(_) | None => self.is_at_end = true,
                }
            }
            _ => {}
        }
        self.is_at_end
    }

    /// Sequences that the operator accepts as lost.
    fn pass_over(&mut self, gap: Gap) {
        tracing::warn!(%gap, "missing events are accepted as lost, as nats.accepted_gaps says");
        self.parts.metrics.gaps_accepted.inc();
        let gaps = &mut self.position.accepted_gaps;
        gaps.push((gap.first, gap.last));
        if gaps.len() > MOST_GAPS_NAMED {
            let (first, _) = gaps.remove(0);
            gaps[0].0 = first;
        }
        self.position.applied = gap.last;
        self.position.recount = None;
        self.position.fingerprint = None;
        self.last = None;
        self.parts.counters.advance(gap.last);
    }

    fn batch(&mut self, batch: Batch) -> Result<(), StoreError> {
        let Some((session, mut intake)) = self.intake.take() else { return Ok(()) };
        if session != batch.session || !self.parts.sessions.is_current(session) {
            self.intake = Some((session, intake)).filter(|_| self.parts.sessions.is_current(session));
            return Ok(());
        }
        let halted = self.messages(&mut intake, batch.messages)?;
        match halted {
            None => self.intake = Some((session, intake)),
            Some(halt) => {
                // If nobody listens, the consumer is being stopped.
                let _ = self.parts.reports.send(Report { session, halt });
            }
        }
        let stored_at_ms = self.last.as_ref().map(Delivered::stored_at_ms);
        self.parts.status.advanced(self.position.applied, stored_at_ms);
        Ok(())
    }

    /// Applies messages up to the first that must not be; then says why.
    fn messages(
        &mut self,
        intake: &mut Intake,
        messages: Vec<Delivered>,
    ) -> Result<Option<Halt>, StoreError> {
        if let Some(newest) = messages.last() {
            self.parts.status.seen(newest.sequences.stream.saturating_add(newest.sequences.pending));
        }
        for message in messages {
            let sequences = message.sequences;
            match intake.next(self.position.applied, sequences, &self.parts.accepted_gaps) {
                Step::Skip => {}
                Step::Stop(stop) => return Ok(Some(Halt::Stop(stop))),
                Step::Apply { lost } => {
                    if let Some(gap) = lost {
                        self.pass_over(gap);
                        if self.is_to_end() {
                            return Ok(Some(Halt::Reached));
                        }
                    }
                    if let Some(halt) = self.message(&message)? {
                        return Ok(Some(halt));
                    }
                    self.parts.counters.advance(sequences.stream);
                    self.position.applied = sequences.stream;
                    self.position.recount = None;
                    self.last = Some(message);
                    if self.is_to_end() {
                        return Ok(Some(Halt::Reached));
                    }
                }
            }
            if let Some(stop) = intake.after(sequences) {
                return Ok(Some(Halt::Stop(stop)));
            }
        }
        Ok(None)
    }

    fn message(&mut self, message: &Delivered) -> Result<Option<Halt>, StoreError> {
        let Applier { store, counters, prefix, metrics, status, .. } = &mut self.parts;
        let event = match receive(prefix, &message.subject, &message.body) {
            Received::Event(event) => event,
            Received::Malformed(malformed) => return Ok(self.malformed(message, &malformed)),
            Received::OutsidePrefix => {
                metrics.outside_prefix.inc();
                return Ok(None);
            }
        };
        let located = counters.locate(&event);
        let found = match located.message() {
            Some((room, key)) => store.find(counters, room, &key)?,
            None => None,
        };
        let applied = match counters.apply(&event, located, found, message.stored_at_ms()) {
            Ok(applied) => applied,
            Err(full) => return Ok(Some(Halt::Full { sequence: message.sequences.stream, full })),
        };
        if let Some(room) = applied.deleted {
            store.forget(room);
        }
        if let Some(remember) = &applied.remember {
            store.remember(counters, remember)?;
        }
        metrics.applied(event.body.kind(), &applied);
        // Before anybody is told of the event: what they read then claims it.
        counters.advance(message.sequences.stream);
        status.applied_event(&event, &applied);
        Ok(None)
    }

    fn malformed(&mut self, message: &Delivered, malformed: &Malformed<'_>) -> Option<Halt> {
        if self.parts.store.outbox().waiting() >= MAX_LETTERS_WAITING {
            return Some(Halt::OutboxFull);
        }
        let letter = letter(&self.parts.prefix, message, malformed);
        tracing::debug!(
            sequence = letter.sequence,
            subject = letter.subject,
            reason = letter.reason,
            "malformed event: {}",
            letter.detail
        );
        self.parts.store.add_dead_letter(&letter);
        self.parts.metrics.malformed(malformed.reason());
        None
    }

    fn show(&self) {
        let Applier { status, metrics, store, counters, .. } = &self.parts;
        let (lag_events, lag_seconds) = status.lag(SystemTime::now());
        metrics.applied_sequence.set(gauge(self.position.applied));
        metrics.rooms.set(gauge(counters.room_count() as u64));
        metrics.users.set(gauge(counters.user_count() as u64));
        metrics.memberships.set(gauge(counters.membership_count()));
        metrics.lag_events.set(gauge(lag_events));
        metrics.lag_seconds.set(lag_seconds);
        metrics.dead_letters_waiting.set(gauge(store.outbox().waiting() as u64));
        status.stored(store);
    }
}

#[cfg(test)]
mod tests;
