//! What the generator remembers of a room, in order to name messages that matter.

use super::random::Random;

/// How many reads of a member are kept (rule 6).
const KEPT_READS: usize = 16;
/// How many recalls of a room are kept (rule 6).
const KEPT_RECALLS: usize = 64;

/// One room of one tenant.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) tenant: &'static str,
    pub(super) room: &'static str,
    /// The ids posted since the room was last deleted, in order of posting.
    posted: Vec<String>,
    /// The ids posted before that.
    lost: Vec<String>,
    /// The ids read early by anybody and not posted yet, in order of the first naming.
    reads_early: Vec<String>,
    /// The ids recalled early and not posted yet, in order of the first naming.
    recalls_early: Vec<String>,
    /// How many ids were made up.
    made_up: u64,
}

impl Place {
    pub(super) fn new(tenant: &'static str, room: &'static str) -> Self {
        Self {
            tenant,
            room,
            posted: Vec::new(),
            lost: Vec::new(),
            reads_early: Vec::new(),
            recalls_early: Vec::new(),
            made_up: 0,
        }
    }

    /// An id that this room has not seen. Other rooms use the same ids.
    pub(super) fn new_message(&mut self) -> String {
        self.made_up += 1;
        format!("m{}", self.made_up)
    }

    /// An id that was posted: mostly one of the newest, often at the edge of the window,
    /// sometimes one from before the room was deleted.
    pub(super) fn posted_message(&self, random: &mut Random, window: usize) -> Option<String> {
        let length = self.posted.len();
        if length == 0 || (!self.lost.is_empty() && random.chance(10)) {
            return (!self.lost.is_empty()).then(|| random.pick(&self.lost).clone());
        }
        let back = match random.below(4) {
            0 => random.index(length),
            1 => window.saturating_sub(1) + random.index(3),
            _ => random.index(length.min(4)),
        };
        Some(self.posted[length - 1 - back.min(length - 1)].clone())
    }

    /// An id read or recalled early and not posted yet, often at the edge of what is kept.
    pub(super) fn awaited_message(&self, random: &mut Random) -> Option<String> {
        let mut lists = [(&self.recalls_early, KEPT_RECALLS), (&self.reads_early, KEPT_READS)];
        if random.chance(50) {
            lists.swap(0, 1);
        }
        let (list, kept) = lists.into_iter().find(|(list, _)| !list.is_empty())?;
        let length = list.len();
        let place = match random.below(3) {
            0 => random.index(length),
            1 => random.index(length.min(3)),
            _ => length.saturating_sub(kept + 1) + random.index(3),
        };
        Some(list[place.min(length - 1)].clone())
    }

    /// An id for an early read: a new one or, sometimes, one awaited already.
    pub(super) fn read_early(&mut self, random: &mut Random) -> String {
        let message = self.early_message(random);
        remember(&mut self.reads_early, &message);
        message
    }

    /// An id for an early recall: a new one or, sometimes, one awaited already.
    pub(super) fn recall_early(&mut self, random: &mut Random) -> String {
        let message = self.early_message(random);
        remember(&mut self.recalls_early, &message);
        message
    }

    fn early_message(&mut self, random: &mut Random) -> String {
        let awaited = if random.chance(20) { self.awaited_message(random) } else { None };
        awaited.unwrap_or_else(|| self.new_message())
    }

    /// Notes what was posted. An id posted again after it was forgotten is the newest again.
    pub(super) fn note_posted(&mut self, message: &str, window: usize) {
        self.reads_early.retain(|early| early != message);
        self.recalls_early.retain(|early| early != message);
        if !self.posted.iter().rev().take(window).any(|known| known == message) {
            self.posted.push(message.to_owned());
        }
    }

    pub(super) fn note_deleted(&mut self) {
        self.lost.append(&mut self.posted);
    }
}

fn remember(list: &mut Vec<String>, message: &str) {
    if !list.iter().any(|other| other == message) {
        list.push(message.to_owned());
    }
}
