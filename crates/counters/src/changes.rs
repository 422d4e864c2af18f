//! What events changed since the last commit, coalesced: which facts there are now is in the
//! counters; how they were at the last commit is here.

use std::sync::Arc;

use events::MessageKey;
use hashbrown::HashMap;

use crate::tag_sets::TagNames;
use crate::{RoomIndex, UserIndex};

/// A room as it was: everything about it but its sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomFact {
    /// The number of the newest countable message.
    pub head: u32,
    /// How many messages were posted, silent ones included.
    pub posted: u64,
    /// T(head) (rule 18).
    pub time: u64,
    /// Its tags, sorted.
    pub tags: TagNames,
}

/// A membership as it was: everything about it but its sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberFact {
    /// Up to which number the member has read.
    pub cursor: u32,
    /// Whether the member muted the room.
    pub muted: bool,
}

/// A set of message numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NumberSet {
    /// The room's recalled numbers.
    Recalled(RoomIndex),
    /// The room's numbers that mention everybody.
    MentionAll(RoomIndex),
    /// A member's own numbers.
    Own(RoomIndex, UserIndex),
    /// Numbers that name the member.
    Mentioned(RoomIndex, UserIndex),
}

impl NumberSet {
    /// The room whose numbers they are.
    pub fn room(self) -> RoomIndex {
        match self {
            Self::Recalled(room) | Self::MentionAll(room) | Self::Own(room, _) | Self::Mentioned(room, _) => {
                room
            }
        }
    }

    /// The member whose numbers they are, if they are not the room's.
    pub fn user(self) -> Option<UserIndex> {
        match self {
            Self::Recalled(_) | Self::MentionAll(_) => None,
            Self::Own(_, user) | Self::Mentioned(_, user) => Some(user),
        }
    }
}

/// One number that entered or left a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberChange {
    /// The set.
    pub set: NumberSet,
    /// The number.
    pub number: u32,
    /// Whether it entered.
    pub added: bool,
}

/// A list of kept entries (rule 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeptList {
    /// The room's kept recalls.
    Recalls(RoomIndex),
    /// A member's kept reads.
    Reads(RoomIndex, UserIndex),
}

impl KeptList {
    /// The room whose messages they wait for.
    pub fn room(self) -> RoomIndex {
        match self {
            Self::Recalls(room) | Self::Reads(room, _) => room,
        }
    }
}

/// The name of a user who is gone, for whoever has to name their former facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName {
    /// The tenant.
    pub tenant: Arc<str>,
    /// The user's id.
    pub user: Arc<str>,
}

/// All that changed since the last commit. Entries that belong to a room in `deleted_rooms` may
/// be here too; they have no meaning any more.
#[derive(Debug, Default)]
pub struct Changes {
    /// Rooms that changed, with what they were; `None`: the room is new. Each room once.
    pub rooms: Vec<(RoomIndex, Option<RoomFact>)>,
    /// Memberships that changed, began or ended, with what they were; `None`: there was none.
    pub members: HashMap<(UserIndex, RoomIndex), Option<MemberFact>>,
    /// Numbers that entered or left a set, in the order of events.
    pub numbers: Vec<NumberChange>,
    /// Kept lists that changed, with what they were.
    pub kept: HashMap<KeptList, Vec<MessageKey>>,
    /// Rooms that are gone.
    pub deleted_rooms: Vec<RoomIndex>,
    /// Users who are gone, and have perhaps not come back.
    pub gone_users: HashMap<UserIndex, UserName>,
}

impl Changes {
    /// About how many bytes of memory the changes take until they are committed.
    pub fn weight(&self) -> usize {
        self.rooms.len() * size_of::<(RoomIndex, Option<RoomFact>)>()
            + self.members.len() * 2 * size_of::<((UserIndex, RoomIndex), Option<MemberFact>)>()
            + self.numbers.len() * size_of::<NumberChange>()
            + self.kept.len() * 512
            + self.deleted_rooms.len() * 4
            + self.gone_users.len() * 256
    }

    pub(crate) fn member(&mut self, user: UserIndex, room: RoomIndex, before: Option<MemberFact>) {
        self.members.entry((user, room)).or_insert(before);
    }

    pub(crate) fn number(&mut self, set: NumberSet, number: u32, added: bool) {
        self.numbers.push(NumberChange { set, number, added });
    }

    pub(crate) fn kept(&mut self, list: KeptList, before: &[MessageKey]) {
        self.kept.entry(list).or_insert_with(|| before.to_vec());
    }
}
