//! Draws the events of a history, one action after the other.

use std::borrow::Cow;

use events::{
    Body, Event, Id, MessagePosted, MessageRead, MessageRecalled, MessageUnread, RoomDeleted, RoomJoined,
    RoomLeft, RoomMuted, RoomTagged, Tag, Tenant, UserDeleted,
};

use super::mood::{Action, Mood};
use super::place::Place;
use super::random::Random;
use super::{ROOMS, TAGS, TENANTS, USERS};
use crate::policies::Policies;

pub(super) struct Generator {
    random: Random,
    mood: Mood,
    window: usize,
    places: Vec<Place>,
    users: &'static [&'static str],
    now_ms: u64,
    events: Vec<(Event<'static>, u64)>,
}

impl Generator {
    pub(super) fn new(mut random: Random, policies: Policies) -> Self {
        let mood = Mood::draw(&mut random);
        let tenants = &TENANTS[..*random.pick(&[1, 1, 2])];
        let rooms = &ROOMS[..*random.pick(&[2, 3, 4])];
        let users = &USERS[..*random.pick(&[3, 4, 6])];
        let places = tenants.iter().flat_map(|tenant| rooms.iter().map(|room| Place::new(tenant, room)));
        Self {
            mood,
            window: usize::try_from(policies.message_window).unwrap_or(usize::MAX),
            places: places.collect(),
            users,
            now_ms: random.below(1_000_000),
            random,
            events: Vec::new(),
        }
    }

    pub(super) fn generate(mut self, length: usize) -> Vec<(Event<'static>, u64)> {
        for place in 0..self.places.len() {
            let users = self.random.picks(8, self.users);
            self.joined(place, &users);
            if self.random.chance(70) {
                self.tagged(place);
            }
        }
        while self.events.len() < length {
            let action = self.mood.next_action(&mut self.random);
            self.act(action);
        }
        self.events.truncate(length);
        self.events
    }

    fn act(&mut self, action: Action) {
        let place = self.place();
        let user = self.user();
        match action {
            Action::Post => {
                let message = self.places[place].new_message();
                self.posted(place, message);
            }
            Action::PostLate => {
                if let Some(message) = self.places[place].awaited_message(&mut self.random) {
                    self.posted(place, message);
                }
            }
            Action::Retry => {
                if let Some(message) = self.posted_message(place) {
                    self.posted(place, message);
                }
            }
            Action::Read => {
                let upto = self.posted_message(place).map(id);
                if upto.is_some() {
                    self.read(place, user, upto);
                }
            }
            Action::ReadAll => self.read(place, user, None),
            Action::ReadEarly => self.read_early(place, user),
            Action::Unread => self.unread(place, user),
            Action::Recall => {
                if let Some(message) = self.posted_message(place) {
                    self.recalled(place, message);
                }
            }
            Action::RecallEarly => self.recall_early(place),
            Action::Join => {
                let users = self.random.picks(3, self.users);
                self.joined(place, &users);
            }
            Action::Leave => {
                let users = self.random.picks(2, self.users);
                self.left(place, &users);
            }
            Action::Rejoin => {
                self.left(place, &[user]);
                self.joined(place, &[user]);
            }
            Action::Tag => self.tagged(place),
            Action::Mute => self.muted(place, user),
            Action::DeleteRoom => self.delete_room(place),
            Action::DeleteUser => self.delete_user(place, user),
            Action::ManyReadsEarly => {
                self.joined(place, &[user]);
                for _ in 0..self.random.between(12, 24) {
                    self.read_early(place, user);
                }
            }
            Action::ManyRecallsEarly => {
                for _ in 0..self.random.between(55, 85) {
                    self.recall_early(place);
                }
            }
        }
    }

    fn posted(&mut self, place: usize, message: String) {
        self.places[place].note_posted(&message, self.window);
        let mentions = if self.random.chance(self.mood.mentioning) {
            self.random.picks(3, self.users)
        } else {
            Vec::new()
        };
        let posted = MessagePosted {
            room: id(self.places[place].room),
            message: id(message),
            sender: id(self.user()),
            at: self.at(),
            silent: self.random.chance(self.mood.silent),
            mentions: ids(&mentions),
            mention_all: self.random.chance(self.mood.mentioning / 4),
        };
        self.push(place, Body::MessagePosted(posted));
    }

