//! The digest of each of the oracle's facts: all that oracle and store share.

use counters::{KeptList, MemberFact, NumberSet, Remembered, RoomFact, RoomIndex, UserIndex};
use events::MessageKey;
use oracle::{Fact, KnownMessage};
use store::{Digest, digest};

/// A digest has names only: an index tells no more than which kind of set or list it is.
const ROOM: RoomIndex = RoomIndex(0);
const USER: UserIndex = UserIndex(0);
/// Whose the sets and lists are that belong to the room.
const NOBODY: &str = "";

/// The digest of all these facts of one room.
pub(crate) fn digest_of(tenant: &str, room: &str, facts: &[Fact<'_>]) -> Digest {
    let mut sum = Digest::default();
    for fact in facts {
        sum += digest_of_fact(tenant, room, fact);
    }
    sum
}

fn digest_of_fact(tenant: &str, room: &str, fact: &Fact<'_>) -> Digest {
    let number = |user: &str, set, value| digest::number(tenant, room, user, set, small(value));
    let kept = |user: &str, list, messages: &[&str]| {
        let keys: Vec<MessageKey> = messages.iter().map(|message| MessageKey::of(message)).collect();
        digest::kept(tenant, room, user, list, &keys)
    };
    match fact {
        Fact::Room { head, posted, time, tags } => {
            let tags = tags.iter().map(|tag| Box::from(*tag)).collect();
            let fact = RoomFact { head: small(*head), posted: *posted, time: *time, tags };
            digest::room(tenant, room, &fact)
        }
        Fact::Member { user, cursor, muted } => {
            let fact = MemberFact { cursor: small(*cursor), muted: *muted };
            digest::member(tenant, room, user, fact)
        }
        Fact::Recalled { number: value } => number(NOBODY, NumberSet::Recalled(ROOM), *value),
        Fact::MentionAll { number: value } => number(NOBODY, NumberSet::MentionAll(ROOM), *value),
        Fact::Own { user, number: value } => number(user, NumberSet::Own(ROOM, USER), *value),
        Fact::Mentioned { user, number: value } => number(user, NumberSet::Mentioned(ROOM, USER), *value),
        Fact::KeptRecalls { messages } => kept(NOBODY, KeptList::Recalls(ROOM), messages),
        Fact::KeptReads { user, messages } => kept(user, KeptList::Reads(ROOM, USER), messages),
        Fact::Known(KnownMessage { message, order, number, silent, time }) => {
            let remembered =
                Remembered { order: *order, number: small(*number), silent: *silent, time: *time };
            digest::remembered(tenant, room, &MessageKey::of(message), remembered)
        }
    }
}

/// A number as the counters hold it. They refuse a room that has more messages, and the oracle
/// would be out of memory before.
fn small(number: u64) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 messages fit into memory")
}
