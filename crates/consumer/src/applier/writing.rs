//! What the applier does to get its work to the disk.

use std::time::{Duration, Instant};

use store::StoreError;

use super::{Halt, Report, Running};
use crate::duty::Duty;
use crate::pace::{Decision, Load, Pace};

/// How long the applier stands still for a commit that is on its way; after that, it is the
/// consumer that does.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was written when, and what is wanted.
#[derive(Debug)]
pub(super) struct Writing {
    committed_at: Instant,
    snapshot_at: Instant,
    /// The sequence that a snapshot has to reach that somebody asked for.
    snapshot_wanted: Option<u64>,
    has_space: bool,
}

impl Writing {
    pub(super) fn new(now: Instant) -> Self {
        Self { committed_at: now, snapshot_at: now, snapshot_wanted: None, has_space: true }
    }

    /// Of everything up to this sequence.
    pub(super) fn want_snapshot(&mut self, applied: u64) {
        self.snapshot_wanted = Some(applied);
    }
}

impl Running {
    pub(super) fn write_if_due(&mut self, now: Instant) -> Result<(), StoreError> {
        loop {
            let load = self.load(now)?;
            let pace = match *self.parts.duty.borrow() {
                Duty::Live => self.parts.pace,
                Duty::Standby => Pace { snapshot_interval: None, ..self.parts.pace },
            };
            match pace.decide(load) {
                Decision::NotYet => {}
                Decision::Hurry => self.parts.store.hurry(),
                Decision::Commit => self.commit(now)?,
                Decision::Snapshot => self.snapshot(now)?,
                Decision::Full if load.is_writing && self.parts.store.wait_at_most(PATIENCE)? => continue,
                Decision::Full => self.halt_for_store(load.has_space),
            }
            let has_room =
                self.parts.store.pending_bytes(&self.parts.counters) < self.parts.pace.pending_bytes / 2;
            if has_room && self.parts.backlog.why().is_some() {
                self.parts.backlog.set(None);
            }
            return Ok(());
        }
    }

    fn load(&mut self, now: Instant) -> Result<Load, StoreError> {
        let is_writing = self.parts.store.is_busy()?;
        self.look_for_space();
        let (store, writing) = (&self.parts.store, &self.writing);
        Ok(Load {
            has_pending: self.has_pending(),
            pending_bytes: store.pending_bytes(&self.parts.counters),
            is_writing,
            has_space: writing.has_space,
            lag_events: self.parts.status.lag_events(),
            is_caught_up: self.parts.status.is_caught_up(),
            since_commit: now.saturating_duration_since(writing.committed_at),
            has_news: store.position().applied
                > store.snapshots().first().map_or(0, |newest| newest.sequence),
            since_snapshot: now.saturating_duration_since(writing.snapshot_at),
            is_snapshot_wanted: writing.snapshot_wanted.is_some(),
            is_wanted_committed: writing
                .snapshot_wanted
                .is_some_and(|wanted| store.position().applied >= wanted),
        })
    }

    fn has_pending(&self) -> bool {
        self.last.is_some() || self.parts.store.has_pending(&self.position)
    }

    fn look_for_space(&mut self) {
        let has_space = self.parts.store.has_space();
        if has_space != self.writing.has_space {
            self.writing.has_space = has_space;
            if has_space {
                tracing::info!("the disk has space again: what waits is written");
            } else {
                tracing::error!(
                    "the disk has less than store.reserve_bytes left: nothing is written until there is space; counting \
                     goes on as long as store.pending_bytes lasts"
                );
            }
        }
        self.parts.metrics.writing_paused.set(i64::from(!has_space));
    }

    /// Nothing more is applied until something is written: the memory for it is used up.
    fn halt_for_store(&mut self, has_space: bool) {
        let Some((session, _)) = self.intake.take() else { return };
        let why =
            if has_space { "writing takes long" } else { "the disk has less than store.reserve_bytes left" };
        self.parts.metrics.paused("store");
        self.parts.backlog.set(Some(format!("consuming waits: store.pending_bytes are used up, and {why}")));
        // If nobody listens, the consumer is being stopped.
        let _ = self.parts.reports.send(Report { session, halt: Halt::StoreFull });
    }

    fn commit(&mut self, now: Instant) -> Result<(), StoreError> {
        let position = self.position().clone();
        self.parts.store.commit(&mut self.parts.counters, position)?;
        self.writing.committed_at = now;
        Ok(())
    }

    fn snapshot(&mut self, now: Instant) -> Result<(), StoreError> {
        self.parts.store.snapshot()?;
        self.writing.snapshot_at = now;
        self.writing.snapshot_wanted = None;
        Ok(())
    }

    /// Brings everything applied to the disk, if it has space. Returns up to where it is there.
    pub(super) fn stop(&mut self, now: Instant) -> Result<u64, StoreError> {
        self.parts.store.wait()?;
        if !self.parts.store.has_space() {
            tracing::warn!(
                "the disk has no space: what was not written is read from the stream again at the next start"
            );
            return Ok(self.parts.store.durable().sequence());
        }
        if self.has_pending() {
            self.commit(now)?;
        }
        self.parts.store.page_new_ids()?;
        if *self.parts.duty.borrow() == Duty::Live && self.load(now)?.has_news {
            self.snapshot(now)?;
            self.parts.store.wait()?;
        }
        Ok(self.parts.store.durable().sequence())
    }
}
