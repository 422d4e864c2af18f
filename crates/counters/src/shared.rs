//! What one writer changes and many readers see.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::memberships::Extra;
use crate::room_words::{RoomWord, RoomWords};
use crate::tag_sets::TagSets;
use crate::users::Users;
use crate::{Numbers, RoomIndex};

const RECALLED_SHARDS: usize = 16;

/// An event's effects are made visible in this order: exceptions and cursors, then the head, then
/// the applied sequence. A reader loads the other way round and ignores numbers above the head it
/// loaded, so nobody ever sees a half of an event.
#[derive(Debug)]
pub(crate) struct Shared {
    applied: AtomicU64,
    pub(crate) words: RoomWords,
    pub(crate) tag_sets: RwLock<TagSets>,
    pub(crate) users: Users,
    recalled: [RwLock<HashMap<RoomIndex, Numbers>>; RECALLED_SHARDS],
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            applied: AtomicU64::new(0),
            words: RoomWords::new(),
            tag_sets: RwLock::new(TagSets::new()),
            users: Users::new(),
            recalled: Default::default(),
        }
    }

    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    pub(crate) fn set_applied(&self, sequence: u64) {
        self.applied.store(sequence, Ordering::Release);
    }

    /// The recalled numbers of rooms, this one's among them.
    pub(crate) fn recalled(&self, room: RoomIndex) -> &RwLock<HashMap<RoomIndex, Numbers>> {
        &self.recalled[room.0 as usize % RECALLED_SHARDS]
    }

    /// Rule 2 for one room of a user whose memberships the caller holds, at one moment: `None` if
    /// `fits` rejects the room as it is at that moment.
    pub(crate) fn unread(
        &self,
        room: RoomIndex,
        cursor: u32,
        extra: Option<&Extra>,
        mut fits: impl FnMut(RoomWord) -> bool,
    ) -> Option<u64> {
        loop {
            let word = self.words.load(room);
            if !fits(word) {
                return None;
            }
            if cursor >= word.head {
                return Some(0);
            }
            let above = cursor + 1..=word.head;
            let all = u64::from(word.head - cursor);
            let own = extra.map(|extra| &extra.own).filter(|own| !own.is_empty());
            if !word.has_recalled {
                return Some(all - own.map_or(0, |own| own.count_within(above)));
            }
            let excepted = match self.recalled(room).read().get(&room) {
                None => own.map_or(0, |own| own.count_within(above)),
                Some(recalled) => {
                    // A number that is both recalled and own is excepted once.
                    let own = own.map_or(0, |own| {
                        own.iter_within(above.clone()).filter(|number| !recalled.contains(*number)).count()
                            as u64
                    });
                    recalled.count_within(above) + own
                }
            };
            // If the word is still the same, it was so while the recalled numbers were read.
            if self.words.load(room) == word {
                return Some(all - excepted);
            }
        }
    }
}
