//! The state, its one writer's side.

use std::sync::Arc;

use hashbrown::HashSet;
use parking_lot::RwLock;

use crate::changes::{Changes, RoomFact, UserName};
use crate::memberships::Memberships;
use crate::outcome::Full;
use crate::policies::Policies;
use crate::reader::Reader;
use crate::room_words::RoomWord;
use crate::rooms::{Room, Rooms};
use crate::shared::Shared;
use crate::users::User;
use crate::{RoomIndex, UserIndex};

/// Every room, member, cursor and exception: a pure function of the events applied, in stream
/// order, and of the [`Policies`].
#[derive(Debug)]
pub struct Counters {
    pub(crate) policies: Policies,
    pub(crate) shared: Arc<Shared>,
    pub(crate) rooms: Rooms,
    pub(crate) users: UserTable,
    tenants: HashSet<Arc<str>>,
    pub(crate) memberships: u64,
    pub(crate) changes: Changes,
}

/// Users by index.
#[derive(Debug, Default)]
pub(crate) struct UserTable {
    all: Vec<Option<Arc<User>>>,
    free: Vec<UserIndex>,
    /// Free once their going is committed, so that an index means one user in one commit.
    leaving: Vec<UserIndex>,
}

impl UserTable {
    pub(crate) fn get(&self, index: UserIndex) -> Option<&Arc<User>> {
        self.all.get(index.0 as usize)?.as_ref()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len() - self.free.len() - self.leaving.len()
    }

    pub(crate) fn indexes(&self) -> impl Iterator<Item = UserIndex> {
        self.all.iter().flatten().map(|user| user.index)
    }

    /// Whether so many more users can be held.
    pub(crate) fn has_place_for(&self, more: usize) -> Result<(), Full> {
        let used = self.all.len().saturating_sub(self.free.len());
        if used.saturating_add(more) < u32::MAX as usize { Ok(()) } else { Err(Full::Users) }
    }

    /// So many are to come.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.all.reserve_exact(count);
    }

    fn take_index(&mut self) -> UserIndex {
        self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            UserIndex(u32::try_from(self.all.len() - 1).expect("has_place_for was asked before"))
        })
    }

    pub(crate) fn put(&mut self, user: Arc<User>) {
        let place = user.index.0 as usize;
        if self.all.len() <= place {
            self.all.resize(place + 1, None);
        }
        self.all[place] = Some(user);
    }

    /// Makes every place free that no user has. Called once, after a store was loaded.
    pub(crate) fn free_empty_places(&mut self) {
        self.free = (0..)
            .map(UserIndex)
            .zip(&self.all)
            .filter_map(|(index, user)| user.is_none().then_some(index))
            .collect();
    }
}

impl Counters {
    /// No rooms, no users, applied sequence 0.
    pub fn new(policies: Policies) -> Self {
        Self {
            policies,
            shared: Arc::new(Shared::new()),
            rooms: Rooms::default(),
            users: UserTable::default(),
            tenants: HashSet::new(),
            memberships: 0,
            changes: Changes::default(),
        }
    }

    /// The policies under which these counts were made.
    pub fn policies(&self) -> Policies {
        self.policies
    }

    /// A handle for asking from any thread.
    pub fn reader(&self) -> Reader {
        Reader::new(self.shared.clone())
    }

    /// The last stream sequence whose event is in the counts.
    pub fn applied(&self) -> u64 {
        self.shared.applied()
    }

    /// Says that every event up to this stream sequence has been applied, or passed over: from now
    /// on answers claim it. Sequences only grow.
    pub fn advance(&mut self, sequence: u64) {
        debug_assert!(sequence >= self.applied(), "a stream sequence was applied twice");
        self.shared.set_applied(sequence);
    }

    /// What changed since the last call, for a commit.
    pub fn take_changes(&mut self) -> Changes {
        let changes = std::mem::take(&mut self.changes);
        for (index, _) in &changes.rooms {
            if let Some(room) = self.rooms.get_mut(*index) {
                room.changed = false;
            }
        }
        self.users.free.append(&mut self.users.leaving);
        changes
    }

    /// About how many bytes the changes take that [`take_changes`](Self::take_changes) would give.
    pub fn changes_weight(&self) -> usize {
        self.changes.weight()
    }

    /// The index the next new room gets; `RoomIndex(u32::MAX)` if there is none left.
    pub fn next_room(&self) -> RoomIndex {
        self.rooms.next().unwrap_or(RoomIndex(u32::MAX))
    }

    /// No user has this index or a higher one.
    pub fn next_user(&self) -> UserIndex {
        UserIndex(u32::try_from(self.users.all.len()).unwrap_or(u32::MAX))
    }

    /// How many rooms there are.
    pub fn room_count(&self) -> usize {
        self.rooms.len()
    }

    /// How many users are held: those who are a member of a room, and those whose rooms were all
    /// deleted and who have done nothing since.
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// How many memberships there are.
    pub fn membership_count(&self) -> u64 {
        self.memberships
    }

    pub(crate) fn tenant(&mut self, name: &str) -> Arc<str> {
        self.tenants.get_or_insert_with(name, |name| Arc::from(name)).clone()
    }

    /// A new room that no event has touched. Its index was got from `Rooms::next`.
    pub(crate) fn new_room(&mut self, index: RoomIndex, tenant: &str, id: &str) {
        let id: Arc<str> = id.into();
        self.shared.names.set(index, Some(id.clone()));
        let room = Room {
            tenant: self.tenant(tenant),
            id,
            word: RoomWord::default(),
            posted: 0,
            time: 0,
            members: 0,
            changed: true,
            extra: None,
        };
        self.rooms.insert(index, room);
    }

    /// To be called before a room's fact changes.
    pub(crate) fn touch_room(&mut self, index: RoomIndex) {
        let Some(room) = self.rooms.get_mut(index) else { return };
        if room.changed {
            return;
        }
        room.changed = true;
        let tags = self.shared.tag_sets.read().names(room.word.tag_set).clone();
        let fact = RoomFact { head: room.word.head, posted: room.posted, time: room.time, tags };
        self.changes.rooms.push((index, Some(fact)));
    }

    pub(crate) fn new_user(&mut self, tenant: &str, id: &str, memberships: Memberships) -> UserIndex {
        let (index, tenant) = (self.users.take_index(), self.tenant(tenant));
        self.put_user(index, tenant, id, memberships);
        index
    }

    /// A user at an index that nobody has; `false` if there is one of that name.
    pub(crate) fn put_user(
        &mut self,
        index: UserIndex,
        tenant: Arc<str>,
        id: &str,
        memberships: Memberships,
    ) -> bool {
        let memberships = RwLock::new(memberships);
        let user = Arc::new(User { tenant, id: id.into(), index, memberships });
        self.users.put(user.clone());
        self.shared.users.insert(user)
    }

    /// The user is a member of no room: nothing of them stays but what the next commit needs.
    pub(crate) fn remove_user(&mut self, user: &User) {
        self.shared.users.remove(user);
        self.users.all[user.index.0 as usize] = None;
        self.users.leaving.push(user.index);
        let name = UserName { tenant: user.tenant.clone(), user: Arc::from(&*user.id) };
        self.changes.gone_users.insert(user.index, name);
    }
}
