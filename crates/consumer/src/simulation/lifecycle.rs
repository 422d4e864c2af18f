//! How processes begin and end.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use counters::{Counters, OwnMessages, Policies};
use store::simulated::{Loss, Stage};
use store::{DataDir, OpenError, Options, Position, Store, StoreError};

use super::process::Process;
use super::stream::up_to;
use super::truth::Applied;
use super::world::{Check, World};
use crate::applier::{Running, Work};
use crate::readiness::Reason;

/// So many processes may end while they open a store; then it is put away.
const MOST_OPENINGS: u32 = 3;
/// Below that, nothing is written.
const RESERVE_BYTES: u64 = 1_000;

impl World {
    fn options(&self) -> Options {
        let policies = Policies {
            own_messages: match self.policies.own_messages {
                oracle::OwnMessages::Exclude => OwnMessages::Exclude,
                oracle::OwnMessages::MarkRead => OwnMessages::MarkRead,
            },
            message_window: self.policies.message_window,
        };
        let disk = &self.hands.disk;
        Options {
            id_cache_bytes: self.decisions.id_cache_bytes,
            database: Arc::new(disk.clone()),
            snapshots_kept: self.decisions.snapshots_kept,
            reserve_bytes: RESERVE_BYTES,
            // Only what hangs for ever is to be noticed.
            open_timeout: if self.opening_hangs {
                // Long enough for a thread to begin on a machine that has much to do.
                Duration::from_millis(200)
            } else {
                Duration::from_secs(600)
            },
            write_timeout: Duration::from_secs(600),
            is_stepped: true,
            ..Options::new(disk.data_dir(), policies)
        }
    }

    /// A process starts and opens the store.
    pub(super) fn begin(&mut self) -> Check {
        if self.process.is_some() {
            return Ok(());
        }
        // It would wait for space until somebody makes some.
        self.hands.free_disk();
        // Too many processes ended there, or one does not wait long, which a busy machine may make too short.
        if self.openings >= MOST_OPENINGS || self.opening_hangs {
            self.hands.disk.doubt();
        }
        self.hands.disk.enter(Stage::Opening);
        let options = self.options();
        let open = || -> Result<(Store, Counters), OpenError> {
            let data_dir = DataDir::open(&options.data_dir)?;
            Store::open_in(data_dir, &options, &store::Metrics::default(), &|_| {})
        };
        let opened = catch_unwind(AssertUnwindSafe(open));
        self.opening_hangs = false;
        self.openings += 1;
        if self.hands.disk.is_dead() {
            drop(opened);
            self.bury("while it opened the store")?;
            return self.check_aside();
        }
        self.check_aside()?;
        match opened {
            Err(panic) => {
                let what = panic.downcast_ref::<String>();
                Err(format!("opening the store panics: {what:?}"))
            }
            Ok(Err(error)) => {
                let is_of_file = matches!(error, OpenError::Io { .. });
                self.has_met_file |= is_of_file && self.hands.is_anything_in_the_way();
                self.bury(&format!("the store was not opened: {error}"))
            }
            Ok(Ok(opened)) => self.opened(opened),
        }
    }

    /// What was put aside is not good any more.
    fn check_aside(&self) -> Check {
        let innocents = self.hands.disk.innocents_in_quarantine().map_err(|error| error.to_string())?;
        if let Some(reason) = innocents.first() {
            return Err(format!("a store without a fault was put into quarantine: {reason}"));
        }
        let quarantine = fs::read_dir(self.hands.disk.data_dir().join("quarantine"));
        for store in quarantine.into_iter().flatten().flatten() {
            if store.path().join("unfinished").exists() {
                return Err(format!("{} was never finished: it is to be removed", store.path().display()));
            }
        }
        match self.hands.unharmed_snapshot_aside() {
            Some(sequence) => Err(format!("the whole snapshot of {sequence} was put aside as damaged")),
            None => Ok(()),
        }
    }

