//! A small team that chats: the same things in the same order for the same seed.

use std::time::Duration;

use events::{
    Body, Event, History, Id, MessagePosted, MessageRead, MessageRecalled, MessageUnread, RoomJoined,
    RoomTagged, Tag, Tenant,
};
use fastrand::Rng;

use super::settings::TENANT;
use room::Room;

pub(super) use room::PLANS;

mod by_hand;
mod room;

/// Whose badge is looked at.
pub(super) const USER: &str = "ann";
/// A tag of some rooms, but not of all.
pub(super) const TAG: &str = "urgent";

/// With this many unread messages the user reads in any case.
const MANY: usize = 14;
/// With no more than this many the user leaves them for later, so that there is something to see.
const FEW: usize = 4;

/// Something that somebody does.
pub(super) struct Step {
    pub(super) event: Event<'static>,
    /// The same for people.
    pub(super) said: String,
    /// What passes until the next step.
    pub(super) pause: Duration,
}

/// The team, and what its user has not read yet.
pub(super) struct Team {
    random: Rng,
    rooms: Vec<Room>,
    /// Begins every message id, so that another run's messages are others.
    run: String,
    messages: u64,
}

impl Team {
    pub(super) fn new(seed: u64, run: &str) -> Self {
        let rooms = PLANS.iter().map(Room::new).collect();
        Self { random: Rng::with_seed(seed), rooms, run: run.to_owned(), messages: 0 }
    }

    /// Members, tags, and a few messages that wait for the user.
    pub(super) fn opening(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for index in 0..self.rooms.len() {
            let room = &self.rooms[index];
            let users = room.plan.members.iter().map(|user| id(user)).collect();
            let joined = RoomJoined { room: room.id(), users, history: History::None };
            steps.push(self.step(index, Body::RoomJoined(joined), "opened"));
            steps.push(self.tags_set(index, "tagged"));
        }
        while self.unread() <= FEW {
            steps.push(self.somebody_posts());
        }
        steps
    }

    /// What happens next.
    pub(super) fn next(&mut self) -> Step {
        let unread = self.unread();
        let roll = self.random.u32(..100);
        let step = match roll {
            _ if unread >= MANY => Some(self.user_reads()),
            0..15 if unread > FEW => Some(self.user_reads()),
            0..25 => Some(self.somebody_reads()),
            25..30 => self.somebody_recalls(),
            30..34 => self.user_marks_unread(),
            34..42 => Some(self.user_posts()),
            42..45 => Some(self.somebody_retags()),
            _ => None,
        };
        step.unwrap_or_else(|| self.somebody_posts())
    }

    /// How many messages the user has not read, as the badge must say it.
    fn unread(&self) -> usize {
        self.rooms.iter().map(|room| room.unread.len()).sum()
    }

    fn somebody_posts(&mut self) -> Step {
        let index = self.random.usize(..self.rooms.len());
        let sender = self.other(index);
        match self.random.u32(..10) {
            0 => self.posted(index, sender, Mention::User, "posted and mentioned ann"),
            1 => self.posted(index, sender, Mention::Everybody, "posted and mentioned everybody"),
            _ => self.posted(index, sender, Mention::Nobody, "posted"),
        }
    }

    fn user_posts(&mut self) -> Step {
        let index = self.random.usize(..self.rooms.len());
        self.posted(index, USER, Mention::Nobody, "replied")
    }

    fn posted(&mut self, index: usize, sender: &'static str, mention: Mention, what: &str) -> Step {
        self.messages += 1;
        let message = format!("{}-{}", self.run, self.messages);
        let room = &mut self.rooms[index];
        room.post(&message, sender);
        let posted = MessagePosted {
            room: room.id(),
            message: id(&message),
            sender: id(sender),
            at: None,
            silent: false,
            mentions: if mention == Mention::User { vec![id(USER)] } else { Vec::new() },
            mention_all: mention == Mention::Everybody,
        };
        self.step(index, Body::MessagePosted(posted), &format!("{sender} {what}"))
    }

