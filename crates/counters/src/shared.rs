//! What one writer changes and many readers see.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::memberships::Extra;
use crate::room_names::RoomNames;
use crate::room_words::{RoomWord, RoomWords};
use crate::tag_sets::TagSets;
use crate::users::Users;
use crate::{Numbers, RoomIndex};

const NUMBER_SHARDS: usize = 16;

/// A set of numbers for each room that has any.
type NumbersByRoom = [RwLock<HashMap<RoomIndex, Numbers>>; NUMBER_SHARDS];

/// An event's effects are made visible in this order: exceptions and cursors, then the head, then
/// the applied sequence. A reader loads the other way round and ignores numbers above the head it
/// loaded, so nobody ever sees a half of an event.
#[derive(Debug)]
pub(crate) struct Shared {
    applied: AtomicU64,
    pub(crate) words: RoomWords,
    pub(crate) tag_sets: RwLock<TagSets>,
    pub(crate) users: Users,
    pub(crate) names: RoomNames,
    recalled: NumbersByRoom,
    mention_all: NumbersByRoom,
}

/// Whether mentions are to be counted, which costs a look more for each room with unread messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mentions {
    Counted,
    Uncounted,
}

/// One room of one user at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) word: RoomWord,
    /// Rule 2.
    pub(crate) unread: u64,
    /// Rule 17: those of them that mention the user; 0 if they were not to be counted.
    pub(crate) mentions: u64,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            applied: AtomicU64::new(0),
            words: RoomWords::new(),
            tag_sets: RwLock::new(TagSets::new()),
            users: Users::new(),
            names: RoomNames::new(),
            recalled: Default::default(),
            mention_all: Default::default(),
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
        &self.recalled[room.0 as usize % NUMBER_SHARDS]
    }

    /// The numbers of rooms that mention everybody, this one's among them.
    pub(crate) fn mention_all(&self, room: RoomIndex) -> &RwLock<HashMap<RoomIndex, Numbers>> {
        &self.mention_all[room.0 as usize % NUMBER_SHARDS]
    }

    /// Rules 2 and 17 for one room of a user whose memberships the caller holds, both at one moment: `None` if
    /// `fits` rejects the room as it is at that moment.
    pub(crate) fn look(
        &self,
        room: RoomIndex,
        cursor: u32,
        extra: Option<&Extra>,
        mentions: Mentions,
        mut fits: impl FnMut(RoomWord) -> bool,
    ) -> Option<Seen> {
        let none = Numbers::default();
        let own = extra.map_or(&none, |extra| &extra.own);
        let mentioned = extra.and_then(Extra::mentioned).unwrap_or(&none);
        loop {
            let word = self.words.load(room);
            if !fits(word) {
                return None;
            }
            if cursor >= word.head {
                return Some(Seen { word, unread: 0, mentions: 0 });
            }
            let above = cursor + 1..=word.head;
            // Held until both are counted, so that no recall comes between.
            let recalled = word.has_recalled.then(|| self.recalled(room).read());
            let recalled = recalled.as_ref().and_then(|recalled| recalled.get(&room)).unwrap_or(&none);
            let counts = |number: &u32| !own.contains(*number) && !recalled.contains(*number);
            let own_left =
                own.iter_within(above.clone()).filter(|number| !recalled.contains(*number)).count();
            let all = u64::from(word.head - cursor);
            let unread = all - recalled.count_within(above.clone()) - own_left as u64;
            let mentions = match mentions {
                Mentions::Uncounted => 0,
                Mentions::Counted => {
                    let named = mentioned.iter_within(above.clone()).filter(counts).count();
                    let of_all = self.mention_all(room).read().get(&room).map_or(0, |mention_all| {
                        let not_named = |number: &u32| !mentioned.contains(*number);
                        mention_all.iter_within(above).filter(not_named).filter(counts).count()
                    });
                    (named + of_all) as u64
                }
            };
            // If the word is still the same, it was so while the numbers were read.
            if self.words.load(room) == word {
                return Some(Seen { word, unread, mentions });
            }
        }
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
