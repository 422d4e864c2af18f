//! How often one room, or one user, wakes those who watch it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::marks::Touch;
use super::topic::Topic;

/// Topics that have woken their watchers a moment ago. They rest as long as nobody who was woken may be told another
/// number; what they are touched with meanwhile comes after that, once. So a room wakes its watchers as often
/// whether ten or ten thousand messages a second are posted to it.
#[derive(Debug)]
pub(super) struct Resting {
    interval: Duration,
    /// With what each was touched meanwhile.
    touches: HashMap<Topic, Option<Touch>>,
    /// In the order of time: all rest equally long.
    due: VecDeque<(Instant, Topic)>,
}

impl Resting {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, touches: HashMap::new(), due: VecDeque::new() }
    }

    /// With what to wake the topic's watchers now; nothing if it rests.
    pub(super) fn touched(&mut self, topic: Topic, touch: Touch, now: Instant) -> Option<Touch> {
        match self.touches.get_mut(&topic) {
            Some(touched) => {
                *touched = (*touched).max(Some(touch));
                None
            }
            None => {
                self.rest(topic, now);
                Some(touch)
            }
        }
    }

    /// When the next has rested.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// One that has rested and was touched meanwhile: to be asked until there is none.
    pub(super) fn rested(&mut self, now: Instant) -> Option<(Topic, Touch)> {
        while self.next_due().is_some_and(|due| due <= now) {
            let (_, topic) = self.due.pop_front()?;
            if let Some(touch) = self.touches.remove(&topic).flatten() {
                self.rest(topic, now);
                return Some((topic, touch));
            }
        }
        None
    }

    fn rest(&mut self, topic: Topic, now: Instant) {
        self.touches.insert(topic, None);
        self.due.push_back((now + self.interval, topic));
    }
}
