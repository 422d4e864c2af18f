//! What is so now: for a commit, for a snapshot, and for whoever wants to know why.

use events::MessageKey;

use crate::changes::{KeptList, MemberFact, NumberSet, RoomFact};
use crate::memberships::Memberships;
use crate::shared::Mentions;
use crate::{Counters, Numbers, RoomIndex, UserIndex};

impl Memberships {
    pub(crate) fn fact(&self, room: RoomIndex) -> Option<MemberFact> {
        let cursor = self.cursor(room)?;
        Some(MemberFact { cursor, muted: self.extra(room).is_some_and(|extra| extra.muted) })
    }
}

impl Counters {
    /// The rooms there are.
    pub fn rooms(&self) -> impl Iterator<Item = RoomIndex> {
        self.rooms.iter().map(|(index, _)| index)
    }

    /// The users there are.
    pub fn users(&self) -> impl Iterator<Item = UserIndex> {
        self.users.indexes()
    }

    /// The room of that name.
    pub fn room(&self, tenant: &str, room: &str) -> Option<RoomIndex> {
        self.rooms.find(tenant, room)
    }

    /// The user of that name.
    pub fn user(&self, tenant: &str, user: &str) -> Option<UserIndex> {
        self.shared.users.with(tenant, user, |user| user.index)
    }

    /// Tenant and id of a room; `None` if it was deleted.
    pub fn room_name(&self, room: RoomIndex) -> Option<(&str, &str)> {
        let room = self.rooms.get(room)?;
        Some((&room.tenant, &room.id))
    }

    /// Tenant and id of a user; `None` if there is no such user any more.
    pub fn user_name(&self, user: UserIndex) -> Option<(&str, &str)> {
        let user = self.users.get(user)?;
        Some((&user.tenant, &user.id))
    }

    /// What a room is now.
    pub fn room_fact(&self, room: RoomIndex) -> Option<RoomFact> {
        let room = self.rooms.get(room)?;
        let tags = self.shared.tag_sets.read().names(room.word.tag_set).clone();
        Some(RoomFact { head: room.word.head, posted: room.posted, time: room.time, tags })
    }

    /// How many messages a room has, silent ones included: the order of its newest.
    pub fn posted_count(&self, room: RoomIndex) -> u64 {
        self.rooms.get(room).map_or(0, |room| room.posted)
    }

    /// What a membership is now; `None` if there is none.
    pub fn member_fact(&self, user: UserIndex, room: RoomIndex) -> Option<MemberFact> {
        self.rooms.get(room)?;
        self.users.get(user)?.memberships.read().fact(room)
    }

    /// How many memberships a user has, those of deleted rooms included as long as they are held.
    pub fn held_memberships(&self, user: UserIndex) -> usize {
        self.users.get(user).map_or(0, |user| user.memberships.read().plain.len())
    }

    /// Hands out the memberships of a user, by ascending room.
    pub fn each_membership(&self, user: UserIndex, mut each: impl FnMut(RoomIndex, MemberFact)) {
        let Some(user) = self.users.get(user) else { return };
        let memberships = user.memberships.read();
        for room in memberships.plain.rooms().filter(|room| self.rooms.get(*room).is_some()) {
            if let Some(fact) = memberships.fact(room) {
                each(room, fact);
            }
        }
    }

    /// Hands a set of numbers to `ask`; an empty one if there is no such set.
    pub fn with_numbers<R>(&self, set: NumberSet, ask: impl FnOnce(&Numbers) -> R) -> R {
        let none = Numbers::default();
        match set {
            NumberSet::Recalled(room) => ask(self.shared.recalled(room).read().get(&room).unwrap_or(&none)),
            NumberSet::MentionAll(room) => {
                ask(self.shared.mention_all(room).read().get(&room).unwrap_or(&none))
            }
            NumberSet::Own(room, user) | NumberSet::Mentioned(room, user) => {
                let Some(user) = self.users.get(user) else { return ask(&none) };
                let memberships = user.memberships.read();
                let extra = memberships.extra(room);
                let is_own = matches!(set, NumberSet::Own(..));
                ask(extra
                    .and_then(|extra| if is_own { Some(&extra.own) } else { extra.mentioned() })
                    .unwrap_or(&none))
            }
        }
    }

    /// Hands a list of kept entries to `ask`, oldest first; an empty one if there is none.
    pub fn with_kept<R>(&self, list: KeptList, ask: impl FnOnce(&[MessageKey]) -> R) -> R {
        match list {
            KeptList::Recalls(room) => ask(self.rooms.get(room).map_or(&[], |room| room.kept_recalls())),
            KeptList::Reads(room, user) => {
                let Some(user) = self.users.get(user) else { return ask(&[]) };
                let memberships = user.memberships.read();
                ask(memberships.extra(room).map_or(&[], |extra| extra.kept_reads()))
            }
        }
    }

    /// Rule 2 for one room; `None` if the user is not a member.
    pub fn unread(&self, user: UserIndex, room: RoomIndex) -> Option<u64> {
        self.rooms.get(room)?;
        let memberships = self.users.get(user)?.memberships.read();
        let cursor = memberships.cursor(room)?;
        self.shared.unread(room, cursor, memberships.extra(room), |_| true)
    }

    /// Rule 2 for one room, as if its head were this number or lower; `None` if the user is not a member.
    pub fn unread_up_to(&self, user: UserIndex, room: RoomIndex, number: u32) -> Option<u64> {
        let head = self.rooms.get(room)?.word.head.min(number);
        let memberships = self.users.get(user)?.memberships.read();
        let cursor = memberships.cursor(room)?;
        if cursor >= head {
            return Some(0);
        }
        let none = Numbers::default();
        let own = memberships.extra(room).map_or(&none, |extra| &extra.own);
        let recalled = self.shared.recalled(room).read();
        let recalled = recalled.get(&room).unwrap_or(&none);
        let above = cursor + 1..=head;
        let own_left = own.iter_within(above.clone()).filter(|number| !recalled.contains(*number)).count();
        Some(u64::from(head - cursor) - recalled.count_within(above) - own_left as u64)
    }

    /// Rule 17 for one room; `None` if the user is not a member.
    pub fn mentions(&self, user: UserIndex, room: RoomIndex) -> Option<u64> {
        self.rooms.get(room)?;
        let memberships = self.users.get(user)?.memberships.read();
        let cursor = memberships.cursor(room)?;
        let seen = self.shared.look(room, cursor, memberships.extra(room), Mentions::Counted, |_| true)?;
        Some(seen.mentions)
    }
}
