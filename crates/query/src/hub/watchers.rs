//! Who watches what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use parking_lot::Mutex;

use super::marks::{Marks, slot_of};
use super::topic::Topic;

/// What a watcher has to do.
pub(super) mod looks {
    /// Read the number.
    pub(crate) const COUNTS: u8 = 1;
    /// Find out the rooms.
    pub(crate) const ROOMS: u8 = 2;
    /// At once, however short the last look ago.
    pub(crate) const URGENT: u8 = 4;
    pub(crate) const ALL: u8 = COUNTS | ROOMS | URGENT;
}

/// So many are woken in one go, before others may come and go.
const AT_ONCE: usize = 512;

/// One who watches, as those see who wake them.
#[derive(Debug)]
pub(super) struct Watcher {
    number: u64,
    looks: AtomicU8,
    waker: AtomicWaker,
}

impl Watcher {
    /// Those who have not looked yet are woken already.
    pub(super) fn touch(&self, looks: u8) {
        if self.looks.fetch_or(looks, Ordering::AcqRel) & looks != looks {
            self.waker.wake();
        }
    }

    /// What there is to do; who asks does it.
    pub(super) fn take(&self) -> u8 {
        self.looks.swap(0, Ordering::AcqRel)
    }

    /// Ready while any of these is to be done.
    pub(super) fn poll_any(&self, looks: u8, context: &mut Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if self.looks.load(Ordering::Acquire) & looks == 0 { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// All who watch.
#[derive(Debug)]
pub(super) struct Watchers {
    count: AtomicUsize,
    places: Mutex<Places>,
}

#[derive(Debug)]
struct Places {
    /// By topic, and by the number of the watcher.
    watchers: BTreeMap<(Topic, u64), Arc<Watcher>>,
    /// How many of them are in each slot.
    in_slots: Box<[u32]>,
    last_number: u64,
}

impl Watchers {
    pub(super) fn new(slots: usize) -> Self {
        let places = Places { watchers: BTreeMap::new(), in_slots: vec![0; slots].into(), last_number: 0 };
        Self { count: AtomicUsize::new(0), places: Mutex::new(places) }
    }

    /// Whether nobody watches anything.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// One more, who watches nothing yet and has everything to do.
    pub(super) fn come(&self) -> Arc<Watcher> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut places = self.places.lock();
        places.last_number += 1;
        let number = places.last_number;
        Arc::new(Watcher { number, looks: AtomicU8::new(looks::ALL), waker: AtomicWaker::new() })
    }

    /// One less, who watches nothing any more.
    pub(super) fn go(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// The watcher watches these, beside what they do.
    pub(super) fn add(&self, watcher: &Arc<Watcher>, topics: impl Iterator<Item = Topic>, marks: &Marks) {
        let mut places = self.places.lock();
        for topic in topics {
            places.watchers.insert((topic, watcher.number), Arc::clone(watcher));
            let in_slot = &mut places.in_slots[slot_of(topic)];
            *in_slot += 1;
            if *in_slot == 1 {
                marks.set_watched(slot_of(topic), true);
            }
        }
    }

    /// The watcher does not watch these any more.
    pub(super) fn remove(&self, watcher: &Watcher, topics: impl Iterator<Item = Topic>, marks: &Marks) {
        let mut places = self.places.lock();
        for topic in topics {
            places.watchers.remove(&(topic, watcher.number));
            let in_slot = &mut places.in_slots[slot_of(topic)];
            *in_slot -= 1;
            if *in_slot == 0 {
                marks.set_watched(slot_of(topic), false);
            }
        }
    }

    /// Has those who watch the topic do that.
    pub(super) fn touch(&self, topic: Topic, looks: u8) {
        self.touch_from((topic, 0), |(other, _)| *other == topic, looks);
    }

    /// Has everybody do that.
    pub(super) fn touch_all(&self, looks: u8) {
        self.touch_from((Topic::FIRST, 0), |_| true, looks);
    }

    fn touch_from(&self, first: (Topic, u64), is_meant: impl Fn(&(Topic, u64)) -> bool, looks: u8) {
        let mut first = first;
        loop {
            let places = self.places.lock();
            let some = places.watchers.range(first..).take_while(|(place, _)| is_meant(place)).take(AT_ONCE);
            let some: Vec<_> = some.map(|(place, watcher)| (*place, Arc::clone(watcher))).collect();
            drop(places);
            for (_, watcher) in &some {
                watcher.touch(looks);
            }
            match some.last() {
                Some(((topic, number), _)) if some.len() == AT_ONCE => first = (*topic, number + 1),
                Some(_) | None => return,
            }
        }
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.places.lock().watchers.len()
    }
}
