//! What a change is about.

use std::hash::{BuildHasher, RandomState};

/// A room or a user, as a hash under a key that nobody knows. Should two ever share one, some watchers look in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Topic(u64);

impl Topic {
    /// None is lower. The numbers below mean something else in a slot.
    pub(super) const FIRST: Self = Self(2);

    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// Makes topics of names.
#[derive(Debug, Default)]
pub(super) struct Topics(RandomState);

impl Topics {
    pub(super) fn room(&self, tenant: &str, room: &str) -> Topic {
        self.topic(('r', tenant, room))
    }

    pub(super) fn user(&self, tenant: &str, user: &str) -> Topic {
        self.topic(('u', tenant, user))
    }

    fn topic(&self, what: (char, &str, &str)) -> Topic {
        Topic(self.0.hash_one(what)).max(Topic::FIRST)
    }
}
