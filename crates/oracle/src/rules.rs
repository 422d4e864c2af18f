//! What each event does to a room, rule by rule.

use events::{
    History, MessagePosted, MessageRead, MessageRecalled, MessageUnread, RoomJoined, RoomLeft, RoomMuted,
    RoomTagged,
};

use crate::outcome::{Effect, Outcome};
use crate::policies::{OwnMessages, Policies};
use crate::room::{Member, Message, Room};

/// The numbers and choices in the rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) own_messages: OwnMessages,
    /// Rule 4: how many messages of a room are known.
    pub(crate) window: usize,
    /// Rule 6: how many reads of each member are kept in each room.
    pub(crate) kept_reads: usize,
    /// Rule 6: how many recalls are kept in each room.
    pub(crate) kept_recalls: usize,
}

impl Rules {
    pub(crate) fn new(policies: Policies) -> Self {
        Self {
            own_messages: policies.own_messages,
            window: usize::try_from(policies.message_window).unwrap_or(usize::MAX),
            kept_reads: 16,
            kept_recalls: 64,
        }
    }
}

impl Room {
    pub(crate) fn posted(&mut self, rules: Rules, posted: &MessagePosted<'_>, stored_ms: u64) -> Outcome {
        let id = posted.message.as_str();
        // Rule 4: a retry or an edit of a known message changes nothing.
        if self.find(rules.window, id).is_some() {
            return Outcome::UNCHANGED;
        }

        // Rule 1: a countable message takes the next number, a silent one stands for the last.
        // Rule 18: time follows the numbers, so a silent message has no time of its own.
        if !posted.silent {
            self.head += 1;
            self.time = self.time.max(posted.at.unwrap_or(stored_ms).min(stored_ms));
        }
        let (number, time) = (self.head, self.time);

        // Rule 3: under `mark_read` the sender has read a countable message by posting it.
        if rules.own_messages == OwnMessages::MarkRead
            && !posted.silent
            && let Some(member) = self.members.get_mut(posted.sender.as_str())
        {
            member.cursor = number;
        }
        if !posted.silent {
            self.forget_numbers(rules, posted);
        }

        // Rule 6: a kept recall takes effect once. A silent message has no number to recall.
        let recall_kept = take(&mut self.kept_recalls, id);
        self.push(Message {
            id: id.to_owned(),
            order: self.posted_so_far() + 1,
            number,
            silent: posted.silent,
            sender: posted.sender.as_str().to_owned(),
            recalled: recall_kept && !posted.silent,
            time,
            mentions: posted.mentions.iter().map(|user| user.as_str().to_owned()).collect(),
            mention_all: posted.mention_all,
        });

        // Rule 6: kept reads take effect once, and, by rule 5, forward only.
        for member in self.members.values_mut() {
            if take(&mut member.kept_reads, id) {
                member.cursor = member.cursor.max(number);
            }
        }
        Outcome::CHANGED
    }

    /// When a member posts or is named, their earlier own or mentioned numbers are forgotten as far
    /// as no cursor can come below them any more: those up to the cursor, and up to the lowest that
    /// `unread` from a known message can move it to. No count depends on it, but the facts do.
    fn forget_numbers(&mut self, rules: Rules, posted: &MessagePosted<'_>) {
        let lowest_unread = self.head.saturating_sub(rules.window as u64);
        if let Some(sender) = self.members.get_mut(posted.sender.as_str()) {
            sender.own_forgotten = sender.own_forgotten.max(sender.cursor.min(lowest_unread));
        }
        for named in &posted.mentions {
            if let Some(named) = self.members.get_mut(named.as_str()) {
                named.mentioned_forgotten = named.mentioned_forgotten.max(named.cursor.min(lowest_unread));
            }
        }
    }

    pub(crate) fn read(&mut self, rules: Rules, read: &MessageRead<'_>) -> Outcome {
        // Rule 5: to the number of `upto` or, without it, to the head.
        // Rule 1: a silent `upto` stands for the number last given before it.
        let number = match &read.upto {
            None => Some(self.head),
            Some(upto) => self.find(rules.window, upto).map(|message| message.number),
        };
        // Rule 10: a non-member changes nothing.
        let Some(member) = self.members.get_mut(read.user.as_str()) else {
            return Outcome::UNCHANGED;
        };
        match (number, &read.upto) {
            // Rule 5: forward only.
            (Some(number), _) if number > member.cursor => {
                member.cursor = number;
                Outcome::CHANGED
            }
            // Rule 6: a read of an unknown message waits for it.
            (None, Some(upto)) => keep(&mut member.kept_reads, rules.kept_reads, upto),
            _ => Outcome::UNCHANGED,
        }
    }

