//! One scan of all rows makes the counters, and proves the rows whole.

use std::collections::BTreeSet;
use std::path::Path;

use counters::{
    Counters, KeptList, MemberFact, NumberSet, Policies, RULES_VERSION, Remembered, Restore, RoomIndex,
    UserIndex,
};
use events::MessageKey;
use hashbrown::{HashMap, HashSet};

use crate::bytes::BadRow;
use crate::checkpoint::{self, Checkpoint, FORMAT_VERSION, Position};
use crate::commit::UserBits;
use crate::digest;
use crate::digests::Digests;
use crate::error::{Damage, OpenError, PolicyNames};
use crate::ids::{Growing, NewId, Unpaged, ids_of, new_ids, page_of};
use crate::keys::{CHECKPOINT_KEY, Key, table};
use crate::outbox::DeadLetter;
use crate::rows;

/// Everything that the rows said.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) counters: Counters,
    pub(crate) position: Position,
    pub(crate) digests: Digests,
    pub(crate) user_bits: UserBits,
    pub(crate) outbox: BTreeSet<u64>,
    /// Rows of users all of whose rooms were deleted: the next commit removes them, before their
    /// index can mean somebody else.
    pub(crate) stale: Vec<Key>,
    pub(crate) unpaged: Unpaged,
    /// There was no row at all.
    pub(crate) is_new: bool,
}

impl Loaded {
    fn nothing(counters: Counters) -> Self {
        Self {
            counters,
            position: Position::default(),
            digests: Digests::default(),
            user_bits: UserBits::new(),
            outbox: BTreeSet::new(),
            stale: Vec::new(),
            unpaged: Unpaged::default(),
            is_new: true,
        }
    }
}

/// A user whose rows are still coming.
struct PartialUser {
    index: UserIndex,
    tenant: String,
    id: String,
    members: Vec<(RoomIndex, MemberFact)>,
    rows: Vec<Key>,
}

struct Load {
    restore: Restore,
    message_window: u64,
    digests: Digests,
    user_bits: UserBits,
    outbox: BTreeSet<u64>,
    stale: Vec<Key>,
    unpaged: Unpaged,
    /// Rooms all of whose ids are in pages.
    paged: HashSet<RoomIndex>,
    /// The newest id of each room that has one in rows of new ids; taken when the room is told.
    newest: HashMap<RoomIndex, Remembered>,
    /// Pages of one room: more of them may come.
    pages: Vec<(RoomIndex, u32, sled::IVec)>,
    user: Option<PartialUser>,
}

pub(crate) fn load(tree: &sled::Tree, path: &Path, counters: Counters) -> Result<Loaded, OpenError> {
    let policies = counters.policies();
    let damaged = |what| OpenError::Damaged { path: path.to_owned(), what };
    let sled_error = |error| OpenError::Sled { path: path.to_owned(), error };
    let Some(row) = tree.get(CHECKPOINT_KEY).map_err(sled_error)? else {
        return if tree.is_empty() {
            Ok(Loaded::nothing(counters))
        } else {
            Err(damaged(Damage::NoCheckpoint))
        };
    };
    let checkpoint = checked(&row, path, policies)?;
    let mut load = Load {
        restore: Restore::new(counters),
        message_window: u64::from(policies.message_window),
        digests: Digests::default(),
        user_bits: UserBits::new(),
        outbox: BTreeSet::new(),
        stale: Vec::new(),
        unpaged: Unpaged::default(),
        paged: HashSet::new(),
        newest: HashMap::new(),
        pages: Vec::new(),
        user: None,
    };
    for row in tree.scan_prefix([table::NEW_IDS]) {
        let (key, row) = row.map_err(sled_error)?;
        load.note_newest(&row).map_err(|_| damaged(Damage::Row(key.to_vec())))?;
    }
    for row in tree.iter() {
        let (key, row) = row.map_err(sled_error)?;
        load.row(&key, row).map_err(damaged)?;
    }
    load.finish().map_err(damaged)?;
    let found = load.digests.total();
    if found != checkpoint.digest {
        return Err(damaged(Damage::Digest { expected: checkpoint.digest, found }));
    }
    let position = checkpoint.position;
    Ok(Loaded {
        counters: load.restore.finish(position.applied, checkpoint.next_room),
        position,
        digests: load.digests,
        user_bits: load.user_bits,
        outbox: load.outbox,
        stale: load.stale,
        unpaged: load.unpaged,
        is_new: false,
    })
}

