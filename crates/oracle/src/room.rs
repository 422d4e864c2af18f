//! What the oracle keeps of a room: everything.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One room of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Every message ever posted here, in order of posting.
    pub(crate) messages: Vec<Message>,
    /// By each id ever posted here: the place in `messages` of the newest that has it.
    pub(crate) newest: HashMap<String, usize>,
    /// Rule 1: the number last given; 0 before the first.
    pub(crate) head: u64,
    /// Rule 18: T(head), in milliseconds since the Unix epoch; 0 before the first number.
    pub(crate) time: u64,
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
    pub(crate) mentions: BTreeSet<String>,
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
    /// Own numbers up to this one are facts no more: no event can make them matter again.
    pub(crate) own_forgotten: u64,
    /// The same of the numbers of messages that name the member.
    pub(crate) mentioned_forgotten: u64,
}

impl Room {
    /// How many messages were posted, silent ones included.
    pub(crate) fn posted_so_far(&self) -> u64 {
        self.messages.len() as u64
    }

    /// The messages that have a number of their own, in its order.
    pub(crate) fn countable(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| !message.silent)
    }

    /// Rule 4: the messages known by their ids, the newest first.
    pub(crate) fn known(&self, window: usize) -> impl Iterator<Item = &Message> {
        self.messages.iter().rev().take(window)
    }

    /// The known message of that id.
    pub(crate) fn find(&self, window: usize, id: &str) -> Option<&Message> {
        let place = self.place_of_known(window, id)?;
        Some(&self.messages[place])
    }

    /// The known message of that id, to change it.
    pub(crate) fn find_mut(&mut self, window: usize, id: &str) -> Option<&mut Message> {
        let place = self.place_of_known(window, id)?;
        Some(&mut self.messages[place])
    }

    /// Rule 4: where the newest message of that id lies, if it is among the newest `window` of all.
    fn place_of_known(&self, window: usize, id: &str) -> Option<usize> {
        let first_known = self.messages.len().saturating_sub(window);
        self.newest.get(id).copied().filter(|place| *place >= first_known)
    }

    /// Adds a message as the newest.
    pub(crate) fn push(&mut self, message: Message) {
        self.newest.insert(message.id.clone(), self.messages.len());
        self.messages.push(message);
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
        self.mention_all || self.names(user, member)
    }

    /// Rule 17: whether this message named that member, in the membership that still lasts.
    pub(crate) fn names(&self, user: &str, member: &Member) -> bool {
        self.mentions.contains(user) && self.is_of_membership(member)
    }
}
