//! One badge that is watched.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use counters::Badge;
use tokio::time::{Instant, sleep_until};

use super::topic::Topic;
use super::watchers::{Watcher, looks};
use super::{Hub, WatchFilter};

/// One badge that is watched, until this is dropped.
#[derive(Debug)]
pub struct Watch {
    hub: Hub,
    tenant: Box<str>,
    user: Box<str>,
    filter: WatchFilter,
    watcher: Arc<Watcher>,
    /// The user.
    own: Topic,
    /// The user's rooms, ascending.
    rooms: Box<[Topic]>,
    told: Told,
    /// Nobody looks before, but when all have to.
    rests_until: Instant,
}

/// What there is to tell of a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is this now.
    Badge(Badge),
    /// The counts can't be trusted now.
    NotReady,
    /// Nothing will come any more.
    Stopped,
}

/// What was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Badge(Badge),
    NotReady,
}

impl Watch {
    pub(super) fn new(hub: Hub, tenant: &str, user: &str, filter: WatchFilter) -> Self {
        let own = hub.0.topics.user(tenant, user);
        let watcher = hub.0.watchers.come();
        let mut watch = Self {
            tenant: tenant.into(),
            user: user.into(),
            filter,
            watcher,
            own,
            rooms: Box::default(),
            told: Told::Nothing,
            rests_until: Instant::now(),
            hub,
        };
        // First the user, then the rooms: those who join meanwhile find out.
        let Hub(shared) = &watch.hub;
        shared.watchers.add(&watch.watcher, std::iter::once(own), &shared.marks);
        watch.find_rooms();
        watch
    }

    /// What was told by somebody who has read the counts after this watch began.
    pub(crate) fn tell(&mut self, badge: Badge) {
        self.told = Told::Badge(badge);
    }

    /// The number at once the first time, and then each time when it is another one: not more often than once in the hub's
    /// interval, and the last one in any case. That the counts can't be trusted is told once, and then the
    /// number when they can again.
    ///
    /// Nothing is lost if this is dropped before it is ready.
    pub async fn next(&mut self) -> Seen {
        loop {
            poll_fn(|context| self.watcher.poll_any(looks::ALL, context)).await;
            if self.rests_until > Instant::now() {
                tokio::select! {
                    () = sleep_until(self.rests_until) => {}
                    () = poll_fn(|context| self.watcher.poll_any(looks::URGENT, context)) => {}
                }
            }
            if let Some(seen) = self.look() {
                return seen;
            }
        }
    }

    /// Whether there is nothing to do; the waker is woken when there is.
    #[cfg(test)]
    pub(super) fn poll_idle(&self, context: &mut std::task::Context<'_>) -> bool {
        self.watcher.poll_any(looks::ALL, context).is_pending()
    }

    /// What is to be told, if it is something else than was told last.
    fn look(&mut self) -> Option<Seen> {
        self.look_by(Self::badge)
    }

    pub(super) fn badge(&self) -> Option<Badge> {
        self.hub.badge(&self.tenant, &self.user, &self.filter)
    }

    /// The same, where the number is read in this way.
    pub(super) fn look_by(&mut self, read: impl FnOnce(&Self) -> Option<Badge>) -> Option<Seen> {
        if self.hub.is_closed() {
            return Some(Seen::Stopped);
        }
        // Before anything is read: whatever is changed from here on is another thing to do.
        if self.watcher.take() & looks::ROOMS != 0 {
            self.find_rooms();
        }
        self.rests_until = Instant::now() + self.hub.0.interval;
        match (read(self), self.told) {
            (Some(badge), Told::Badge(told)) if badge.applied >= told.applied => {
                if badge.count == told.count {
                    return None;
                }
                self.tell(badge);
                Some(Seen::Badge(badge))
            }
            (Some(badge), Told::Nothing | Told::NotReady) => {
                self.tell(badge);
                Some(Seen::Badge(badge))
            }
            (None, Told::NotReady) => None,
            (None, Told::Nothing | Told::Badge(_)) => {
                self.told = Told::NotReady;
                Some(Seen::NotReady)
            }
            // Counts that have gone back are others than those that were told of.
            (Some(_), Told::Badge(_)) => {
                self.told = Told::NotReady;
                self.watcher.touch(looks::COUNTS);
                Some(Seen::NotReady)
            }
        }
    }

    /// Watches the rooms that the user has now.
    fn find_rooms(&mut self) {
        fence(Ordering::SeqCst);
        let Hub(shared) = &self.hub;
        let mut rooms = Vec::new();
        // Behind a closed gate too: what it shows when it opens is looked at again.
        if let Some(reader) = &*shared.answers.reader() {
            reader.rooms(&self.tenant, &self.user, |room| rooms.push(shared.topics.room(&self.tenant, room)));
        }
        rooms.sort_unstable();
        rooms.dedup();
        let is_in = |rooms: &[Topic], room: &Topic| rooms.binary_search(room).is_ok();
        let come = rooms.iter().copied().filter(|room| !is_in(&self.rooms, room));
        shared.watchers.add(&self.watcher, come, &shared.marks);
        let gone = self.rooms.iter().copied().filter(|room| !is_in(&rooms, room));
        shared.watchers.remove(&self.watcher, gone, &shared.marks);
        self.rooms = rooms.into();
        // What was changed in them before they were watched is read after this.
        fence(Ordering::SeqCst);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Hub(shared) = &self.hub;
        let topics = self.rooms.iter().copied().chain([self.own]);
        shared.watchers.remove(&self.watcher, topics, &shared.marks);
        shared.watchers.go();
    }
}