fn checked(row: &[u8], path: &Path, policies: Policies) -> Result<Checkpoint, OpenError> {
    let bad_row = || OpenError::Damaged { path: path.to_owned(), what: Damage::Row(CHECKPOINT_KEY.to_vec()) };
    let versions: checkpoint::Versions = rmp_serde::from_slice(row).map_err(|_| bad_row())?;
    let version = |what, found, expected| OpenError::Version { path: path.to_owned(), what, found, expected };
    if versions.format_version != FORMAT_VERSION {
        return Err(version("format version", versions.format_version, FORMAT_VERSION));
    }
    if versions.rules_version != RULES_VERSION {
        return Err(version("rules version", versions.rules_version, RULES_VERSION));
    }
    let row: checkpoint::Row = rmp_serde::from_slice(row).map_err(|_| bad_row())?;
    let checkpoint = Checkpoint::from_row(row).ok_or_else(bad_row)?;
    if checkpoint.policies != policies {
        let (found, expected) = (PolicyNames(checkpoint.policies), PolicyNames(policies));
        return Err(OpenError::Policies { path: path.to_owned(), found, expected });
    }
    Ok(checkpoint)
}

impl Load {
    /// The newest ids of rooms are told before any id is judged: whether it is known depends on
    /// them.
    fn note_newest(&mut self, row: &[u8]) -> Result<(), BadRow> {
        for NewId { room, remembered, .. } in new_ids(row)? {
            self.newest.insert(room, remembered);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Damage> {
        self.finish_user()?;
        self.finish_pages()?;
        self.tell_newest();
        let counters = self.restore.counters();
        for index in counters.rooms() {
            if let (Some((tenant, room)), Some(fact)) = (counters.room_name(index), counters.room_fact(index))
            {
                self.digests.add(index, digest::room(tenant, room, &fact));
            }
        }
        Ok(())
    }

    /// Of rooms that have no page.
    fn tell_newest(&mut self) {
        for (room, newest) in self.newest.drain() {
            self.restore.newest_message(room, newest);
        }
    }

    fn finish_pages(&mut self) -> Result<(), Damage> {
        let pages = std::mem::take(&mut self.pages);
        let Some((room, last_page, last_row)) = pages.last() else { return Ok(()) };
        let bad_row = |page: u32| move |_| Damage::Row(Key::Ids(*room, page).to_bytes());
        let in_page = ids_of(*last_page, last_row).map_err(bad_row(*last_page))?;
        let newest = in_page.last().map(|(_, newest)| *newest).into_iter().chain(self.newest.remove(room));
        newest.for_each(|newest| self.restore.newest_message(*room, newest));
        for (room, page, row) in &pages {
            self.ids(*room, *page, row).map_err(bad_row(*page))?;
        }
        Ok(())
    }

    fn row(&mut self, key: &[u8], row: sled::IVec) -> Result<(), Damage> {
        let bad_row = |_: BadRow| Damage::Row(key.to_vec());
        let parsed = Key::from_bytes(key).map_err(bad_row)?;
        if !matches!(parsed, Key::User(..)) {
            self.finish_user()?;
        }
        if self
            .pages
            .first()
            .is_some_and(|(room, ..)| !matches!(parsed, Key::Ids(other, _) if other == *room))
        {
            self.finish_pages()?;
        }
        if matches!(parsed, Key::NewIds(_)) {
            self.tell_newest();
        }
        match parsed {
            Key::Checkpoint => Ok(()),
            Key::Room(index) => self.room(index, &row).map_err(bad_row)?,
            Key::User(index, chunk) => self.members(index, chunk, &row).map_err(bad_row)?,
            Key::Numbers(set, chunk) => self.numbers(set, chunk, &row).map_err(bad_row)?,
            Key::Kept(list) => self.kept(list, &row).map_err(bad_row)?,
            Key::Ids(room, page) => {
                self.pages.push((room, page, row));
                Ok(())
            }
            Key::Outbox(sequence) if DeadLetter::check(&row) => {
                self.outbox.insert(sequence);
                Ok(())
            }
            Key::NewIds(number) => self.new_ids(number, &row).map_err(bad_row),
            Key::Outbox(_) => Err(bad_row(BadRow)),
        }
    }

    fn room(&mut self, index: RoomIndex, row: &[u8]) -> Result<Result<(), Damage>, BadRow> {
        let (tenant, room, fact) = rows::room(row)?;
        Ok(self.restore.room(index, tenant, room, &fact).map_err(Damage::Contradiction))
    }

    fn members(&mut self, index: UserIndex, chunk: u16, row: &[u8]) -> Result<Result<(), Damage>, BadRow> {
        if self.user.as_ref().is_none_or(|user| user.index != index) {
            if let Err(damage) = self.finish_user() {
                return Ok(Err(damage));
            }
            let mut members = Vec::new();
            let header = rows::members(row, true, &mut members)?.ok_or(BadRow)?;
            if header.bits > 0 {
                self.user_bits.insert(index, header.bits);
            }
            let (tenant, id) = (header.tenant.to_owned(), header.user.to_owned());
            self.user = Some(PartialUser { index, tenant, id, members, rows: Vec::new() });
        } else if let Some(user) = &mut self.user {
            rows::members(row, false, &mut user.members)?;
        }
        if let Some(user) = &mut self.user {
            user.rows.push(Key::User(index, chunk));
        }
        Ok(Ok(()))
    }

    fn finish_user(&mut self) -> Result<(), Damage> {
        let Some(mut user) = self.user.take() else { return Ok(()) };
        let restored = self.restore.user(user.index, &user.tenant, &user.id, &mut user.members);
        restored.map_err(Damage::Contradiction)?;
        if user.members.is_empty() {
            self.stale.append(&mut user.rows);
            self.user_bits.remove(&user.index);
        }
        for (index, fact) in user.members {
            let Some((tenant, room)) = self.restore.counters().room_name(index) else { continue };
            self.digests.add(index, digest::member(tenant, room, &user.id, fact));
        }
        Ok(())
    }

    fn numbers(&mut self, set: NumberSet, chunk: u32, row: &[u8]) -> Result<Result<(), Damage>, BadRow> {
        let numbers = rows::numbers(row, chunk)?;
        let counters = self.restore.counters();
        let (tenant, room) = counters.room_name(set.room()).ok_or(BadRow)?;
        let user = set.user().and_then(|user| counters.user_name(user)).map_or("", |(_, id)| id);
        for number in &numbers {
            self.digests.add(set.room(), digest::number(tenant, room, user, set, *number));
        }
        Ok(self.restore.numbers(set, numbers.into_iter()).map_err(Damage::Contradiction))
    }

    fn kept(&mut self, list: KeptList, row: &[u8]) -> Result<Result<(), Damage>, BadRow> {
        let keys = rows::kept(row)?;
        let counters = self.restore.counters();
        let (tenant, room) = counters.room_name(list.room()).ok_or(BadRow)?;
        let user = match list {
            KeptList::Recalls(_) => "",
            KeptList::Reads(_, user) => counters.user_name(user).map_or("", |(_, id)| id),
        };
        self.digests.add(list.room(), digest::kept(tenant, room, user, list, &keys));
        Ok(self.restore.kept(list, keys).map_err(Damage::Contradiction))
    }

    /// Only known ids are facts; others that share a page with them are left over.
    fn ids(&mut self, index: RoomIndex, page: u32, row: &[u8]) -> Result<(), BadRow> {
        let posted = self.restore.counters().posted_count(index);
        let ids = ids_of(page, row)?;
        for (key, remembered) in &ids {
            self.id(index, posted, key, *remembered)?;
        }
        if ids.last().is_some_and(|(_, newest)| newest.order == posted) {
            self.paged.insert(index);
        } else if posted > 0 && page == page_of(posted) {
            self.unpaged.growing.insert(index, Growing::from_row(page, row)?);
        }
        Ok(())
    }

    fn id(
        &mut self,
        index: RoomIndex,
        posted: u64,
        key: &MessageKey,
        remembered: Remembered,
    ) -> Result<(), BadRow> {
        let (tenant, room) = self.restore.counters().room_name(index).ok_or(BadRow)?;
        if remembered.order > posted.saturating_sub(self.message_window) {
            self.digests.add(index, digest::remembered(tenant, room, key, remembered));
        }
        Ok(())
    }

    /// What is not in pages is all of the page that the room's next message goes to. The rest was
    /// left here when it got into a page, was forgotten, or its room was deleted.
    fn new_ids(&mut self, number: u64, row: &[u8]) -> Result<(), BadRow> {
        let ids = new_ids(row)?;
        for id in &ids {
            let NewId { room, key, remembered } = id;
            let posted = self.restore.counters().posted_count(*room);
            if posted == 0 || self.paged.contains(room) {
                continue;
            }
            let growing = self.unpaged.growing.entry(*room);
            let growing = growing.or_insert_with(|| Growing::new(page_of(posted)));
            if remembered.order < growing.next_order() {
                continue;
            }
            growing.add(key, *remembered)?;
            self.id(*room, posted, key, *remembered)?;
            self.unpaged.journal.restore_unpaged(number, id);
        }
        self.unpaged.journal.restore(number, &ids);
        Ok(())
    }
}
