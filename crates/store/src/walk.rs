//! One walk over all rows, in the order of their keys: what they say is told to a listener, and the
//! digest of what they say is summed up. Opening a store and writing a snapshot both prove rows whole
//! this way.

use std::collections::BTreeMap;

use counters::{KeptList, MemberFact, NumberSet, Remembered, RoomFact, RoomIndex, UserIndex};
use events::MessageKey;
use hashbrown::{HashMap, HashSet};

use crate::bytes::BadRow;
use crate::checkpoint::Checkpoint;
use crate::commit::{MOST_BITS, UserBits, chunk_of};
use crate::database::Bytes;
use crate::digest::{self, Digest, IdsOfRoom, NumbersOfSet};
use crate::digests::Digests;
use crate::error::Damage;
use crate::ids::{Growing, NewId, Unpaged, ids_of, new_ids, page_of};
use crate::keys::Key;
use crate::member_sums::{MemberSums, Rooms};
use crate::outbox::DeadLetter;
use crate::rows;

/// Who is told what rows say, and remembers the names that later rows refer to.
pub(crate) trait Listener {
    /// A room, by ascending index.
    fn room(&mut self, index: RoomIndex, tenant: &str, room: &str, fact: &RoomFact) -> Result<(), Damage>;

    /// The newest of a room's messages that are known of: it may be newer than what the room was
    /// told with.
    fn newest_message(&mut self, room: RoomIndex, newest: Remembered);

    /// A user with all their memberships; those of rooms that are not there are taken out.
    fn user(
        &mut self,
        index: UserIndex,
        tenant: &str,
        id: &str,
        members: &mut Vec<(RoomIndex, MemberFact)>,
    ) -> Result<(), Damage>;

    /// Numbers of a set; more of them may come.
    fn numbers(&mut self, set: NumberSet, numbers: &[u32]) -> Result<(), Damage>;

    /// A list of kept entries.
    fn kept(&mut self, list: KeptList, keys: Vec<MessageKey>) -> Result<(), Damage>;

    /// Tenant and id of a room.
    fn room_name(&self, room: RoomIndex) -> Option<(&str, &str)>;

    /// The id of a user who was told.
    fn user_id(&self, user: UserIndex) -> Option<&str>;

    /// How many messages a room has, as of the newest that was told.
    fn posted_count(&self, room: RoomIndex) -> u64;

    /// Each room there is, as of its newest message.
    fn each_room(&self, each: impl FnMut(RoomIndex, &str, &str, &RoomFact));
}

/// What is known at the end of a walk, beside what the listener was told.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) digests: Digests,
    pub(crate) user_bits: UserBits,
    /// The dead letters on their way, with the digests of their rows.
    pub(crate) outbox: BTreeMap<u64, Digest>,
    /// Rows of users all of whose rooms were deleted.
    pub(crate) stale: Vec<Key>,
    pub(crate) unpaged: Unpaged,
}

/// A user whose rows are still coming.
struct PartialUser {
    index: UserIndex,
    tenant: String,
    id: String,
    bits: u8,
    members: Vec<(RoomIndex, MemberFact)>,
    rows: Vec<Key>,
}

/// Whether a user's row with these memberships is where the next commit looks for them.
fn are_of_chunk(members: &[(RoomIndex, MemberFact)], bits: u8, chunk: u16) -> bool {
    members.iter().all(|(room, _)| chunk_of(*room, bits) == chunk)
}

/// A walk under way.
pub(crate) struct Walk<L> {
    listener: L,
    message_window: u64,
    /// No room has this index or a higher one.
    next_room: RoomIndex,
    /// No user has this index or a higher one.
    next_user: UserIndex,
    /// How many were told.
    rooms: usize,
    walked: Walked,
    /// Rooms all of whose ids are in pages.
    paged: HashSet<RoomIndex>,
    /// The newest id of each room that has one in rows of new ids; taken when the room is told.
    newest: HashMap<RoomIndex, Remembered>,
    /// Pages of one room: more of them may come.
    pages: Vec<(RoomIndex, u32, Bytes)>,
    user: Option<PartialUser>,
    /// Begun with the first user: all rooms are told by then.
    members: Option<MemberSums>,
}

