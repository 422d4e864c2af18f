//! Every count and time that can be asked of an oracle, to tell one from another.

use oracle::Oracle;
use oracle::history::{ROOMS, TAGS, TENANTS, USERS};

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
