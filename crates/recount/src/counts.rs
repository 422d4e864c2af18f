//! What is compared of one membership.

use counters::RoomAccount;
use oracle::Oracle;
use serde::{Deserialize, Serialize};

/// All of a membership that a badge depends on, whatever it asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rule 2.
    pub unread: u64,
    /// Rule 17.
    pub mentions: u64,
    /// Whether the member muted the room.
    pub muted: bool,
    /// The room's tags, sorted.
    pub tags: Vec<String>,
}

impl From<&RoomAccount> for Counts {
    fn from(room: &RoomAccount) -> Self {
        let RoomAccount { unread, mentions, muted, tags, .. } = room;
        Self { unread: *unread, mentions: *mentions, muted: *muted, tags: tags.clone() }
    }
}

impl Counts {
    /// What the oracle counts; `None` if the user is no member.
    pub(crate) fn by_oracle(oracle: &Oracle, tenant: &str, user: &str, room: &str) -> Option<Self> {
        Some(Self {
            unread: oracle.unread(tenant, user, room)?,
            mentions: oracle.mentions(tenant, user, room)?,
            muted: oracle.is_muted(tenant, user, room)?,
            tags: oracle.tags(tenant, room).into_iter().map(str::to_owned).collect(),
        })
    }
}
