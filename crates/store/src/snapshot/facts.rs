//! The facts in a snapshot, by name: for whoever counts on from there in another way than the counters do.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use counters::{KeptList, MemberFact, NumberSet, Policies, Remembered, RoomFact, RoomIndex, UserIndex};
use events::MessageKey;

use super::{ReadError, read};
use crate::bytes::BadRow;
use crate::checkpoint::Position;
use crate::digest::Digest;
use crate::error::Damage;
use crate::ids::{NewId, ids_of, new_ids};
use crate::keys::Key;
use crate::rows;

/// The facts of some rooms or of all, as of one stream sequence.
#[derive(Debug)]
pub struct Facts {
    /// How far the stream is counted in them.
    pub position: Position,
    /// The digest of all facts in the snapshot, also of those that were not asked for.
    pub digest: Digest,
    /// The rooms.
    pub rooms: Vec<RoomFacts>,
}

/// All facts of one room, but for members who were not asked for.
#[derive(Debug)]
pub struct RoomFacts {
    /// The tenant.
    pub tenant: String,
    /// The room's id.
    pub room: String,
    /// Head, messages posted, time and tags.
    pub fact: RoomFact,
    /// Recalled numbers, ascending.
    pub recalled: Vec<u32>,
    /// Numbers that mention everybody, ascending.
    pub mention_all: Vec<u32>,
    /// The messages whose recall is kept, the longest kept first.
    pub kept_recalls: Vec<MessageKey>,
    /// The members.
    pub members: Vec<MemberFacts>,
    /// The known messages, in order of posting.
    pub known: Vec<(MessageKey, Remembered)>,
}

/// All facts of one membership.
#[derive(Debug)]
pub struct MemberFacts {
    /// The user's id.
    pub user: String,
    /// Cursor and mute.
    pub fact: MemberFact,
    /// Own numbers, ascending.
    pub own: Vec<u32>,
    /// Numbers that name the member, ascending.
    pub mentioned: Vec<u32>,
    /// The messages whose reading is kept, the longest kept first.
    pub kept_reads: Vec<MessageKey>,
}

/// Whose facts may be asked for.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// A room's, without its members.
    Room(&'a str, &'a str),
    /// A user's, and those of the rooms of which they are a member.
    User(&'a str, &'a str),
}

/// Reads the facts of the rooms and users of whom `is_wanted` says so, given by tenant and id.
pub fn read_facts(
    path: &Path,
    policies: Policies,
    is_wanted: &dyn Fn(Wanted<'_>) -> bool,
) -> Result<Facts, ReadError> {
    // Users come after the rooms, so theirs are found first.
    let mut users = Users::new(is_wanted);
    read::rows(path, policies, |key, row| {
        let parsed = Key::from_bytes(key).map_err(bad_row(key))?;
        if let Key::User(index, _) = parsed {
            users.row(index, row).map_err(bad_row(key))?;
        }
        Ok(())
    })?;
    let mut reading = Reading { users, is_wanted, rooms: BTreeMap::new() };
    let checkpoint = read::rows(path, policies, |key, row| {
        let parsed = Key::from_bytes(key).map_err(bad_row(key))?;
        reading.row(parsed, row).map_err(bad_row(key))
    })?;
    let window = u64::from(policies.message_window);
    let rooms = reading.rooms.into_values().map(|room| room.finish(window)).collect();
    Ok(Facts { position: checkpoint.position, digest: checkpoint.digest, rooms })
}

fn bad_row(key: &[u8]) -> impl FnOnce(BadRow) -> Damage + '_ {
    |_| Damage::Row(key.to_vec())
}

/// The users that are wanted, and their memberships.
struct Users<'w> {
    is_wanted: &'w dyn Fn(Wanted<'_>) -> bool,
    current: Option<(UserIndex, bool)>,
    names: HashMap<UserIndex, String>,
    rooms: HashSet<RoomIndex>,
    members: Vec<(UserIndex, RoomIndex, MemberFact)>,
}

impl<'w> Users<'w> {
    fn new(is_wanted: &'w dyn Fn(Wanted<'_>) -> bool) -> Self {
        Self { is_wanted, current: None, names: HashMap::new(), rooms: HashSet::new(), members: Vec::new() }
    }

    fn row(&mut self, index: UserIndex, row: &[u8]) -> Result<(), BadRow> {
        let is_first = self.current.is_none_or(|(current, _)| current != index);
        let mut members = Vec::new();
        let header = rows::members(row, is_first, &mut members)?;
        if let Some(header) = header {
            let is_wanted = (self.is_wanted)(Wanted::User(header.tenant, header.user));
            self.current = Some((index, is_wanted));
            if is_wanted {
                self.names.insert(index, header.user.to_owned());
            }
        }
        if self.current.is_some_and(|(_, is_wanted)| is_wanted) {
            self.rooms.extend(members.iter().map(|(room, _)| *room));
            self.members.extend(members.into_iter().map(|(room, fact)| (index, room, fact)));
        }
        Ok(())
    }
}

