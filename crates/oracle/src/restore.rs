//! An oracle that begins in the middle: with facts, where the messages that made them are gone.

use std::collections::{BTreeSet, HashMap};

use crate::facts::Fact;
use crate::oracle::Oracle;
use crate::questions::KnownMessage;
use crate::room::{Member, Message, Room};

/// Facts of a room that can't all be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// Nothing says how many messages the room has.
    #[error("they don't say that there is a room")]
    NoRoom,
    /// There are more or fewer messages than numbers and known messages allow.
    #[error("they have messages that can't follow one another")]
    Messages,
    /// A number above the head, or below 1.
    #[error("they name number {0}, which the room does not have")]
    Number(u64),
    /// Something is said of the membership of somebody who is no member.
    #[error("they say something of a member who is none")]
    NotAMember,
}

impl Oracle {
    /// A room of which [`facts_of_room`](Self::facts_of_room) told all there is, in another life; in place of
    /// one of that name. Its messages that are no longer known are made up: what facts don't say of
    /// them, no rule will ask. From here on it counts as if it had seen everything.
    pub fn restore_room(&mut self, tenant: &str, room: &str, facts: &[Fact<'_>]) -> Result<(), FactsError> {
        let restored = restored(facts)?;
        self.tenants.entry(tenant.to_owned()).or_default().insert(room.to_owned(), restored);
        self.note_changed(tenant, room);
        Ok(())
    }
}

fn restored(facts: &[Fact<'_>]) -> Result<Room, FactsError> {
    let mut room = Room::default();
    let (mut posted, mut is_there) = (0, false);
    let mut known: Vec<KnownMessage<'_>> = Vec::new();
    for fact in facts {
        match fact {
            Fact::Room { head, posted: all, time, tags } => {
                (room.head, room.time, posted, is_there) = (*head, *time, *all, true);
                room.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            }
            Fact::Member { user, cursor, muted } => {
                room.members.insert((*user).to_owned(), member(*cursor, *muted));
            }
            Fact::KeptRecalls { messages } => room.kept_recalls = owned(messages),
            Fact::Known(message) => known.push(*message),
            _ => {}
        }
    }
    if !is_there {
        return Err(FactsError::NoRoom);
    }
    known.sort_unstable_by_key(|message| message.order);
    add_messages(&mut room, posted, &known)?;
    let countable = room.messages.iter().enumerate().filter(|(_, message)| !message.silent);
    let places: HashMap<u64, usize> = countable.map(|(place, message)| (message.number, place)).collect();
    for fact in facts {
        add(&mut room, &places, fact)?;
    }
    Ok(room)
}

/// All messages, the known ones as they were. Of the others nobody can tell in which order silent and
/// countable ones came, so the silent ones come first.
fn add_messages(room: &mut Room, posted: u64, known: &[KnownMessage<'_>]) -> Result<(), FactsError> {
    let forgotten = posted.checked_sub(known.len() as u64).ok_or(FactsError::Messages)?;
    let numbered = match known.first() {
        None => room.head,
        Some(first) if first.silent => first.number,
        Some(first) => first.number.checked_sub(1).ok_or(FactsError::Messages)?,
    };
    let silent = forgotten.checked_sub(numbered).ok_or(FactsError::Messages)?;
    for order in 1..=forgotten {
        room.messages.push(Message {
            id: String::new(),
            order,
            number: order.saturating_sub(silent),
            silent: order <= silent,
            ..message(order)
        });
    }
    let mut number = numbered;
    for (order, known) in (forgotten + 1..).zip(known) {
        number += u64::from(!known.silent);
        if (known.order, known.number) != (order, number) {
            return Err(FactsError::Messages);
        }
        let (id, silent, time) = (known.message.to_owned(), known.silent, known.time);
        room.push(Message { id, number, silent, time, ..message(order) });
    }
    if number == room.head { Ok(()) } else { Err(FactsError::Messages) }
}

/// A message that nobody posted, as far as anybody can tell: no member has an empty name.
fn message(order: u64) -> Message {
    Message {
        id: String::new(),
        order,
        number: 0,
        silent: false,
        sender: String::new(),
        recalled: false,
        time: 0,
        mentions: BTreeSet::new(),
        mention_all: false,
    }
}

/// A member to whom nothing was posted before joining: the facts say what is theirs.
fn member(cursor: u64, muted: bool) -> Member {
    Member {
        joined_after: 0,
        cursor,
        muted,
        kept_reads: Vec::new(),
        own_forgotten: 0,
        mentioned_forgotten: 0,
    }
}

fn add(room: &mut Room, places: &HashMap<u64, usize>, fact: &Fact<'_>) -> Result<(), FactsError> {
    let Room { messages, members, .. } = room;
    let place = |number: &u64| places.get(number).copied().ok_or(FactsError::Number(*number));
    match fact {
        Fact::Recalled { number } => messages[place(number)?].recalled = true,
        Fact::MentionAll { number } => messages[place(number)?].mention_all = true,
        Fact::Own { user, number } => {
            members.get(*user).ok_or(FactsError::NotAMember)?;
            messages[place(number)?].sender = (*user).to_owned();
        }
        Fact::Mentioned { user, number } => {
            members.get(*user).ok_or(FactsError::NotAMember)?;
            messages[place(number)?].mentions.insert((*user).to_owned());
        }
        Fact::KeptReads { user, messages } => {
            members.get_mut(*user).ok_or(FactsError::NotAMember)?.kept_reads = owned(messages);
        }
        Fact::Room { .. } | Fact::Member { .. } | Fact::KeptRecalls { .. } | Fact::Known(_) => {}
    }
    Ok(())
}

fn owned(messages: &[&str]) -> Vec<String> {
    messages.iter().map(|message| (*message).to_owned()).collect()
}
