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

#[cfg(test)]
mod tests {
    use super::super::topic::Topics;
    use super::*;

    /// One line a case: `what happens | who is woken, with what`. `a3` touches the counts of the topic `a` after 3 ms, `A3` its
    /// rooms; topics rest for 10 ms.
    fn check(line: &str) {
        let (happens, expected) = line.split_once('|').expect("two parts");
        let (topics, start) = (Topics::default(), Instant::now());
        let topic = |name: char| topics.room("t", &name.to_lowercase().to_string());
        let mut resting = Resting::new(Duration::from_millis(10));
        let mut woken = Vec::new();
        let names = ['a', 'b'];
        let note = |woken: &mut Vec<String>, of: Topic, touch, at: u64| {
            let name = names.into_iter().find(|name| topic(*name) == of).expect("a topic of the case");
            let name = if touch == Touch::Rooms { name.to_ascii_uppercase() } else { name };
            woken.push(format!("{name}{at}"));
        };
        let mut events: Vec<&str> = happens.split_whitespace().collect();
        events.reverse();
        for now_ms in 0..100 {
            let now = start + Duration::from_millis(now_ms);
            while let Some(event) = events.last().filter(|event| event[1..] == now_ms.to_string()) {
                let name = event.chars().next().expect("a name");
                let touch = if name.is_ascii_uppercase() { Touch::Rooms } else { Touch::Counts };
                if let Some(touch) = resting.touched(topic(name), touch, now) {
                    note(&mut woken, topic(name), touch, now_ms);
                }
                events.pop();
            }
            assert!(resting.next_due().is_none_or(|due| due >= now), "{line}: it was not woken in time");
            while let Some((of, touch)) = resting.rested(now) {
                note(&mut woken, of, touch, now_ms);
            }
        }
        assert_eq!(woken.join(" "), expected.trim(), "{line}");
        assert!(resting.touches.is_empty() && resting.due.is_empty(), "{line}: something is left");
    }

    #[test]
    fn a_topic_wakes_at_once_and_then_rests() {
        for line in [
            "a0                     | a0",
            "a0 a3 a4 a9            | a0 a10",
            "a0 a3 a12 a13 a29 a45  | a0 a10 a20 a30 a45",
            "a0 b3 a4 b5            | a0 b3 a10 b13",
            "a0 A3 a4               | a0 A10",
            "a0 a3 A4               | a0 A10",
            "A0 a3                  | A0 a10",
        ] {
            check(line);
        }
    }
}
