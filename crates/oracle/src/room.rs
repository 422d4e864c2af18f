//! What the oracle keeps of a room: everything.

use std::collections::{BTreeMap, BTreeSet};

/// One room of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Every message ever posted here, in order of posting.
    pub(crate) messages: Vec<Message>,
    pub(crate) tags: BTreeSet<String>,
    /// Those who may read the room now, by user.
    pub(crate) members: BTreeMap<String, Member>,
    /// The messages whose recall waits for them to be posted, the longest kept first.
    pub(crate) kept_recalls: Vec<String>,
}

/// One message, as it was posted.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// 1 for the first message posted in the room, silent ones included.
    pub(crate) order: u64,
    /// The message's own number, or the number that a silent message stands for.
    pub(crate) number: u64,
    pub(crate) silent: bool,
    pub(crate) sender: String,
    pub(crate) recalled: bool,
    /// T(number), in milliseconds since the Unix epoch.
    pub(crate) time: u64,
    pub(crate) mentions: Vec<String>,
    pub(crate) mention_all: bool,
}

/// One membership, from its joining to now.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// How many messages had been posted in the room when this membership began.
    pub(crate) joined_after: u64,
    pub(crate) cursor: u64,
    pub(crate) muted: bool,
    /// The messages whose reading waits for them to be posted, the longest kept first.
    pub(crate) kept_reads: Vec<String>,
}

impl Room {
    /// How many messages were posted, silent ones included.
    pub(crate) fn posted_so_far(&self) -> u64 {
        self.messages.len() as u64
    }

    /// The number of countable messages posted so far.
    pub(crate) fn head(&self) -> u64 {
        let countable = self.messages.iter().filter(|message| !message.silent);
        countable.count() as u64
    }

    /// T(head), or 0 before the first countable message. T never falls, so it is the largest.
    pub(crate) fn time_of_head(&self) -> u64 {
        let times = self.messages.iter().map(|message| message.time);
        times.max().unwrap_or(0)
    }

    /// Rule 4: the messages known by their ids, the newest first.
    pub(crate) fn known(&self, window: usize) -> impl Iterator<Item = &Message> {
        self.messages.iter().rev().take(window)
    }

    /// The known message of that id.
    pub(crate) fn find(&self, window: usize, id: &str) -> Option<&Message> {
        self.known(window).find(|message| message.id == id)
    }

    /// The known message of that id, to change it.
    pub(crate) fn find_mut(&mut self, window: usize, id: &str) -> Option<&mut Message> {
        let mut known = self.messages.iter_mut().rev().take(window);
        known.find(|message| message.id == id)
    }
}

impl Message {
    /// Posted in this membership, and not before it.
    pub(crate) fn is_of_membership(&self, member: &Member) -> bool {
        self.order > member.joined_after
    }

    /// Rule 2: posted by this user while a member, in the membership that still lasts.
    pub(crate) fn is_own(&self, user: &str, member: &Member) -> bool {
        self.sender == user && self.is_of_membership(member)
    }

    /// Rule 2: whether this message counts as unread for that member. Silent messages never do.
    pub(crate) fn is_unread(&self, user: &str, member: &Member) -> bool {
        !self.silent && self.number > member.cursor && !self.recalled && !self.is_own(user, member)
    }

    /// Rule 17: whether this message, if unread, is a mention of that member.
    pub(crate) fn mentions(&self, user: &str, member: &Member) -> bool {
        let named = self.mentions.iter().any(|mentioned| mentioned == user);
        self.mention_all || (named && self.is_of_membership(member))
    }
}