    /// The fullest room: all of it, or all but the newest if the badge would be zero.
    fn user_reads(&mut self) -> Step {
        let fullest = (0..self.rooms.len()).max_by_key(|index| self.rooms[*index].unread.len());
        let index = fullest.unwrap_or_default();
        let is_all = self.unread() == self.rooms[index].unread.len();
        let room = &mut self.rooms[index];
        let left = usize::from(is_all);
        let upto = room.read(left).filter(|_| is_all);
        let read = MessageRead { room: room.id(), user: id(USER), upto: upto.map(|m| id(&m)) };
        let what = if is_all { "all but the newest" } else { "everything" };
        self.step(index, Body::MessageRead(read), &format!("{USER} read {what}"))
    }

    /// This changes no badge but the reader's.
    fn somebody_reads(&mut self) -> Step {
        let index = self.random.usize(..self.rooms.len());
        let user = self.other(index);
        let read = MessageRead { room: self.rooms[index].id(), user: id(user), upto: None };
        self.step(index, Body::MessageRead(read), &format!("{user} read everything"))
    }

    /// Any recent message, unless it is the last one in the badge.
    fn somebody_recalls(&mut self) -> Option<Step> {
        let index = self.random.usize(..self.rooms.len());
        let unread = self.unread();
        let room = &mut self.rooms[index];
        let message = self.random.choice(room.recent.iter())?.clone();
        if unread == 1 && room.unread.contains(&message.id) {
            return None;
        }
        room.recall(&message.id);
        let recalled = MessageRecalled { room: room.id(), message: id(&message.id) };
        let said = format!("{} recalled a message", message.sender);
        Some(self.step(index, Body::MessageRecalled(recalled), &said))
    }

    /// In a room that has been read.
    fn user_marks_unread(&mut self) -> Option<Step> {
        let index = self.random.usize(..self.rooms.len());
        let room = &mut self.rooms[index];
        if room.recent.is_empty() || !room.unread.is_empty() {
            return None;
        }
        let back = self.random.usize(1..=room.recent.len().min(3));
        let from = room.mark_unread(room.recent.len() - back);
        let unread = MessageUnread { room: room.id(), user: id(USER), from: id(&from) };
        Some(self.step(index, Body::MessageUnread(unread), &format!("{USER} marked as unread")))
    }

    /// What was urgent no longer is, or the other way round.
    fn somebody_retags(&mut self) -> Step {
        let index = self.random.usize(..self.rooms.len());
        let room = &mut self.rooms[index];
        room.is_urgent = !room.is_urgent;
        let said = if room.is_urgent { "now urgent" } else { "no longer urgent" };
        self.tags_set(index, said)
    }

    fn tags_set(&mut self, index: usize, said: &str) -> Step {
        let room = &self.rooms[index];
        let tags = room.tags().map(|tag| Tag::new(tag).expect("the plan's tags are tags")).collect();
        let tagged = RoomTagged { room: room.id(), tags };
        self.step(index, Body::RoomTagged(tagged), said)
    }

    fn other(&mut self, index: usize) -> &'static str {
        let others = self.rooms[index].others();
        others[self.random.usize(..others.len())]
    }

    fn step(&mut self, index: usize, body: Body<'static>, said: &str) -> Step {
        let tenant = Tenant::new(TENANT).expect("the demo's tenant has a valid name");
        Step {
            event: Event { tenant, body },
            said: format!("{}: {said}", self.rooms[index].plan.name),
            pause: Duration::from_millis(self.random.u64(250..900)),
        }
    }
}

/// Whom a message mentions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mention {
    Nobody,
    User,
    Everybody,
}

fn id(text: &str) -> Id<'static> {
    Id::new(text.to_owned()).expect("the team's names are ids")
}

#[cfg(test)]
mod tests;