impl<L: Listener> Walk<L> {
    /// Of rows that are to be as this checkpoint says.
    pub(crate) fn new(listener: L, checkpoint: &Checkpoint) -> Self {
        Self {
            listener,
            message_window: u64::from(checkpoint.policies.message_window),
            next_room: checkpoint.next_room,
            next_user: checkpoint.next_user,
            rooms: 0,
            walked: Walked::default(),
            paged: HashSet::new(),
            newest: HashMap::new(),
            pages: Vec::new(),
            user: None,
            members: None,
        }
    }

    /// To be told of each row of new ids before the walk begins: whether an id is known depends on
    /// the newest of its room.
    pub(crate) fn note_newest(&mut self, key: &[u8], row: &[u8]) -> Result<(), Damage> {
        for NewId { room, remembered, .. } in new_ids(row).map_err(|_| Damage::Row(key.to_vec()))? {
            self.newest.insert(room, remembered);
        }
        Ok(())
    }

    /// To be called after the last row.
    pub(crate) fn finish(mut self) -> Result<(L, Walked), Damage> {
        self.finish_user()?;
        self.finish_pages()?;
        self.tell_newest();
        let Self { listener, mut walked, members, .. } = self;
        let digests = &mut walked.digests;
        if let Some(members) = members {
            digests.add_all(&members.finish()?);
        }
        listener.each_room(|index, tenant, room, fact| digests.add(index, digest::room(tenant, room, fact)));
        Ok((listener, walked))
    }

    /// Of rooms that have no page.
    fn tell_newest(&mut self) {
        for (room, newest) in self.newest.drain() {
            self.listener.newest_message(room, newest);
        }
    }

    fn finish_pages(&mut self) -> Result<(), Damage> {
        let pages = std::mem::take(&mut self.pages);
        let Some((room, last_page, last_row)) = pages.last() else { return Ok(()) };
        let bad_row = |page: u32| move |_| Damage::Row(Key::Ids(*room, page).to_bytes());
        let in_page = ids_of(*last_page, last_row).map_err(bad_row(*last_page))?;
        let newest = in_page.last().map(|(_, newest)| *newest).into_iter().chain(self.newest.remove(room));
        newest.for_each(|newest| self.listener.newest_message(*room, newest));
        for (room, page, row) in &pages {
            self.ids(*room, *page, row).map_err(bad_row(*page))?;
        }
        Ok(())
    }

