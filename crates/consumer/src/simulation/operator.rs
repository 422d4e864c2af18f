//! What the operator does when counting has stopped, and how a run ends.

use std::time::Duration;

use super::EVENTS;
use super::process::STREAM;
use super::stream::{Stream, is_same, up_to};
use super::truth::Truth;
use super::world::{Check, World};
use crate::gaps::Gap;

/// So many seconds may pass at the end until all is as it must be.
const PATIENCE: u32 = 400;
/// So often a way out of a fence is looked for at the end, before the operator begins anew.
const MENDINGS: u32 = 8;
/// So often more is published if too few events were applied.
const MORE_EVENTS: u32 = 4;

impl World {
    /// One of the ways out of a fence, if there is one and it is needed.
    pub(super) fn mend(&mut self) -> Check {
        if self.process.is_none() {
            self.begin()?;
        }
        if !self.must_be_fenced() {
            return Ok(());
        }
        if self.is_nothing_to_recount() && self.dice.chance(70) && self.put_snapshot_back()? {
            return Ok(());
        }
        match self.dice.below(4) {
            0 if self.put_back() => Ok(()),
            1 if self.accept_gap()? => Ok(()),
            2 if self.allow_restored()? => Ok(()),
            3 => self.begin_anew(),
            _ => Ok(()),
        }
    }

    /// The stream that was counted comes back.
    fn put_back(&mut self) -> bool {
        let Some(process) = &self.process else { return false };
        let applied = &process.applied;
        let is_it = |stream: &&Stream| {
            let newest = up_to(stream.newest.as_ref(), applied.sequence);
            process.created_ns.is_none_or(|counted| counted == stream.created_ns)
                && stream.last >= applied.sequence
                && is_same(newest.as_ref(), applied.last.as_ref())
        };
        let Some(stream) = self.hands.backups().iter().find(is_it).cloned() else { return false };
        self.note(|| "the operator puts the stream back".to_owned());
        let mut nats = self.hands.nats.lock();
        nats.replace(Some(stream), 0);
        nats.reconnect();
        true
    }

    fn is_nothing_to_recount(&mut self) -> bool {
        let Some(process) = &mut self.process else { return false };
        process.applied.sequence == 0 && process.store().position().recount.is_some()
    }

    /// A snapshot comes back that was copied away, and the service is to come back from it.
    fn put_snapshot_back(&mut self) -> Result<bool, String> {
        self.stop()?;
        let Some(sequence) = self.hands.put_snapshot_back() else {
            self.begin()?;
            return Ok(false);
        };
        self.note(|| format!("the operator puts the snapshot of {sequence} back"));
        self.begin()?;
        let found = self.process.as_ref().map(|process| process.applied.sequence);
        if found.is_some_and(|found| found != sequence) {
            return Err(format!("the snapshot of {sequence} was put back, and {found:?} is applied"));
        }
        Ok(true)
    }

    /// A loss is accepted.
    fn accept_gap(&mut self) -> Result<bool, String> {
        let Some(process) = &self.process else { return Ok(false) };
        let applied = process.applied.sequence;
        let gap = {
            let nats = self.hands.nats.lock();
            let Some(stream) = nats.stream.as_ref().filter(|stream| !stream.is_altered) else {
                return Ok(false);
            };
            let next = stream.at_or_after(applied + 1).map(|message| message.sequence);
            let last = next.map_or(stream.last, |next| next - 1).max(stream.first - 1);
            Gap { first: applied + 1, last }
        };
        if gap.last < gap.first {
            return Ok(false);
        }
        let is_part = gap.last > gap.first && self.dice.chance(25);
        let gap = Gap { last: gap.last - u64::from(is_part), ..gap };
        self.note(|| format!("the operator accepts the loss of {gap}"));
        self.hands.become_lenient();
        self.decisions.accepted_gaps.push(gap);
        self.stop()?;
        self.begin()?;
        Ok(true)
    }

    /// A copy of the stream is taken for the stream.
    fn allow_restored(&mut self) -> Result<bool, String> {
        {
            let Some(process) = &self.process else { return Ok(false) };
            let nats = self.hands.nats.lock();
            let Some(stream) = nats.stream.as_ref().filter(|stream| !stream.is_altered) else {
                return Ok(false);
            };
            let applied = &process.applied;
            let newest = up_to(stream.newest.as_ref(), applied.sequence);
            if stream.last < applied.sequence || !is_same(newest.as_ref(), applied.last.as_ref()) {
                return Ok(false);
            }
        }
        self.note(|| format!("the operator allows a restored copy of {STREAM}"));
        self.hands.become_lenient();
        self.decisions.allow_restored_stream = true;
        self.stop()?;
        self.begin()?;
        Ok(true)
    }

