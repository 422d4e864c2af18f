//! What was changed and not yet told: written by whoever applies events, taken by one task.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::topic::Topic;
use super::watchers::looks;

/// So many, of eight bytes: ten times as many as the rooms and users that are watched in a large service, so that most of what nobody
/// watches is passed over after one look.
pub(super) const SLOTS: usize = 1 << 17;

/// Nobody watches a topic of this slot.
const UNWATCHED: u64 = 0;
/// Somebody does. Any higher number is that of a topic that is marked.
const WATCHED: u64 = 1;

/// What a change makes its watchers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    /// Read the number.
    Counts,
    /// Find out their rooms, and read the number.
    Rooms,
}

impl Touch {
    pub(super) fn looks(self) -> u8 {
        match self {
            Self::Counts => looks::COUNTS,
            Self::Rooms => looks::COUNTS | looks::ROOMS,
        }
    }
}

/// Marks. A topic that is in `pending`, or rests with the one task, may be in its slot; a topic in its slot is there.
#[derive(Debug)]
pub(super) struct Marks {
    slots: Box<[AtomicU64]>,
    pending: Mutex<Pending>,
    some_marked: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    topics: HashMap<Topic, Touch>,
    all: bool,
}

/// The slot of a topic, which it shares with some others.
pub(super) fn slot_of(topic: Topic) -> usize {
    topic.number() as usize % SLOTS
}

impl Marks {
    pub(super) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(UNWATCHED)).collect(),
            pending: Mutex::default(),
            some_marked: Notify::new(),
        }
    }

    /// One look if nobody watches it or it is marked already.
    pub(super) fn mark(&self, topic: Topic, touch: Touch) {
        let slot = &self.slots[slot_of(topic)];
        let state = slot.load(Relaxed);
        if state == UNWATCHED || (state == topic.number() && touch == Touch::Counts) {
            return;
        }
        let mut pending = self.pending.lock();
        let is_first = pending.is_empty();
        let marked = pending.topics.entry(topic).or_insert(touch);
        *marked = touch.max(*marked);
        // If it is not watched any more, or another topic was faster, the list knows it all the same.
        let _ = slot.compare_exchange(state, topic.number(), Relaxed, Relaxed);
        drop(pending);
        if is_first {
            self.some_marked.notify_one();
        }
    }

    /// Marks whatever is watched.
    pub(super) fn mark_all(&self) {
        self.pending.lock().all = true;
        self.some_marked.notify_one();
    }

    /// Ready when something was marked since the last look.
    pub(super) async fn wait(&self) {
        self.some_marked.notified().await;
    }

    /// What was marked, and whether everything was. The slots stay as they are.
    pub(super) fn take(&self) -> (HashMap<Topic, Touch>, bool) {
        let Pending { topics, all } = std::mem::take(&mut *self.pending.lock());
        (topics, all)
    }

    /// From now on the topic is marked anew.
    pub(super) fn clear(&self, topic: Topic) {
        let slot = &self.slots[slot_of(topic)];
        let _ = slot.compare_exchange(topic.number(), WATCHED, Relaxed, Relaxed);
    }

    /// Somebody watches topics of this slot, and nobody did before; or the other way round.
    pub(super) fn set_watched(&self, slot: usize, is_watched: bool) {
        self.slots[slot].store(if is_watched { WATCHED } else { UNWATCHED }, Relaxed);
    }

    #[cfg(test)]
    pub(super) fn is_watched(&self, topic: Topic) -> bool {
        self.slots[slot_of(topic)].load(Relaxed) != UNWATCHED
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.topics.is_empty() && !self.all
    }
}