    fn opened(&mut self, opened: (Store, Counters)) -> Check {
        self.openings = 0;
        let disk = &self.hands.disk;
        disk.enter(Stage::Running);
        let position = opened.0.position().clone();
        let announced = disk.announced();
        if position.applied < announced && !disk.is_excused() {
            return Err(format!("{announced} was durable, and {} is left of it", position.applied));
        }
        disk.settle(position.applied);
        let generation = opened.0.generation();
        if self.failed_generation.take() == Some(generation) {
            return Err(format!("generation {generation} is used again though it failed"));
        }
        let generations = fs::read_dir(disk.data_dir().join("generations"));
        let count = generations.map_err(|error| error.to_string())?.count();
        if count != 1 {
            return Err(format!("there are {count} generations, of which {generation} is in use"));
        }
        let applied = self.what_stands_for(&position)?;
        disk.watch(opened.0.durable());
        let start = self.start + self.now();
        let process = Process::new(opened, applied, &self.hands.nats, &self.decisions, start);
        self.note(|| format!("the store is open: generation {generation}, applied {}", position.applied));
        self.process = Some(process);
        self.judge_commit()
    }

    /// The history that a loaded position claims. The commit may have been one that died with its
    /// process, before anybody could see it.
    fn what_stands_for(&self, position: &Position) -> Result<Applied, String> {
        if position.applied == 0 {
            return Ok(Applied::default());
        }
        if let Some((_, applied)) = self.positions.iter().rfind(|(known, _)| known == position) {
            return Ok(applied.clone());
        }
        let lost = position.accepted_gaps.clone();
        let last = match position.fingerprint {
            Some(fingerprint) => {
                let nats = self.hands.nats.lock();
                let mut messages = nats.messages.values();
                messages
                    .find(|message| {
                        message.sequence == position.applied && message.fingerprint() == fingerprint
                    })
                    .cloned()
            }
            None => {
                let before = lost.last().map_or(0, |(first, _)| first - 1);
                let last = self.applied_last.as_ref().and_then(|applied| applied.last.as_ref());
                up_to(last, before)
            }
        };
        if last.is_none() && lost.is_empty() {
            return Err(format!("{position:?} was never committed"));
        }
        Ok(Applied { sequence: position.applied, last, lost })
    }

    /// The process is asked to end, and does what it does then.
    pub(super) fn stop(&mut self) -> Check {
        let Some(process) = &mut self.process else { return Ok(()) };
        process.puller = None;
        process.sessions.start();
        self.hands.disk.enter(Stage::Stopping);
        while let Some(work) = self.process.as_ref().and_then(|process| process.inbox.try_recv().ok()) {
            self.turn(Some(work))?;
        }
        self.turn(Some(Work::Stop))?;
        let Some(process) = &mut self.process else { return Ok(()) };
        let durable = process.durable.sequence();
        self.has_met_file |= process.store().has_space() && self.hands.is_snapshot_hindered(durable);
        if process.store().has_space() && durable < process.applied.sequence {
            return Err(format!("stopped with {} applied and {durable} durable", process.applied.sequence));
        }
        if let Some(running) = process.running.take() {
            running.end(Ok(durable)).map_err(|error| format!("the store was not closed: {error}"))?;
            self.hands.disk.closed();
        }
        self.bury("asked to end")
    }

    pub(super) fn kill(&mut self, loss: Loss) {
        self.hands.die(loss, &mut self.dice);
    }

    /// The process is no more, in whichever way it ended.
    pub(super) fn bury(&mut self, what: &str) -> Check {
        if let Some(process) = self.process.take() {
            self.applied_last = Some(process.applied);
        }
        self.wrong_since = None;
        self.was_fenced = false;
        self.ambush = None;
        self.note(|| format!("the process ended: {what}"));
        self.hands.disk.restart().map_err(|error| error.to_string())?;
        self.hands.clear_the_way();
        Ok(())
    }

    /// The store failed, which the service knows: its counts can't be trusted any more.
    pub(super) fn end_with(&mut self, running: Running, error: StoreError) -> Check {
        let Some(process) = &self.process else { return Ok(()) };
        let status = process.status.clone();
        let text = error.to_string();
        // What it tells is what it was told.
        let _ = running.end(Err(error));
        let not_ready = status.snapshot(std::time::UNIX_EPOCH).not_ready;
        if !matches!(not_ready, Some((Reason::Store, _))) {
            return Err(format!("the store failed ({text}), and the service says {not_ready:?}"));
        }
        self.fail(&text)
    }

    pub(super) fn fail(&mut self, what: &str) -> Check {
        self.failed_generation = self.process.as_ref().map(|process| process.generation);
        self.kill(Loss::Killed);
        self.bury(what)
    }
}