    /// What the sender says about the time: nothing, or something about right, or nonsense.
    fn at(&mut self) -> Option<u64> {
        match self.random.below(6) {
            0 | 1 => None,
            2 => Some(self.now_ms),
            3 => Some(self.now_ms + self.random.below(5_000)),
            4 => Some(self.now_ms.saturating_sub(self.random.below(5_000))),
            _ => Some(self.random.below(self.now_ms + 1)),
        }
    }

    fn read(&mut self, place: usize, user: &'static str, upto: Option<Id<'static>>) {
        let room = id(self.places[place].room);
        self.push(place, Body::MessageRead(MessageRead { room, user: id(user), upto }));
    }

    fn read_early(&mut self, place: usize, user: &'static str) {
        let message = self.places[place].read_early(&mut self.random);
        self.read(place, user, Some(id(message)));
    }

    fn unread(&mut self, place: usize, user: &'static str) {
        let posted = self.posted_message(place).filter(|_| self.random.chance(95));
        let from = posted.unwrap_or_else(|| self.places[place].new_message());
        let unread = MessageUnread { room: id(self.places[place].room), user: id(user), from: id(from) };
        self.push(place, Body::MessageUnread(unread));
    }

    fn recalled(&mut self, place: usize, message: String) {
        let room = id(self.places[place].room);
        self.push(place, Body::MessageRecalled(MessageRecalled { room, message: id(message) }));
    }

    fn recall_early(&mut self, place: usize) {
        let message = self.places[place].recall_early(&mut self.random);
        self.recalled(place, message);
    }

    fn joined(&mut self, place: usize, users: &[&'static str]) {
        let joined = RoomJoined {
            room: id(self.places[place].room),
            users: ids(users),
            history: *self.random.pick(&[events::History::None, events::History::All]),
        };
        self.push(place, Body::RoomJoined(joined));
    }

    fn left(&mut self, place: usize, users: &[&'static str]) {
        let left = RoomLeft { room: id(self.places[place].room), users: ids(users) };
        self.push(place, Body::RoomLeft(left));
    }

    fn tagged(&mut self, place: usize) {
        let tags = self.random.picks(3, &TAGS);
        let tags = tags.into_iter().map(|tag| Tag::new(tag).expect("a short name is a tag"));
        let tagged = RoomTagged { room: id(self.places[place].room), tags: tags.collect() };
        self.push(place, Body::RoomTagged(tagged));
    }

    fn muted(&mut self, place: usize, user: &'static str) {
        let room = id(self.places[place].room);
        let muted = self.random.chance(60);
        self.push(place, Body::RoomMuted(RoomMuted { room, user: id(user), muted }));
    }

    fn delete_room(&mut self, place: usize) {
        self.places[place].note_deleted();
        let room = id(self.places[place].room);
        for _ in 0..self.random.between(1, 2) {
            self.push(place, Body::RoomDeleted(RoomDeleted { room: room.clone() }));
        }
        if self.random.chance(70) {
            self.joined(place, self.users);
        }
    }

    fn delete_user(&mut self, place: usize, user: &'static str) {
        self.push(place, Body::UserDeleted(UserDeleted { user: id(user) }));
        if self.random.chance(70) {
            self.joined(place, &[user]);
        }
    }

    /// The stream's clock mostly goes forward; now and then it is set back.
    fn push(&mut self, place: usize, body: Body<'static>) {
        self.now_ms += self.random.below(1_000);
        let stored_ms = if self.random.chance(3) { self.now_ms.saturating_sub(2_000) } else { self.now_ms };
        let tenant = Tenant::new(self.places[place].tenant).expect("a short name is a tenant");
        self.events.push((Event { tenant, body }, stored_ms));
    }

    fn place(&mut self) -> usize {
        if self.random.chance(self.mood.favourite_room) {
            return 0;
        }
        self.random.index(self.places.len())
    }

    fn user(&mut self) -> &'static str {
        if self.random.chance(self.mood.favourite_user) {
            return self.users[0];
        }
        let users = self.users;
        self.random.pick::<&str>(users)
    }

    fn posted_message(&mut self, place: usize) -> Option<String> {
        self.places[place].posted_message(&mut self.random, self.window)
    }
}

fn id(text: impl Into<Cow<'static, str>>) -> Id<'static> {
    Id::new(text).expect("a short name is an id")
}

fn ids(names: &[&'static str]) -> Vec<Id<'static>> {
    names.iter().map(|name| id(*name)).collect()
}
