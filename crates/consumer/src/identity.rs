//! Whether a stream is the one that was counted.

use store::{Position, StreamIdentity};

use crate::fence::Fence;
use crate::gaps::Gap;

/// What the server says of a stream. The answers to several questions, so it may not be of one
/// moment: a verdict on it counts when nothing is applied meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamFacts {
    Missing,
    Found(Found),
}

/// A stream that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) identity: StreamIdentity,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    /// The fingerprint of the message applied last; `None` if the stream has no message there.
    pub(crate) at_applied: Option<[u8; 32]>,
    /// The sequence of the first message after the one applied last.
    pub(crate) next: Option<u64>,
}

/// What the operator allows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowed {
    pub(crate) restored_stream: bool,
    pub(crate) gaps: Vec<Gap>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The stream that was counted. `lost`: what is missing right after the event applied last,
    /// and accepted as lost.
    Same {
        lost: Option<Gap>,
    },
    Fenced(Fence),
}

/// The first row that matches decides.
pub(crate) fn check(position: &Position, name: &str, facts: &StreamFacts, allowed: &Allowed) -> Verdict {
    let applied = position.applied;
    let StreamFacts::Found(found) = facts else {
        let stream = name.to_owned();
        if let Some(why) = &position.recount {
            return Verdict::Fenced(Fence::NothingToRecount {
                why: why.clone(),
                stream,
                first_sequence: None,
            });
        }
        let was_counted = applied > 0 || position.stream.is_some();
        return Verdict::Fenced(if was_counted {
            Fence::Deleted { stream, applied }
        } else {
            Fence::Missing { stream }
        });
    };
    let &Found { first_sequence, last_sequence, .. } = found;
    if last_sequence < applied {
        return Verdict::Fenced(Fence::Truncated { last_sequence, applied });
    }
    // What is missing right after `applied`: up to the next message, or to the stream's end.
    let before_next = found.next.map_or(last_sequence, |next| next.saturating_sub(1));
    let end = before_next.max(first_sequence.saturating_sub(1));
    let missing = (end > applied).then(|| Gap { first: applied + 1, last: end });
    let lost = missing.filter(|gap| gap.is_within(&allowed.gaps));
    if first_sequence > applied + 1 && lost.is_none() {
        if let Some(why) = &position.recount {
            let (why, stream) = (why.clone(), name.to_owned());
            let first_sequence = Some(first_sequence);
            return Verdict::Fenced(Fence::NothingToRecount { why, stream, first_sequence });
        }
        return Verdict::Fenced(Fence::EventsLost { first_sequence, applied });
    }
    if applied > 0
        && let Some(fence) = another_stream(position, found, allowed)
    {
        return Verdict::Fenced(fence);
    }
    match missing {
        Some(gap) if lost.is_none() => Verdict::Fenced(Fence::Gap(gap)),
        _ => Verdict::Same { lost },
    }
}

/// The message applied last tells whether this is the same history, where it can still be read;
/// the creation time whether it is the same copy of it.
fn another_stream(position: &Position, found: &Found, allowed: &Allowed) -> Option<Fence> {
    let applied = position.applied;
    if found.first_sequence <= applied
        && let Some(expected) = position.fingerprint
    {
        match found.at_applied {
            None => return Some(Fence::AppliedMissing { applied }),
            Some(fingerprint) if fingerprint != expected => return Some(Fence::AppliedDiffers { applied }),
            Some(_) => {}
        }
    }
    let counted = position.stream.as_ref().filter(|counted| **counted != found.identity)?;
    (!allowed.restored_stream).then(|| Fence::Recreated {
        counted: counted.name.clone(),
        counted_created_ns: counted.created_ns,
        found: found.identity.name.clone(),
        found_created_ns: found.identity.created_ns,
        applied,
    })
}

#[cfg(test)]
mod tests;
