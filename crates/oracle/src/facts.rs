//! Everything that is so, as facts: names and values, and nothing that follows from others.

use crate::oracle::Oracle;
use crate::questions::{KnownMessage, known, texts};
use crate::room::{Member, Message, Room};

/// One fact of a room. Two oracles with the same facts of the same rooms count alike, whatever
/// happens next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fact<'a> {
    /// The room is there.
    Room {
        /// Rule 1: the number last given.
        head: u64,
        /// How many messages were posted, silent ones included.
        posted: u64,
        /// T(head) of rule 18, in milliseconds since the Unix epoch; 0 before the first number.
        time: u64,
        /// The room's tags, in order.
        tags: Vec<&'a str>,
    },
    /// The user is a member.
    Member {
        /// Who.
        user: &'a str,
        /// How far they have read.
        cursor: u64,
        /// Whether they muted the room.
        muted: bool,
    },
    /// The message of this number is recalled.
    Recalled {
        /// Its number.
        number: u64,
    },
    /// The message of this number mentions everybody.
    MentionAll {
        /// Its number.
        number: u64,
    },
    /// Rule 2: the message of this number is the member's own, and no cursor is past it for good.
    Own {
        /// Whose.
        user: &'a str,
        /// Its number.
        number: u64,
    },
    /// Rule 17: the message of this number names the member, and no cursor is past it for good.
    Mentioned {
        /// Whom.
        user: &'a str,
        /// Its number.
        number: u64,
    },
    /// Rule 6: the messages whose recall is kept; at least one, the longest kept first.
    KeptRecalls {
        /// Their ids.
        messages: Vec<&'a str>,
    },
    /// Rule 6: the messages of which the member's read is kept; at least one, the longest kept first.
    KeptReads {
        /// Whose.
        user: &'a str,
        /// Their ids.
        messages: Vec<&'a str>,
    },
    /// Rule 4: the message is known.
    Known(KnownMessage<'a>),
}

impl Oracle {
    /// All facts of one room, each once; none if there is no such room.
    pub fn facts_of_room(&self, tenant: &str, room: &str) -> Vec<Fact<'_>> {
        let Some(room) = self.room(tenant, room) else {
            return Vec::new();
        };
        let mut facts = vec![Fact::Room {
            head: room.head,
            posted: room.posted_so_far(),
            time: room.time,
            tags: room.tags.iter().map(String::as_str).collect(),
        }];
        for (user, member) in &room.members {
            add_facts_of_member(&mut facts, user, member);
        }
        for message in room.countable() {
            add_facts_of_number(&mut facts, room, message);
        }
        if !room.kept_recalls.is_empty() {
            facts.push(Fact::KeptRecalls { messages: texts(&room.kept_recalls) });
        }
        let window = self.rules_for(Some(room)).window;
        facts.extend(known(room, window).into_iter().map(Fact::Known));
        facts
    }

    /// Tenant, id and facts of every room, in the order of their names.
    pub fn facts(&self) -> impl Iterator<Item = (&str, &str, Vec<Fact<'_>>)> {
        let rooms = self
            .tenants
            .iter()
            .flat_map(|(tenant, rooms)| rooms.keys().map(move |room| (tenant.as_str(), room.as_str())));
        rooms.map(|(tenant, room)| (tenant, room, self.facts_of_room(tenant, room)))
    }
}

fn add_facts_of_member<'a>(facts: &mut Vec<Fact<'a>>, user: &'a str, member: &'a Member) {
    facts.push(Fact::Member { user, cursor: member.cursor, muted: member.muted });
    if !member.kept_reads.is_empty() {
        facts.push(Fact::KeptReads { user, messages: texts(&member.kept_reads) });
    }
}

/// What a number is, of the room and of members. The message asks for the members it concerns, so
/// that a room's facts take one walk over its messages.
fn add_facts_of_number<'a>(facts: &mut Vec<Fact<'a>>, room: &'a Room, message: &'a Message) {
    let number = message.number;
    if message.recalled {
        facts.push(Fact::Recalled { number });
    }
    if message.mention_all {
        facts.push(Fact::MentionAll { number });
    }
    if let Some((user, member)) = room.members.get_key_value(&message.sender)
        && message.is_own(user, member)
        && number > member.own_forgotten
    {
        facts.push(Fact::Own { user, number });
    }
    for (user, member) in message.mentions.iter().filter_map(|user| room.members.get_key_value(user)) {
        if message.names(user, member) && number > member.mentioned_forgotten {
            facts.push(Fact::Mentioned { user, number });
        }
    }
}
