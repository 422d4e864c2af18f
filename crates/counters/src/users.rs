//! Users by name, for many readers and one writer.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::RwLock;

use crate::memberships::Memberships;

/// The place of a user in the writer's table. Used again, some time after the user is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserIndex(pub u32);

/// A user who is a member of at least one room.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) tenant: Arc<str>,
    pub(crate) id: Box<str>,
    pub(crate) index: UserIndex,
    /// Written by events of this user; a reader holds it for the length of one walk.
    pub(crate) memberships: RwLock<Memberships>,
}

const SHARDS: usize = 64;

/// A post looks its sender up under a shard's read lock; only a user's first join and last leave
/// take the write lock.
#[derive(Debug)]
pub(crate) struct Users {
    hasher: DefaultHashBuilder,
    shards: Box<[RwLock<HashTable<Arc<User>>>]>,
}

impl Users {
    pub(crate) fn new() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: (0..SHARDS).map(|_| RwLock::new(HashTable::new())).collect(),
        }
    }

    fn hash(&self, tenant: &str, id: &str) -> u64 {
        self.hasher.hash_one((tenant, id))
    }

    fn shard(&self, hash: u64) -> &RwLock<HashTable<Arc<User>>> {
        // The table takes the top 7 bits and the lowest ones; these are in between.
        &self.shards[(hash >> 40) as usize % SHARDS]
    }

    /// Calls `ask` with the user, under the shard's read lock.
    pub(crate) fn with<R>(&self, tenant: &str, id: &str, ask: impl FnOnce(&User) -> R) -> Option<R> {
        let hash = self.hash(tenant, id);
        let shard = self.shard(hash).read();
        shard.find(hash, |user| *user.id == *id && *user.tenant == *tenant).map(|user| ask(user))
    }

    pub(crate) fn find(&self, tenant: &str, id: &str) -> Option<Arc<User>> {
        let hash = self.hash(tenant, id);
        let shard = self.shard(hash).read();
        shard.find(hash, |user| *user.id == *id && *user.tenant == *tenant).cloned()
    }

    /// So many are to come.
    pub(crate) fn reserve(&self, count: usize) {
        for shard in &self.shards {
            shard.write().reserve(count / SHARDS, |user| self.hash(&user.tenant, &user.id));
        }
    }

    /// Adds a user; `false` if there is one of that name.
    pub(crate) fn insert(&self, user: Arc<User>) -> bool {
        let hash = self.hash(&user.tenant, &user.id);
        let mut shard = self.shard(hash).write();
        let is_it = |other: &Arc<User>| *other.id == *user.id && *other.tenant == *user.tenant;
        match shard.entry(hash, is_it, |user| self.hash(&user.tenant, &user.id)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(user);
                true
            }
        }
    }

    pub(crate) fn remove(&self, user: &User) {
        let hash = self.hash(&user.tenant, &user.id);
        let mut shard = self.shard(hash).write();
        if let Ok(entry) = shard.find_entry(hash, |other| other.index == user.index) {
            entry.remove();
        }
    }
}
