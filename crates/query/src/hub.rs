//! Who watches which badge, and who has to look again: what the pushed badges stand on.
//!
//! Nothing here counts. Whoever applies an event marks the room or the users that it is about; one task finds out who
//! watches them and wakes those; and each of them reads the badge anew, as any other question does. So a pushed number
//! can't differ from one that was asked for.
//!
//! Rooms and users are marked by name. What is watched means the same, then, whichever line of counting answers.

mod filter;
mod marks;
mod resting;
mod topic;
mod watch;
mod watchers;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::time::Duration;

use counters::{Applied, Badge, MutedRooms, Outcome, Reader};
use events::{Body, Event};
use tokio::time::{Instant, sleep_until};

use crate::{Answers, Gate};
use marks::{Marks, SLOTS, Touch};
use resting::Resting;
use topic::{Topic, Topics};
use watchers::{Watchers, looks};

pub use filter::WatchFilter;
pub use watch::{Seen, Watch};

/// Where badges are watched. All clones are one.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    answers: Answers,
    gate: Gate,
    muted_rooms: MutedRooms,
    /// Nobody is told two numbers within this time, and no room wakes its watchers twice within it.
    interval: Duration,
    topics: Topics,
    marks: Marks,
    watchers: Watchers,
    is_closed: AtomicBool,
}

impl Hub {
    /// Nobody watches yet.
    pub fn new(answers: Answers, gate: Gate, muted_rooms: MutedRooms, interval: Duration) -> Self {
        Self(Arc::new(Shared {
            answers,
            gate,
            muted_rooms,
            interval,
            topics: Topics::default(),
            marks: Marks::new(),
            watchers: Watchers::new(SLOTS),
            is_closed: AtomicBool::new(false),
        }))
    }

    /// To be said of each event by whoever applied it, once the event is visible. It waits for nobody who watches, and
    /// does not know them: it marks what the event is about, and wakes one task at the most.
    ///
    /// Lines of counting that nobody is answered from may say it too: then somebody looks in vain.
    pub fn applied(&self, event: &Event<'_>, applied: &Applied) {
        if applied.outcome != Outcome::Changed {
            return;
        }
        // Pairs with the fences of those who watch and of the one task: who begins to watch, or takes a mark away, is
        // seen here, or sees the event.
        fence(Ordering::SeqCst);
        let Shared { topics, marks, watchers, .. } = &*self.0;
        if watchers.is_empty() {
            return;
        }
        let tenant = event.tenant.as_str();
        let of_room = |room: &str, touch| marks.mark(topics.room(tenant, room), touch);
        let of_user = |user: &str, touch| marks.mark(topics.user(tenant, user), touch);
        match &event.body {
            Body::MessagePosted(body) => of_room(&body.room, Touch::Counts),
            Body::MessageRecalled(body) => of_room(&body.room, Touch::Counts),
            Body::RoomTagged(body) => of_room(&body.room, Touch::Counts),
            Body::RoomDeleted(body) => of_room(&body.room, Touch::Rooms),
            Body::MessageRead(body) => of_user(&body.user, Touch::Counts),
            Body::MessageUnread(body) => of_user(&body.user, Touch::Counts),
            Body::RoomMuted(body) => of_user(&body.user, Touch::Counts),
            Body::RoomJoined(body) => body.users.iter().for_each(|user| of_user(user, Touch::Rooms)),
            Body::RoomLeft(body) => body.users.iter().for_each(|user| of_user(user, Touch::Rooms)),
            Body::UserDeleted(body) => of_user(&body.user, Touch::Rooms),
        }
    }

    /// Has everybody look again, rooms included: to be said when the gate has turned, and when other counts take the
    /// place of those before.
    pub fn look_again(&self) {
        self.0.marks.mark_all();
    }

    /// From now on every watch says [`Seen::Stopped`], those to come included.
    pub fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.look_again();
    }

    /// Wakes those who watch what was marked, as long as it runs: once in a service.
    pub async fn run(self) -> Infallible {
        let mut resting = Resting::new(self.0.interval);
        loop {
            match resting.next_due() {
                None => self.0.marks.wait().await,
                Some(due) => {
                    tokio::select! {
                        () = self.0.marks.wait() => {}
                        () = sleep_until(due) => {}
                    }
                }
            }
            let (marked, all) = self.0.marks.take();
            if all {
                fence(Ordering::SeqCst);
                self.0.watchers.touch_all(looks::ALL);
            }
            let now = Instant::now();
            for (topic, touch) in marked {
                if let Some(touch) = resting.touched(topic, touch, now) {
                    self.wake(topic, touch);
                }
            }
            while let Some((topic, touch)) = resting.rested(now) {
                self.wake(topic, touch);
            }
        }
    }

    /// What is marked from here on is marked anew; what was marked before is seen by those who are woken.
    fn wake(&self, topic: Topic, touch: Touch) {
        self.0.marks.clear(topic);
        fence(Ordering::SeqCst);
        self.0.watchers.touch(topic, touch.looks());
    }

    /// Watches the badge of a user in the rooms that fit the filter. No change is missed from now on.
    pub fn watch(&self, tenant: &str, user: &str, filter: WatchFilter) -> Watch {
        Watch::new(self.clone(), tenant, user, filter)
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }

    /// Reads from the counts, if they can be trusted.
    fn read<T>(&self, read: impl FnOnce(&Reader) -> T) -> Option<T> {
        let read = || self.0.answers.reader().as_ref().map(|reader| read(reader));
        self.0.gate.while_open(read).flatten()
    }

    fn badge(&self, tenant: &str, user: &str, filter: &WatchFilter) -> Option<Badge> {
        let muted = self.0.muted_rooms;
        self.read(|reader| filter.with(|filter| reader.filtered_badge(tenant, user, filter, muted)))
    }
}

#[cfg(test)]
mod tests;
