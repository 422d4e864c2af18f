//! What the load remembers of a room, so that events are mostly about something that is there.

use std::collections::VecDeque;

use fastrand::Rng;

use super::{TENANTS, short};

/// More than any window of the tests, so that forgotten ids are named too.
const MOST_REMEMBERED: usize = 400;

#[derive(Debug)]
pub(super) struct Room {
    pub(super) tenant: &'static str,
    pub(super) id: String,
    /// Who was let in and not sent away, by number; some of them may be gone.
    pub(super) members: Vec<u32>,
    /// Messages that were posted here, the newest last.
    posted: VecDeque<u32>,
    /// Messages that were named before they were posted.
    awaited: Vec<u32>,
}

impl Room {
    pub(super) fn new(number: usize) -> Self {
        let id = u32::try_from(number).expect("there are fewer rooms");
        Self {
            tenant: TENANTS[number % TENANTS.len()],
            id: format!("r{}", short(id)),
            members: Vec::new(),
            posted: VecDeque::new(),
            awaited: Vec::new(),
        }
    }

    pub(super) fn note_posted(&mut self, message: u32) {
        if self.posted.len() == MOST_REMEMBERED {
            self.posted.pop_front();
        }
        self.posted.push_back(message);
    }

    pub(super) fn note_deleted(&mut self) {
        self.members.clear();
    }

    /// Most often one of the newest.
    pub(super) fn any_posted(&self, random: &mut Rng) -> Option<u32> {
        let most = if random.u32(..10) < 8 { 20 } else { MOST_REMEMBERED };
        let back = random.usize(..self.posted.len().min(most).max(1));
        self.posted.iter().nth_back(back).copied()
    }

    pub(super) fn await_message(&mut self, message: u32) {
        self.awaited.push(message);
    }

    pub(super) fn any_awaited(&mut self, random: &mut Rng) -> Option<u32> {
        if self.awaited.is_empty() {
            return None;
        }
        let place = random.usize(..self.awaited.len());
        Some(self.awaited.swap_remove(place))
    }

    /// Most often a member.
    pub(super) fn any_user(&self, random: &mut Rng, users: u32) -> u32 {
        if self.members.is_empty() || random.u32(..20) == 0 {
            return random.u32(..users);
        }
        self.members[random.usize(..self.members.len())]
    }
}
