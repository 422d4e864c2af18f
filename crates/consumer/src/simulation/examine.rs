//! What is looked at again and again while the service runs.

use std::time::UNIX_EPOCH;

use super::process::Process;
use super::stream::is_same;
use super::world::{Check, FENCED_WITHIN, World};
use crate::readiness::Reason;

impl World {
    pub(super) fn examine(&mut self) -> Check {
        let must_be_fenced = self.must_be_fenced();
        let is_reachable = self.hands.nats.lock().is_reachable();
        let now = self.now();
        let Some(process) = &self.process else { return Ok(()) };
        let not_ready = process.not_ready();
        let is_fenced = not_ready == Some(Reason::Fenced);
        let applied = process.applied.sequence;
        if process.durable.sequence() > applied {
            return Err(format!("{applied} is applied, but {} durable", process.durable.sequence()));
        }
        self.is_fenced_for_a_reason(is_fenced, must_be_fenced)?;
        let Some(process) = &self.process else { return Ok(()) };
        self.has_counted |= process.durable.sequence() > 0;
        if std::mem::take(&mut self.hands.nats.lock().has_created) && self.has_counted {
            return Err("a stream was created in place of one that was counted".to_owned());
        }
        if not_ready.is_none() && process.target.is_none_or(|target| applied < target) {
            return Err(format!("ready at {applied}, though {:?} was to be applied first", process.target));
        }
        self.never_waits_for_nothing(process)?;
        if must_be_fenced && is_reachable {
            let since = *self.wrong_since.get_or_insert(now);
            if now - since > FENCED_WITHIN && !is_fenced {
                let time = now - since;
                return Err(format!("for {time:?} {not_ready:?} before a stream that was not counted"));
            }
        } else {
            self.wrong_since = None;
        }
        self.compare_all()
    }

    /// Every badge with every filter.
    pub(super) fn compare_all(&mut self) -> Check {
        let Some(process) = &self.process else { return Ok(()) };
        self.truth.compare(&process.applied, &process.reader)
    }

    /// A fence that begins has its reason in the stream, as it is or as it was a moment ago.
    fn is_fenced_for_a_reason(&mut self, is_fenced: bool, must_be_fenced: bool) -> Check {
        let changes = self.hands.nats.lock().changes;
        let has_changed = changes != self.changes_seen;
        self.changes_seen = changes;
        let was_fenced = std::mem::replace(&mut self.was_fenced, is_fenced);
        if is_fenced && !was_fenced && !must_be_fenced && !has_changed {
            let process = self.process.as_ref();
            let why = process.and_then(|process| process.status.snapshot(UNIX_EPOCH).not_ready);
            return Err(format!("fenced before a stream that is as it was: {why:?}"));
        }
        Ok(())
    }

    /// All is delivered that there is, and yet less than there was: nothing will come to show it.
    fn never_waits_for_nothing(&self, process: &Process) -> Check {
        let Some((_, stream_end)) = process.begun else { return Ok(()) };
        let is_over = process.has_seen_end && self.hands.nats.lock().is_drained();
        if is_over
            && process.has_session()
            && process.applied.sequence < stream_end
            && process.puller.is_some()
        {
            return Err(format!("{} is applied, and {stream_end} waited for", process.applied.sequence));
        }
        Ok(())
    }

    /// Whether the stream that is there must not be counted any further. Another way to say what
    /// the service's table of identity says, from what really happened.
    pub(super) fn must_be_fenced(&self) -> bool {
        let Some(process) = &self.process else { return false };
        let nats = self.hands.nats.lock();
        let Some(stream) = &nats.stream else { return true };
        let applied = &process.applied;
        if stream.last < applied.sequence {
            return true;
        }
        let next = stream.at_or_after(applied.sequence + 1).map(|message| message.sequence);
        let missing = match next {
            Some(next) => next - 1,
            None => stream.last.max(stream.first - 1),
        };
        if !self.decisions.accept(applied.sequence + 1..=missing) {
            return true;
        }
        if applied.sequence == 0 {
            return false;
        }
        let is_last_there = stream.first <= applied.sequence && !applied.is_lost(applied.sequence);
        if is_last_there && !is_same(stream.messages.get(&applied.sequence), applied.last.as_ref()) {
            return true;
        }
        let counted = process.created_ns;
        !self.decisions.allow_restored_stream && counted.is_some_and(|counted| counted != stream.created_ns)
    }

    /// Whether the service says that it is before a stream that it did not count.
    pub(super) fn is_fenced(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.not_ready() == Some(Reason::Fenced))
    }
}