struct Reading<'w> {
    users: Users<'w>,
    is_wanted: &'w dyn Fn(Wanted<'_>) -> bool,
    rooms: BTreeMap<RoomIndex, Room>,
}

struct Room {
    facts: RoomFacts,
    members: BTreeMap<UserIndex, MemberFacts>,
    /// By order: what is in a page may be in a row of new ids too.
    ids: BTreeMap<u64, (MessageKey, Remembered)>,
}

impl Reading<'_> {
    fn row(&mut self, key: Key, row: &[u8]) -> Result<(), BadRow> {
        match key {
            Key::Checkpoint | Key::Outbox(_) => {}
            Key::Room(index) => self.room(index, row)?,
            // They were read before. The rooms are all there at the first of them.
            Key::User(..) => self.members(),
            Key::Numbers(set, chunk) => self.numbers(set, &rows::numbers(row, chunk)?),
            Key::Kept(list) => self.kept(list, rows::kept(row)?),
            Key::Ids(room, page) => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    let ids = ids_of(page, row)?.into_iter();
                    room.ids.extend(ids.map(|id| (id.1.order, id)));
                }
            }
            Key::NewIds(_) => {
                for NewId { room, key, remembered } in new_ids(row)? {
                    if let Some(room) = self.rooms.get_mut(&room) {
                        room.ids.entry(remembered.order).or_insert((key, remembered));
                    }
                }
            }
        }
        Ok(())
    }

    fn room(&mut self, index: RoomIndex, row: &[u8]) -> Result<(), BadRow> {
        let (tenant, room, fact) = rows::room(row)?;
        if self.users.rooms.contains(&index) || (self.is_wanted)(Wanted::Room(tenant, room)) {
            let facts = RoomFacts {
                tenant: tenant.to_owned(),
                room: room.to_owned(),
                fact,
                recalled: Vec::new(),
                mention_all: Vec::new(),
                kept_recalls: Vec::new(),
                members: Vec::new(),
                known: Vec::new(),
            };
            self.rooms.insert(index, Room { facts, members: BTreeMap::new(), ids: BTreeMap::new() });
        }
        Ok(())
    }

    fn members(&mut self) {
        for (user, room, fact) in std::mem::take(&mut self.users.members) {
            // Memberships of deleted rooms are left over.
            let (Some(room), Some(name)) = (self.rooms.get_mut(&room), self.users.names.get(&user)) else {
                continue;
            };
            let (own, mentioned, kept_reads) = (Vec::new(), Vec::new(), Vec::new());
            let facts = MemberFacts { user: name.clone(), fact, own, mentioned, kept_reads };
            room.members.insert(user, facts);
        }
    }

    fn numbers(&mut self, set: NumberSet, numbers: &[u32]) {
        let Some(Room { facts, members, .. }) = self.rooms.get_mut(&set.room()) else { return };
        let list = match set {
            NumberSet::Recalled(_) => Some(&mut facts.recalled),
            NumberSet::MentionAll(_) => Some(&mut facts.mention_all),
            NumberSet::Own(_, user) => members.get_mut(&user).map(|member| &mut member.own),
            NumberSet::Mentioned(_, user) => members.get_mut(&user).map(|member| &mut member.mentioned),
        };
        list.into_iter().for_each(|list| list.extend(numbers));
    }

    fn kept(&mut self, list: KeptList, keys: Vec<MessageKey>) {
        let Some(Room { facts, members, .. }) = self.rooms.get_mut(&list.room()) else { return };
        match list {
            KeptList::Recalls(_) => facts.kept_recalls = keys,
            KeptList::Reads(_, user) => {
                members.get_mut(&user).into_iter().for_each(|member| member.kept_reads.clone_from(&keys));
            }
        }
    }
}

impl Room {
    /// Posts alone write no row of their room: the newest id may be newer.
    fn finish(self, window: u64) -> RoomFacts {
        let Self { mut facts, members, mut ids } = self;
        if let Some((order, (_, newest))) = ids.last_key_value()
            && *order > facts.fact.posted
        {
            facts.fact.head = newest.number;
            facts.fact.posted = *order;
            facts.fact.time = newest.time;
        }
        let oldest_known = facts.fact.posted.saturating_sub(window) + 1;
        facts.known = ids.split_off(&oldest_known).into_values().collect();
        facts.members = members.into_values().collect();
        facts
    }
}
