//! Who asks for badges, and over which rooms.

use events::{Body, History, Id, MessagePosted, RoomJoined, RoomTagged, Tag, encode_message_pack};

use crate::counted::TENANT;

pub(crate) const ROOMS: usize = 20_000;
/// Posted before anybody asks.
pub(crate) const HISTORY_POSTS: usize = 100_000;
/// Each room has some of these: of its index, as a binary number, each digit stands for one.
pub(crate) const TAGS: [&str; 5] = ["work", "open", "urgent", "team", "north"];

/// Users with equally many rooms, spread over all rooms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) rooms: usize,
    pub(crate) users: usize,
}

pub(crate) const GROUPS: [Group; 4] = [
    Group { rooms: 10, users: 1_000 },
    Group { rooms: 50, users: 1_000 },
    Group { rooms: 1_000, users: 1_000 },
    Group { rooms: 10_000, users: 100 },
];

impl Group {
    pub(crate) fn user(self, number: usize) -> String {
        format!("user-{}-of-{}-rooms", number, self.rooms)
    }

    /// The rooms of a user: every so many, from the user's own number on.
    pub(crate) fn rooms_of(self, user: usize) -> impl Iterator<Item = usize> {
        let step = ROOMS / self.rooms;
        (0..self.rooms).map(move |place| (user * 7 + place * step) % ROOMS)
    }
}

fn room(number: usize) -> String {
    format!("room-{number}")
}

/// A room beside the others, that none of them is in who ask.
pub(crate) const LARGE_ROOM: usize = ROOMS;
pub(crate) const LARGE_ROOM_MEMBERS: usize = 1_000;

pub(crate) fn large_room_members() -> impl Iterator<Item = String> {
    (0..LARGE_ROOM_MEMBERS).map(|member| format!("member-{member}"))
}

/// What made it so: everybody's joining, and the tags.
pub(crate) fn events() -> impl Iterator<Item = Body<'static>> {
    let mut members = vec![Vec::new(); ROOMS];
    for group in GROUPS {
        for user in 0..group.users {
            for room in group.rooms_of(user) {
                members[room].push(id(group.user(user)));
            }
        }
    }
    let large = RoomJoined {
        room: id(room(LARGE_ROOM)),
        users: large_room_members().map(id).collect(),
        history: History::None,
    };
    let rooms = members.into_iter().enumerate().flat_map(|(number, users)| {
        let tags = TAGS.iter().enumerate().filter(|(digit, _)| number >> digit & 1 == 1);
        let tags = tags.map(|(_, tag)| Tag::new(*tag).expect("it is one")).collect();
        [
            Body::RoomJoined(RoomJoined { room: id(room(number)), users, history: History::None }),
            Body::RoomTagged(RoomTagged { room: id(room(number)), tags }),
        ]
    });
    rooms.chain([Body::RoomJoined(large)])
}

/// Where the post of that number goes, counted from 0: round the rooms in leaps.
pub(crate) fn room_of(post: usize) -> usize {
    post * 7_919 % ROOMS
}

pub(crate) fn post(number: usize) -> Body<'static> {
    post_to(room_of(number), number)
}

/// A post of that number to any room, by somebody who is in none.
pub(crate) fn post_to(to: usize, number: usize) -> Body<'static> {
    Body::MessagePosted(MessagePosted {
        room: id(room(to)),
        message: id(format!("01HQ{number:016}")),
        sender: id(format!("sender-{}", number % 100)),
        at: None,
        silent: false,
        mentions: Vec::new(),
        mention_all: false,
    })
}

fn id(text: String) -> Id<'static> {
    Id::new(text).expect("it is an id")
}

/// Subject and body, as a producer sends them.
pub(crate) fn message(body: &Body<'_>) -> (String, Vec<u8>) {
    (format!("chat.{TENANT}.{}", body.kind()), encode_message_pack(body))
}
