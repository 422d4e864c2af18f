//! The events themselves.

use std::borrow::Cow;

use events::{
    Body, History, Id, MessagePosted, MessageRead, MessageRecalled, MessageUnread, RoomDeleted, RoomJoined,
    RoomLeft, RoomMuted, RoomTagged, Tag, UserDeleted,
};

use super::{Load, TAGS, short};

/// No room has more members than this, so that badges stay cheap to recount.
const MOST_MEMBERS: usize = 40;
/// The stream's clock is far later.
const SOME_TIME_MS: u64 = 1_700_000_000_000;

impl Load {
    /// What the next event of that room is. The shares are of ten thousand.
    pub(super) fn body(&mut self, room: usize) -> Body<'static> {
        match self.random.u32(..10_000) {
            0..6_600 => self.posted(room, None),
            6_600..6_750 => {
                let awaited = self.rooms[room].any_awaited(&mut self.random);
                self.posted(room, awaited)
            }
            6_750..7_000 => {
                let retried = self.rooms[room].any_posted(&mut self.random);
                self.posted(room, retried)
            }
            7_000..8_000 => {
                let upto = self.rooms[room].any_posted(&mut self.random);
                self.read(room, upto)
            }
            8_000..8_300 => self.read(room, None),
            8_300..8_400 => {
                let awaited = self.awaited(room);
                self.read(room, Some(awaited))
            }
            8_400..8_650 => self.unread(room),
            8_650..8_950 => {
                let recalled = self.rooms[room].any_posted(&mut self.random);
                self.recalled(room, recalled)
            }
            8_950..9_020 => {
                let awaited = self.awaited(room);
                self.recalled(room, Some(awaited))
            }
            9_020..9_450 => {
                let count = self.random.usize(1..4);
                self.joined(room, count)
            }
            9_450..9_700 => self.left(room),
            9_700..9_800 => self.tagged(room),
            9_800..9_985 => self.muted(room),
            9_985..9_994 => self.many_awaited(room),
            9_994..9_999 => self.deleted(room),
            _ => self.user_deleted(room),
        }
    }

    /// A room begins with members and tags.
    pub(super) fn begin(&mut self, room: usize) -> Body<'static> {
        let tagged = self.tagged(room);
        self.pending.push((room, tagged));
        self.joined(room, self.scale.members)
    }

    fn new_message(&mut self) -> u32 {
        self.messages_named += 1;
        self.messages_named
    }

    /// A message that is named before it is posted, if ever.
    fn awaited(&mut self, room: usize) -> u32 {
        let message = self.new_message();
        self.rooms[room].await_message(message);
        message
    }

    fn any_user(&mut self, room: usize) -> u32 {
        self.rooms[room].any_user(&mut self.random, self.scale.users)
    }

    fn room_id(&self, room: usize) -> Id<'static> {
        id(self.rooms[room].id.clone())
    }

    fn posted(&mut self, room: usize, message: Option<u32>) -> Body<'static> {
        let message = message.unwrap_or_else(|| self.new_message());
        self.rooms[room].note_posted(message);
        let mentioned = if self.random.u32(..12) == 0 { self.random.usize(1..4) } else { 0 };
        let mentions = (0..mentioned).map(|_| user_id(self.any_user(room))).collect();
        Body::MessagePosted(MessagePosted {
            room: self.room_id(room),
            message: message_id(message),
            sender: user_id(self.any_user(room)),
            at: self.at(),
            silent: self.random.u32(..25) == 0,
            mentions,
            mention_all: self.random.u32(..100) == 0,
        })
    }

    /// What the sender says about the time: mostly nothing.
    fn at(&mut self) -> Option<u64> {
        match self.random.u32(..8) {
            0 => Some(SOME_TIME_MS + self.made),
            1 => Some(self.random.u64(..=events::MAX_AT)),
            _ => None,
        }
    }

    fn read(&mut self, room: usize, upto: Option<u32>) -> Body<'static> {
        let user = user_id(self.any_user(room));
        Body::MessageRead(MessageRead { room: self.room_id(room), user, upto: upto.map(message_id) })
    }

    fn unread(&mut self, room: usize) -> Body<'static> {
        let from = self.rooms[room].any_posted(&mut self.random);
        let from = from.unwrap_or_else(|| self.new_message());
        let user = user_id(self.any_user(room));
        Body::MessageUnread(MessageUnread { room: self.room_id(room), user, from: message_id(from) })
    }

    fn recalled(&mut self, room: usize, message: Option<u32>) -> Body<'static> {
        let message = message.unwrap_or_else(|| self.new_message());
        Body::MessageRecalled(MessageRecalled { room: self.room_id(room), message: message_id(message) })
    }

    /// More reads or recalls of messages to come than are kept.
    fn many_awaited(&mut self, room: usize) -> Body<'static> {
        if self.random.bool() {
            let user = self.any_user(room);
            for _ in 0..20 {
                let upto = Some(message_id(self.awaited(room)));
                let read = MessageRead { room: self.room_id(room), user: user_id(user), upto };
                self.pending.push((room, Body::MessageRead(read)));
            }
        } else {
            for _ in 0..70 {
                let awaited = self.awaited(room);
                let recalled = self.recalled(room, Some(awaited));
                self.pending.push((room, recalled));
            }
        }
        self.muted(room)
    }

    fn joined(&mut self, room: usize, count: usize) -> Body<'static> {
        let free = MOST_MEMBERS.saturating_sub(self.rooms[room].members.len());
        let users: Vec<u32> = (0..count.min(free)).map(|_| self.random.u32(..self.scale.users)).collect();
        self.rooms[room].members.extend(&users);
        Body::RoomJoined(RoomJoined {
            room: self.room_id(room),
            users: users.into_iter().map(user_id).collect(),
            history: if self.random.bool() { History::All } else { History::None },
        })
    }

    fn left(&mut self, room: usize) -> Body<'static> {
        let members = &mut self.rooms[room].members;
        let user = if members.is_empty() {
            self.random.u32(..self.scale.users)
        } else {
            members.swap_remove(self.random.usize(..members.len()))
        };
        Body::RoomLeft(RoomLeft { room: self.room_id(room), users: vec![user_id(user)] })
    }

    fn tagged(&mut self, room: usize) -> Body<'static> {
        let tags = TAGS.into_iter().filter(|_| self.random.u32(..3) == 0);
        let tags = tags.map(|tag| Tag::new(tag).expect("a short name is a tag")).collect();
        Body::RoomTagged(RoomTagged { room: self.room_id(room), tags })
    }

    fn muted(&mut self, room: usize) -> Body<'static> {
        let user = user_id(self.any_user(room));
        Body::RoomMuted(RoomMuted { room: self.room_id(room), user, muted: self.random.bool() })
    }

    /// A room goes, and another with its name begins.
    fn deleted(&mut self, room: usize) -> Body<'static> {
        self.rooms[room].note_deleted();
        let joined = self.joined(room, self.scale.members);
        self.pending.push((room, joined));
        Body::RoomDeleted(RoomDeleted { room: self.room_id(room) })
    }

    fn user_deleted(&mut self, room: usize) -> Body<'static> {
        Body::UserDeleted(UserDeleted { user: user_id(self.any_user(room)) })
    }
}

fn id(text: impl Into<Cow<'static, str>>) -> Id<'static> {
    Id::new(text).expect("a short name is an id")
}

fn message_id(number: u32) -> Id<'static> {
    id(short(number))
}

fn user_id(number: u32) -> Id<'static> {
    id(Load::user(number))
}
