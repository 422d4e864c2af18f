//! Questions, from any thread, while the writer goes on.

use std::fmt;
use std::hint::select_unpredictable;
use std::sync::Arc;

use crate::RoomIndex;
use crate::memberships::Memberships;
use crate::policies::MutedRooms;
use crate::room_cursors::Cursors;
use crate::room_words::RoomWord;
use crate::shared::Shared;
use crate::tag_filter::{TagFilter, TagMode, Wanted, remembered};
use crate::tag_sets::TagIndex;

mod rooms;

pub use rooms::{ByTags, RoomList, RoomUnread, Summary, Sums};

/// Answers questions while one writer applies events. A question waits for no event but, for a
/// moment, one of the very user it is about, and never looks at a message.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// How many unread messages, and how far the answer reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    /// Unread messages.
    pub count: u64,
    /// Every event up to this stream sequence is in `count`. Each room's part is exact for one
    /// sequence that is this one or later.
    pub applied: u64,
}

/// So many tags are looked up without allocating; more are allowed.
const TAGS_IN_PLACE: usize = 32;

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The last stream sequence that is visible.
    pub fn applied(&self) -> u64 {
        self.shared.applied()
    }

    /// Rule 2: the unread messages of a user in all rooms that have all of `tags`. A user who is a
    /// member of no room, or a tag that no room has, gives 0.
    pub fn badge(&self, tenant: &str, user: &str, tags: &[&str], muted: MutedRooms) -> Badge {
        let applied = self.shared.applied();
        let count = if tags.is_empty() {
            self.sum(tenant, user, muted, |_| true)
        } else {
            self.filtered_sum(tenant, user, tags, muted)
        };
        Badge { count, applied }
    }

    /// Rule 2, for the rooms that fit the filter.
    pub fn filtered_badge(
        &self,
        tenant: &str,
        user: &str,
        filter: &TagFilter<'_>,
        muted: MutedRooms,
    ) -> Badge {
        if filter.mode == TagMode::All && filter.not.is_empty() {
            return self.badge(tenant, user, filter.tags, muted);
        }
        let applied = self.shared.applied();
        let tag_sets = self.shared.tag_sets.read();
        let wanted = Wanted::new(filter, &tag_sets);
        let count = self.sum(tenant, user, muted, remembered(|set| wanted.fits(&tag_sets, set)));
        Badge { count, applied }
    }

    fn filtered_sum(&self, tenant: &str, user: &str, tags: &[&str], muted: MutedRooms) -> u64 {
        let tag_sets = self.shared.tag_sets.read();
        let mut in_place = [TagIndex::default(); TAGS_IN_PLACE];
        let mut allocated = Vec::new();
        let wanted = if tags.len() <= TAGS_IN_PLACE {
            &mut in_place[..tags.len()]
        } else {
            allocated.resize(tags.len(), TagIndex::default());
            &mut allocated[..]
        };
        for (place, tag) in wanted.iter_mut().zip(tags) {
            match tag_sets.tag(tag) {
                Some(tag) => *place = tag,
                None => return 0,
            }
        }
        let wanted = &*wanted;
        self.sum(tenant, user, muted, remembered(|set| tag_sets.contains_all(set, wanted)))
    }

    fn sum(&self, tenant: &str, user: &str, muted: MutedRooms, fits: impl FnMut(RoomWord) -> bool) -> u64 {
        let walk = |memberships: &Memberships| match memberships.plain.cursors() {
            Cursors::Narrow(cursors) => self.walk(memberships, cursors, muted, fits),
            Cursors::Wide(cursors) => self.walk(memberships, cursors, muted, fits),
        };
        self.shared.users.with(tenant, user, |user| walk(&user.memberships.read())).unwrap_or(0)
    }

    /// Rule 2, and 13 for muted rooms. Few memberships have something beyond a cursor: those between two of
    /// them are summed in one go.
    fn walk(
        &self,
        Memberships { plain, extras }: &Memberships,
        cursors: &[impl Into<u32> + Copy],
        muted: MutedRooms,
        mut fits: impl FnMut(RoomWord) -> bool,
    ) -> u64 {
        let rooms = plain.indexes();
        let (mut sum, mut start) = (0, 0);
        for extra in &**extras {
            let room = &extra.room.0;
            let rest = &rooms[start..];
            let is_next = rest.first() == Some(room);
            let place = start + if is_next { 0 } else { rest.partition_point(|other| other < room) };
            sum += self.plain(&rooms[start..place], &cursors[start..place], &mut fits);
            if !(muted == MutedRooms::Skip && extra.muted) {
                sum += self
                    .shared
                    .unread(extra.room, cursors[place].into(), Some(extra), &mut fits)
                    .unwrap_or(0);
            }
            start = place + 1;
        }
        sum + self.plain(&rooms[start..], &cursors[start..], &mut fits)
    }

    /// The sum over memberships that have nothing but their cursors.
    fn plain(
        &self,
        rooms: &[u32],
        cursors: &[impl Into<u32> + Copy],
        mut fits: impl FnMut(RoomWord) -> bool,
    ) -> u64 {
        let mut sum = 0;
        self.shared.words.each(rooms, cursors, |rooms, cursors, words| {
            let cursors = cursors.iter().map(|cursor| (*cursor).into());
            if words.iter().fold(false, |any, word| any | word.has_recalled) {
                for (room, cursor) in rooms.iter().zip(cursors) {
                    sum += self.shared.unread(RoomIndex(*room), cursor, None, &mut fits).unwrap_or(0);
                }
            } else {
                for (word, cursor) in words.iter().zip(cursors) {
                    // Which rooms fit, no processor can guess.
                    sum += select_unpredictable(fits(*word), word.head.saturating_sub(cursor).into(), 0);
                }
            }
        });
        sum
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").field("applied", &self.applied()).finish_non_exhaustive()
    }
}
