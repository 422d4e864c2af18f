//! Everything that can be asked of an oracle, to compare one state with another.

use oracle::history::{ROOMS, TAGS, TENANTS, USERS};
use oracle::{KnownMessage, Oracle};

/// What a state consists of, and nothing that is derived from it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts<'a> {
    rooms: Vec<(&'a str, &'a str, Room<'a>)>,
    memberships: Vec<(&'a str, &'a str, &'a str, Membership<'a>)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Room<'a> {
    head: Option<u64>,
    tags: Vec<&'a str>,
    recalled: Vec<u64>,
    kept_recalls: Vec<&'a str>,
    known: Vec<KnownMessage<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Membership<'a> {
    cursor: Option<u64>,
    is_muted: Option<bool>,
    own: Vec<u64>,
    kept_reads: Vec<&'a str>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(oracle: &'a Oracle) -> Self {
        let mut facts = Self { rooms: Vec::new(), memberships: Vec::new() };
        for tenant in oracle.tenants() {
            for room in oracle.rooms_of_tenant(tenant) {
                let told = Room {
                    head: oracle.head(tenant, room),
                    tags: oracle.tags(tenant, room),
                    recalled: oracle.recalled_numbers(tenant, room),
                    kept_recalls: oracle.kept_recalls(tenant, room),
                    known: oracle.known_messages(tenant, room),
                };
                facts.rooms.push((tenant, room, told));
            }
            for user in oracle.users(tenant) {
                for room in oracle.rooms_of(tenant, user) {
                    let told = Membership {
                        cursor: oracle.cursor(tenant, user, room),
                        is_muted: oracle.is_muted(tenant, user, room),
                        own: oracle.own_numbers(tenant, user, room),
                        kept_reads: oracle.kept_reads(tenant, user, room),
                    };
                    facts.memberships.push((tenant, user, room, told));
                }
            }
        }
        facts
    }
}

/// Every count that the world can see: unread messages, mentions, and badges of some tag sets with
/// and without muted rooms.
pub(crate) fn counts(oracle: &Oracle) -> Vec<Option<u64>> {
    let tag_sets: [&[&str]; 5] = [&[], &TAGS[..1], &TAGS[1..2], &TAGS[..2], &TAGS];
    let mut counts = Vec::new();
    for tenant in TENANTS {
        for user in USERS {
            for room in ROOMS {
                counts.push(oracle.unread(tenant, user, room));
                counts.push(oracle.mentions(tenant, user, room));
            }
            for tags in tag_sets {
                for skip_muted in [false, true] {
                    counts.push(Some(oracle.badge(tenant, user, tags, skip_muted)));
                }
            }
        }
    }
    counts
}

/// T of every known message.
pub(crate) fn times(oracle: &Oracle) -> Vec<Option<u64>> {
    let mut times = Vec::new();
    for tenant in TENANTS {
        for room in ROOMS {
            let known = oracle.known_messages(tenant, room);
            times.extend(known.into_iter().map(|message| Some(message.time)));
        }
    }
    times
}
