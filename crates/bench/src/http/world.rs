//! Who asks for badges, and over which rooms.

use bench::counted::TENANT;
use events::{
    Body, History, Id, MessagePosted, MessageRead, RoomJoined, RoomTagged, Tag, encode_message_pack,
};

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

/// Rooms of so many members, which none of those are in who ask. The members of one are also in those after it.
pub(crate) const SIZES: [usize; 4] = [2, 100, 1_000, 100_000];
/// So many join with one event.
const JOINING: usize = 1_000;

/// The room of `SIZES[place]` members, beside the others.
pub(crate) fn sized_room(place: usize) -> usize {
    ROOMS + place
}

pub(crate) fn members(size: usize) -> impl Iterator<Item = String> {
    (0..size).map(|member| format!("member-{member}"))
}

/// What made these rooms so.
pub(crate) fn sized_room_events() -> impl Iterator<Item = Body<'static>> {
    SIZES.iter().enumerate().flat_map(|(place, size)| {
        let members: Vec<_> = members(*size).map(id).collect();
        let joined = |users: &[Id<'static>]| {
            let (room, users) = (id(room(sized_room(place))), users.to_vec());
            Body::RoomJoined(RoomJoined { room, users, history: History::None })
        };
        members.chunks(JOINING).map(joined).collect::<Vec<_>>()
    })
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
    members.into_iter().enumerate().flat_map(|(number, users)| {
        let tags = TAGS.iter().enumerate().filter(|(digit, _)| number >> digit & 1 == 1);
        let tags = tags.map(|(_, tag)| Tag::new(*tag).expect("it is one")).collect();
        [
            Body::RoomJoined(RoomJoined { room: id(room(number)), users, history: History::None }),
            Body::RoomTagged(RoomTagged { room: id(room(number)), tags }),
        ]
    })
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

/// Somebody of 50 rooms reads all that there is in one of them.
pub(crate) fn read(number: usize) -> Body<'static> {
    let group = GROUPS[1];
    let user = number % group.users;
    let read_room = group.rooms_of(user).nth(number / group.users % group.rooms).expect("it is one of them");
    Body::MessageRead(MessageRead { room: id(room(read_room)), user: id(group.user(user)), upto: None })
}

fn id(text: String) -> Id<'static> {
    Id::new(text).expect("it is an id")
}

/// Subject and body, as a producer sends them.
pub(crate) fn message(body: &Body<'_>) -> (String, Vec<u8>) {
    (format!("chat.{TENANT}.{}", body.kind()), encode_message_pack(body))
}