    /// The next row.
    pub(crate) fn row(&mut self, key: &[u8], row: Bytes) -> Result<(), Damage> {
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
            // Before memory is asked for all below them.
            Key::Room(index) if index >= self.next_room => Err(bad_row(BadRow)),
            Key::User(index, _) if index >= self.next_user => Err(bad_row(BadRow)),
            Key::Room(index) => {
                let (tenant, room, fact) = rows::room(&row).map_err(bad_row)?;
                self.rooms += 1;
                self.listener.room(index, tenant, room, &fact)
            }
            Key::User(index, chunk) => self.members(index, chunk, &row).map_err(bad_row)?,
            Key::Numbers(set, chunk) => self.numbers(set, chunk, &row).map_err(bad_row)?,
            Key::Kept(list) => self.kept(list, &row).map_err(bad_row)?,
            Key::Ids(room, page) => {
                self.pages.push((room, page, row));
                Ok(())
            }
            Key::Outbox(sequence) if DeadLetter::check(&row) => {
                self.walked.outbox.insert(sequence, digest::dead_letter(&row));
                Ok(())
            }
            Key::NewIds(number) => self.new_ids(number, &row).map_err(bad_row),
            Key::Outbox(_) => Err(bad_row(BadRow)),
        }
    }

    fn members(&mut self, index: UserIndex, chunk: u16, row: &[u8]) -> Result<Result<(), Damage>, BadRow> {
        if self.user.as_ref().is_none_or(|user| user.index != index) {
            if let Err(damage) = self.finish_user() {
                return Ok(Err(damage));
            }
            let mut members = Vec::new();
            let header = rows::members(row, true, &mut members)?.ok_or(BadRow)?;
            if header.bits > MOST_BITS || !are_of_chunk(&members, header.bits, chunk) {
                return Err(BadRow);
            }
            if header.bits > 0 {
                self.walked.user_bits.insert(index, header.bits);
            }
            let (tenant, id) = (header.tenant.to_owned(), header.user.to_owned());
            self.user = Some(PartialUser { index, tenant, id, bits: header.bits, members, rows: Vec::new() });
        } else if let Some(user) = &mut self.user {
            let before = user.members.len();
            rows::members(row, false, &mut user.members)?;
            if !are_of_chunk(&user.members[before..], user.bits, chunk) {
                return Err(BadRow);
            }
        }
        if let Some(user) = &mut self.user {
            user.rows.push(Key::User(index, chunk));
        }
        Ok(Ok(()))
    }

    fn finish_user(&mut self) -> Result<(), Damage> {
        let Some(mut user) = self.user.take() else { return Ok(()) };
        self.listener.user(user.index, &user.tenant, &user.id, &mut user.members)?;
        if user.members.is_empty() {
            self.walked.stale.append(&mut user.rows);
            self.walked.user_bits.remove(&user.index);
        }
        let sums = self.members.get_or_insert_with(|| {
            let mut rooms = Rooms::with_capacity(self.rooms);
            self.listener.each_room(|index, tenant, room, _| rooms.add(index, tenant, room));
            MemberSums::new(rooms)
        });
        sums.add(user.id, user.members);
        Ok(())
    }

    fn numbers(&mut self, set: NumberSet, chunk: u32, row: &[u8]) -> Result<Result<(), Damage>, BadRow> {
        let numbers = rows::numbers(row, chunk)?;
        let (tenant, room) = self.listener.room_name(set.room()).ok_or(BadRow)?;
        let user = set.user().and_then(|user| self.listener.user_id(user)).unwrap_or("");
        let facts = NumbersOfSet::new(tenant, room, user, set);
        let sum = numbers.iter().map(|number| facts.number(*number)).sum();
        self.walked.digests.add(set.room(), sum);
        Ok(self.listener.numbers(set, &numbers))
    }

    fn kept(&mut self, list: KeptList, row: &[u8]) -> Result<Result<(), Damage>, BadRow> {
        let keys = rows::kept(row)?;
        let (tenant, room) = self.listener.room_name(list.room()).ok_or(BadRow)?;
        let user = match list {
            KeptList::Recalls(_) => "",
            KeptList::Reads(_, user) => self.listener.user_id(user).unwrap_or(""),
        };
        self.walked.digests.add(list.room(), digest::kept(tenant, room, user, list, &keys));
        Ok(self.listener.kept(list, keys))
    }

    /// Only known ids are facts; others that share a page with them are left over.
    fn ids(&mut self, index: RoomIndex, page: u32, row: &[u8]) -> Result<(), BadRow> {
        let posted = self.listener.posted_count(index);
        let ids = ids_of(page, row)?;
        let (tenant, room) = self.listener.room_name(index).ok_or(BadRow)?;
        let facts = IdsOfRoom::new(tenant, room);
        let known = ids.iter().filter(|(_, remembered)| self.is_known(*remembered, posted));
        let sum = known.map(|(key, remembered)| facts.remembered(key, *remembered)).sum();
        self.walked.digests.add(index, sum);
        if ids.last().is_some_and(|(_, newest)| newest.order == posted) {
            self.paged.insert(index);
        } else if posted > 0 && page == page_of(posted) {
            self.walked.unpaged.growing.insert(index, Growing::from_row(page, row)?);
        }
        Ok(())
    }

    /// Whether an id is within the message window of its room.
    fn is_known(&self, remembered: Remembered, posted: u64) -> bool {
        remembered.order > posted.saturating_sub(self.message_window)
    }

    /// What is not in pages is all of the page that the room's next message goes to. The rest was
    /// left here when it got into a page, was forgotten, or its room was deleted.
    fn new_ids(&mut self, number: u64, row: &[u8]) -> Result<(), BadRow> {
        let ids = new_ids(row)?;
        for id in &ids {
            let NewId { room, key, remembered } = id;
            let posted = self.listener.posted_count(*room);
            if posted == 0 || self.paged.contains(room) {
                continue;
            }
            let growing = self.walked.unpaged.growing.entry(*room);
            let growing = growing.or_insert_with(|| Growing::new(page_of(posted)));
            if remembered.order < growing.next_order() {
                continue;
            }
            growing.add(key, *remembered)?;
            let (tenant, name) = self.listener.room_name(*room).ok_or(BadRow)?;
            if self.is_known(*remembered, posted) {
                self.walked.digests.add(*room, digest::remembered(tenant, name, key, *remembered));
            }
            self.walked.unpaged.journal.restore_unpaged(number, id);
        }
        self.walked.unpaged.journal.restore(number, &ids)
    }
}
