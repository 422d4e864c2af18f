//! What a service said of its users, kept until the recount has come as far as that.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use counters::Account;

use crate::counts::Counts;
use crate::difference::Difference;

/// Accounts, page by page; each page is exact for its own sequence, and none is older than the one before.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    pages: Vec<Page>,
    names: HashSet<Arc<str>>,
    tags: HashSet<Arc<[String]>>,
}

/// Accounts as of one stream sequence.
#[derive(Debug, Clone)]
pub struct Page {
    /// The stream sequence for which they are exact.
    pub sequence: u64,
    users: Vec<User>,
}

#[derive(Debug, Clone)]
struct User {
    tenant: Arc<str>,
    user: Box<str>,
    /// By room.
    rooms: Box<[Room]>,
}

/// About 48 bytes a membership: names and tags are held once.
#[derive(Debug, Clone)]
struct Room {
    room: Arc<str>,
    tags: Arc<[String]>,
    unread: u32,
    mentions: u32,
    muted: bool,
}

impl Room {
    fn counts(&self) -> Counts {
        Counts {
            unread: self.unread.into(),
            mentions: self.mentions.into(),
            muted: self.muted,
            tags: self.tags.to_vec(),
        }
    }
}

impl Captured {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what the service said at this sequence.
    pub fn add(&mut self, sequence: u64, accounts: &[Account]) {
        let users = accounts.iter().map(|account| self.user(account)).collect();
        self.pages.push(Page { sequence, users });
    }

    fn user(&mut self, account: &Account) -> User {
        let mut rooms: Vec<Room> = Vec::with_capacity(account.rooms.len());
        for room in &account.rooms {
            rooms.push(Room {
                room: held(&mut self.names, &*room.room),
                tags: held(&mut self.tags, &*room.tags),
                // A room has at most 2^32 − 1 messages.
                unread: u32::try_from(room.unread).unwrap_or(u32::MAX),
                mentions: u32::try_from(room.mentions).unwrap_or(u32::MAX),
                muted: room.muted,
            });
        }
        rooms.sort_unstable_by(|one, other| one.room.cmp(&other.room));
        let tenant = held(&mut self.names, &*account.tenant);
        User { tenant, user: account.user.as_str().into(), rooms: rooms.into() }
    }

    /// The pages, by ascending sequence.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// The sequence of the oldest page; 0 without any.
    pub fn first_sequence(&self) -> u64 {
        self.pages.first().map_or(0, |page| page.sequence)
    }

    /// The sequence of the newest page, up to which the log has to be recounted; 0 without any.
    pub fn last_sequence(&self) -> u64 {
        self.pages.last().map_or(0, |page| page.sequence)
    }

    /// Tenant and id of everybody.
    pub fn users(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pages.iter().flat_map(|page| &page.users).map(|user| (&*user.tenant, &*user.user))
    }

    /// Tenant and id of every room of which anybody is a member, as often as anybody is.
    pub fn rooms(&self) -> impl Iterator<Item = (&str, &str)> {
        let users = self.pages.iter().flat_map(|page| &page.users);
        users.flat_map(|user| user.rooms.iter().map(|room| (&*user.tenant, &*room.room)))
    }

    /// Keeps so many users, and forgets the others. `below` draws a number below the one it is given.
    pub fn sample(&mut self, most: usize, mut below: impl FnMut(usize) -> usize) {
        let mut places: Vec<usize> = (0..self.users().count()).collect();
        let most = most.min(places.len());
        for place in 0..most {
            let other = place + below(places.len() - place);
            places.swap(place, other);
        }
        let kept: HashSet<usize> = places[..most].iter().copied().collect();
        let mut place = 0..;
        for page in &mut self.pages {
            page.users.retain(|_| place.next().is_some_and(|place| kept.contains(&place)));
        }
    }

    /// Of each user, the sequence at which they were captured, and whether with a room.
    pub(crate) fn by_user(&self) -> ByUser<'_> {
        let mut users: HashMap<(&str, &str), (u64, &[Room])> = HashMap::new();
        for page in &self.pages {
            for user in &page.users {
                // Who left everything and came back may be on two pages: the later one counts.
                users.insert((&*user.tenant, &*user.user), (page.sequence, &*user.rooms));
            }
        }
        ByUser { users, first: self.first_sequence() }
    }
}

/// One copy of what is said often.
fn held<T: ?Sized + Eq + std::hash::Hash>(all: &mut HashSet<Arc<T>>, value: &T) -> Arc<T>
where
    for<'a> Arc<T>: From<&'a T>,
{
    if let Some(found) = all.get(value) {
        return found.clone();
    }
    let new: Arc<T> = value.into();
    all.insert(new.clone());
    new
}

/// Which memberships were captured.
pub(crate) struct ByUser<'a> {
    users: HashMap<(&'a str, &'a str), (u64, &'a [Room])>,
    first: u64,
}

impl ByUser<'_> {
    /// At which sequence the service did not say that this user is a member of that room; `None` if it did.
    pub(crate) fn lacks(&self, tenant: &str, user: &str, room: &str) -> Option<u64> {
        match self.users.get(&(tenant, user)) {
            // Whoever is a member all the while has a place, which some page had.
            None => Some(self.first),
            Some((sequence, rooms)) => {
                let is_there = rooms.binary_search_by(|other| (*other.room).cmp(room)).is_ok();
                (!is_there).then_some(*sequence)
            }
        }
    }
}

impl Page {
    /// How many users it has.
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// Compares each membership that the page has with what `expected` says of tenant, user and room: no counts for
    /// no member, nothing at all for what can't be told. Returns how many it compared, and how many it could not.
    /// Memberships that the page lacks are not found.
    pub(crate) fn compare_rooms(
        &self,
        mut expected: impl FnMut(&str, &str, &str) -> Option<Option<Counts>>,
        differences: &mut Vec<Difference>,
    ) -> (u64, u64) {
        let (mut compared, mut left_out) = (0, 0);
        for User { tenant, user, rooms } in &self.users {
            for room in rooms {
                let Some(expected) = expected(tenant, user, &room.room) else {
                    left_out += 1;
                    continue;
                };
                compared += 1;
                let found = Some(room.counts());
                if expected != found {
                    differences.push(self.difference(tenant, user, &room.room, expected, found));
                }
            }
        }
        (compared, left_out)
    }

    /// Compares each account with all that `expected` says of tenant and user, by room: memberships that the page
    /// lacks are found too. Returns how many it compared.
    pub fn compare_users(
        &self,
        mut expected: impl FnMut(&str, &str) -> BTreeMap<String, Counts>,
        differences: &mut Vec<Difference>,
    ) -> u64 {
        let mut compared = 0;
        for User { tenant, user, rooms } in &self.users {
            let mut by_room = expected(tenant, user);
            for room in rooms {
                let (expected, found) = (by_room.remove(&*room.room), Some(room.counts()));
                compared += 1;
                if expected != found {
                    differences.push(self.difference(tenant, user, &room.room, expected, found));
                }
            }
            for (room, expected) in by_room {
                compared += 1;
                differences.push(self.difference(tenant, user, &room, Some(expected), None));
            }
        }
        compared
    }

    fn difference(
        &self,
        tenant: &str,
        user: &str,
        room: &str,
        expected: Option<Counts>,
        found: Option<Counts>,
    ) -> Difference {
        let (tenant, user, room) = (tenant.to_owned(), user.to_owned(), room.to_owned());
        Difference { tenant, user, room, sequence: self.sequence, expected, found }
    }
}