    pub(crate) fn unread(&mut self, rules: Rules, unread: &MessageUnread<'_>) -> Outcome {
        // Rule 7: everything from `from` on is unread; a silent `from` stands for the number
        // before it, which stays read.
        let cursor = self
            .find(rules.window, &unread.from)
            .map(|from| if from.silent { from.number } else { from.number - 1 });
        // Rule 10: a non-member changes nothing.
        let Some(member) = self.members.get_mut(unread.user.as_str()) else {
            return Outcome::UNCHANGED;
        };
        // Rule 7: an unknown `from` is counted and nothing else.
        let Some(cursor) = cursor else {
            return Outcome::UNKNOWN_MESSAGE;
        };
        // Rule 7: forwards or backwards, also below where the member joined; kept reads stay.
        let changed = member.cursor != cursor;
        member.cursor = cursor;
        Outcome::changed_if(changed)
    }

    pub(crate) fn recalled(&mut self, rules: Rules, recalled: &MessageRecalled<'_>) -> Outcome {
        match self.find_mut(rules.window, &recalled.message) {
            // Rules 1 and 2: a silent message has no number that could stop counting.
            Some(message) if message.silent || message.recalled => Outcome::UNCHANGED,
            Some(message) => {
                message.recalled = true;
                Outcome::CHANGED
            }
            // Rule 6: a recall of an unknown message waits for it.
            None => keep(&mut self.kept_recalls, rules.kept_recalls, &recalled.message),
        }
    }

    pub(crate) fn joined(&mut self, joined: &RoomJoined<'_>) -> Outcome {
        let mut outcome = Outcome::UNCHANGED;
        for user in &joined.users {
            // Rule 8: joining while a member changes nothing.
            if self.members.contains_key(user.as_str()) {
                continue;
            }
            // Rule 8: a membership starts at the head or at zero, not muted.
            let member = Member {
                joined_after: self.posted_so_far(),
                cursor: match joined.history {
                    History::None => self.head,
                    History::All => 0,
                },
                muted: false,
                kept_reads: Vec::new(),
                own_forgotten: 0,
                mentioned_forgotten: 0,
            };
            self.members.insert(user.as_str().to_owned(), member);
            outcome.effect = Effect::Changed;
        }
        outcome
    }

    pub(crate) fn left(&mut self, left: &RoomLeft<'_>) -> Outcome {
        let mut outcome = Outcome::UNCHANGED;
        for user in &left.users {
            // Rule 9: the membership goes, and all that belongs to it.
            if self.members.remove(user.as_str()).is_some() {
                outcome.effect = Effect::Changed;
            }
        }
        outcome
    }

    pub(crate) fn tagged(&mut self, tagged: &RoomTagged<'_>) -> Outcome {
        // Rule 11: the whole set is replaced, and acts on all messages, old and new.
        let tags = tagged.tags.iter().map(|tag| tag.as_str().to_owned()).collect();
        let changed = self.tags != tags;
        self.tags = tags;
        Outcome::changed_if(changed)
    }

    pub(crate) fn muted(&mut self, muted: &RoomMuted<'_>) -> Outcome {
        // Rule 10: a non-member changes nothing.
        let Some(member) = self.members.get_mut(muted.user.as_str()) else {
            return Outcome::UNCHANGED;
        };
        let changed = member.muted != muted.muted;
        member.muted = muted.muted;
        Outcome::changed_if(changed)
    }

    /// Whether the user was a member.
    pub(crate) fn user_deleted(&mut self, user: &str) -> bool {
        // Rule 12: the membership goes; what the user posted stays. It is nobody's own from now on,
        // for a later join with this id is a membership in which it was not posted.
        self.members.remove(user).is_some()
    }
}

/// Rule 6: keeps a message as the newest; one that is kept already stays in its place. When there
/// are too many, the one kept longest falls out and is counted.
fn keep(kept: &mut Vec<String>, most: usize, message: &str) -> Outcome {
    if kept.iter().any(|other| other == message) {
        return Outcome::UNCHANGED;
    }
    kept.push(message.to_owned());
    if kept.len() <= most {
        return Outcome::CHANGED;
    }
    kept.remove(0);
    Outcome { effect: Effect::Changed, unknown_messages: 1 }
}

/// Takes a message out of those kept; whether it was among them.
fn take(kept: &mut Vec<String>, message: &str) -> bool {
    let before = kept.len();
    kept.retain(|other| other != message);
    kept.len() != before
}