    /// An empty data directory, and a stream that is whole.
    fn begin_anew(&mut self) -> Check {
        self.note(|| "the operator begins with an empty data directory".to_owned());
        self.leave()?;
        self.hands.disk.replace().map_err(|error| error.to_string())?;
        self.hands.forget();
        self.positions.clear();
        self.failed_generation = None;
        self.has_counted = false;
        self.openings = 0;
        self.truth = Truth::new(self.policies);
        {
            let mut nats = self.hands.nats.lock();
            let is_whole = |stream: &Stream| stream.first == 1 && stream.messages.len() as u64 == stream.last;
            if !nats.stream.as_ref().is_some_and(is_whole) {
                nats.create();
                nats.reconnect();
            }
            if let Some(stream) = &mut nats.stream {
                stream.is_altered = false;
            }
        }
        self.begin()
    }

    /// Nothing goes wrong any more: the service must say what is wrong, and once that is mended come
    /// to be ready, and right.
    pub(super) fn finish(&mut self) -> Check {
        self.note(|| "=== nothing goes wrong any more".to_owned());
        self.ambush = None;
        self.hands.free_disk();
        if self.dice.chance(60) {
            self.mend_if_possible()?;
        }
        self.come_to_rest()?;
        let applied = self.process.as_ref().map(|process| process.applied.sequence);
        let is_harmed = self.hands.disk.is_excused();
        self.stop()?;
        self.begin()?;
        let found = self.process.as_ref().map(|process| process.applied.sequence);
        if found == applied {
            return self.judge_all();
        }
        if !is_harmed {
            return Err(format!("stopped in order at {applied:?}, and opened at {found:?}"));
        }
        self.come_to_rest()
    }

    fn mend_if_possible(&mut self) -> Check {
        (0..MENDINGS).try_for_each(|_| self.mend())
    }

    /// If the stream must not be counted any further, the service says so; then somebody mends that.
    fn come_to_rest(&mut self) -> Check {
        self.publish_all_and_settle()?;
        // Behind a loss that was mended there may be another.
        for mending in 1..=MENDINGS {
            if !self.must_be_fenced() {
                break;
            }
            self.mend_if_possible()?;
            if self.must_be_fenced() || mending == MENDINGS {
                self.begin_anew()?;
            }
            self.publish_all_and_settle()?;
        }
        // Of what was lost with streams, too much may never have been applied.
        for _ in 0..MORE_EVENTS {
            let missing = EVENTS.saturating_sub(self.events.len());
            if missing > 0 {
                // Not all are events.
                self.hands.nats.lock().publish_more(missing + missing / 10 + 10);
                self.publish_all_and_settle()?;
            }
        }
        if self.must_be_fenced() { Err("all was mended, and it is fenced".to_owned()) } else { Ok(()) }
    }

    fn publish_all_and_settle(&mut self) -> Check {
        self.hands.nats.lock().publish(u64::MAX);
        self.settle()?;
        self.judge_all()
    }

    /// Until everything is as it must be.
    fn settle(&mut self) -> Check {
        for second in 0..PATIENCE {
            self.begin()?;
            self.hands.nats.lock().deliver(50);
            self.pass(Duration::from_secs(1))?;
            self.write()?;
            let mut dice = self.dice.fork();
            self.send_dead_letters(&mut dice)?;
            if second > 2 && self.is_settled() {
                return Ok(());
            }
        }
        let process = self.process.as_ref().map(|process| (process.applied.sequence, process.not_ready()));
        let stream = self.hands.nats.lock().stream.as_ref().map(|stream| (stream.first, stream.last));
        Err(format!("after all it is {process:?} before the stream {stream:?}"))
    }

    fn is_settled(&self) -> bool {
        let Some(process) = &self.process else { return false };
        if self.must_be_fenced() {
            return self.is_fenced();
        }
        let last = self.hands.nats.lock().stream.as_ref().map_or(0, |stream| stream.last);
        process.not_ready().is_none() && process.applied.sequence == last && process.outbox.waiting() == 0
    }

    fn judge_all(&mut self) -> Check {
        self.compare_all()?;
        if self.must_be_fenced() { Ok(()) } else { self.check_dead_letters() }
    }
}
