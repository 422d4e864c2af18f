//! What the counts must be: the oracle's, fed with the history that was applied.

use std::sync::Arc;

use counters::{MutedRooms, Reader};
use judge::Judge;
use oracle::Policies;
use oracle::history::{TAGS, TENANTS, USERS};
use store::Digest;

use super::stream::{Message, is_same, up_to};

/// So many judges are kept, at different places of the history: a store that is opened again goes
/// back a little.
const JUDGES: usize = 3;

/// A history, as far as it was applied.
#[derive(Debug, Clone, Default)]
pub(super) struct Applied {
    pub(super) sequence: u64,
    /// The message applied last; it stands for all before it.
    pub(super) last: Option<Arc<Message>>,
    /// Sequences that were accepted as lost.
    pub(super) lost: Vec<(u64, u64)>,
}

impl Applied {
    pub(super) fn is_lost(&self, sequence: u64) -> bool {
        self.lost.iter().any(|(first, last)| (*first..=*last).contains(&sequence))
    }

    /// The message before it that is not lost.
    fn before(&self, message: &Message) -> Option<Arc<Message>> {
        let mut before = message.before.as_ref();
        while let Some(lost) = before.filter(|before| self.is_lost(before.sequence)) {
            before = lost.before.as_ref();
        }
        before.cloned()
    }

    /// Applies the next message. It must be the one after the last.
    pub(super) fn apply(&mut self, message: &Arc<Message>) -> Result<(), String> {
        let before = self.before(message);
        if message.sequence != self.sequence + 1 || !is_same(before.as_ref(), self.last.as_ref()) {
            return Err(format!(
                "message {} (number {}) was applied after {} (number {:?}), which is not the one before it",
                message.sequence,
                message.number,
                self.sequence,
                self.last.as_ref().map(|last| last.number)
            ));
        }
        self.sequence = message.sequence;
        self.last = Some(message.clone());
        Ok(())
    }

    /// Sequences that the operator accepts as lost come next.
    pub(super) fn pass_over(&mut self, last: u64) {
        self.lost.push((self.sequence + 1, last));
        self.sequence = last;
    }

    fn is_before(&self, later: &Self) -> bool {
        let last = up_to(later.last.as_ref(), self.sequence);
        let lost: Vec<_> = later.lost.iter().filter(|(first, _)| *first <= self.sequence).collect();
        self.sequence <= later.sequence
            && is_same(last.as_ref(), self.last.as_ref())
            && lost.iter().eq(&self.lost.iter().collect::<Vec<_>>())
    }

    /// All messages that were applied, in order.
    pub(super) fn messages(&self) -> Vec<Arc<Message>> {
        self.messages_after(0)
    }

    fn messages_after(&self, sequence: u64) -> Vec<Arc<Message>> {
        let mut messages = Vec::new();
        let mut next = self.last.clone();
        while let Some(message) = next.filter(|message| message.sequence > sequence) {
            next = self.before(&message);
            messages.push(message);
        }
        messages.reverse();
        messages
    }
}

pub(super) struct Truth {
    policies: Policies,
    judges: Vec<(Applied, Judge)>,
}

impl Truth {
    pub(super) fn new(policies: Policies) -> Self {
        Self { policies, judges: Vec::new() }
    }

    fn judge(&mut self, applied: &Applied) -> &mut Judge {
        let found = self.judges.iter().enumerate().filter(|(_, (judged, _))| judged.is_before(applied));
        let found = found.max_by_key(|(_, (judged, _))| judged.sequence).map(|(place, _)| place);
        let (judged, mut judge) = match found {
            Some(place) => self.judges.remove(place),
            None => (Applied::default(), Judge::new(self.policies)),
        };
        for message in applied.messages_after(judged.sequence) {
            if let Some(event) = &message.payload.event {
                judge.apply(event, message.payload.stored_ms);
            }
        }
        self.judges.truncate(JUDGES - 1);
        self.judges.insert(0, (applied.clone(), judge));
        &mut self.judges[0].1
    }

    pub(super) fn digest(&mut self, applied: &Applied) -> Digest {
        self.judge(applied).digest()
    }

    /// Compares the badges of everybody, with every filter.
    pub(super) fn compare(&mut self, applied: &Applied, reader: &Reader) -> Result<(), String> {
        let judge = self.judge(applied);
        for tags in [&[][..], &TAGS[..1], &TAGS[1..]] {
            for muted in [MutedRooms::Count, MutedRooms::Skip] {
                compare(judge, applied, reader, (tags, muted))?;
            }
        }
        Ok(())
    }
}

fn compare(
    judge: &Judge,
    applied: &Applied,
    reader: &Reader,
    (tags, muted): (&[&str], MutedRooms),
) -> Result<(), String> {
    for tenant in TENANTS {
        let expected = judge.oracle().badges(tenant, tags, muted == MutedRooms::Skip);
        for user in USERS {
            let badge = reader.badge(tenant, user, tags, muted);
            let expected = expected.get(user).copied().unwrap_or(0);
            if badge.count != expected || badge.applied != applied.sequence {
                return Err(format!(
                    "badge of {tenant} {user}#{tags:?}: {badge:?}, expected {expected} at {}",
                    applied.sequence
                ));
            }
        }
    }
    Ok(())
}
