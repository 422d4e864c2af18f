//! Questions, from any thread, while the writer goes on.

use std::fmt;
use std::sync::Arc;

use crate::memberships::Memberships;
use crate::policies::MutedRooms;
use crate::room_cursors::Cursors;
use crate::room_words::RoomWord;
use crate::shared::Shared;
use crate::tag_sets::{TagIndex, TagSets};

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
        self.sum(tenant, user, muted, matches_all(&tag_sets, wanted))
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
        self.shared.words.each(rooms, cursors, |room, cursor, word| {
            let cursor = cursor.into();
            if word.has_recalled {
                sum += self.shared.unread(room, cursor, None, &mut fits).unwrap_or(0);
            } else if fits(word) {
                sum += u64::from(word.head.saturating_sub(cursor));
            }
        });
        sum
    }
}

/// So many answers are remembered at once.
const ANSWERS: usize = 256;

/// Whether a room has all wanted tags. Rooms of one user share few tag sets, so that most answers were
/// given before.
fn matches_all<'a>(tag_sets: &'a TagSets, wanted: &'a [TagIndex]) -> impl FnMut(RoomWord) -> bool + 'a {
    // Each is the index of a tag set, and in the lowest bit whether that has all. To begin with they are of
    // sets whose answers have other places.
    let mut answers = [0; ANSWERS];
    answers[0] = 1 << 1;
    move |word| {
        let answer = &mut answers[word.tag_set.0 as usize % ANSWERS];
        if *answer >> 1 != word.tag_set.0 {
            let fits = tag_sets.contains_all(word.tag_set, wanted);
            *answer = word.tag_set.0 << 1 | u32::from(fits);
        }
        *answer & 1 == 1
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").field("applied", &self.applied()).finish_non_exhaustive()
    }
}
