//! Why a user's badge is what it is: room by room, in the terms of rule 2.

use crate::changes::{KeptList, MemberFact, NumberSet};
use crate::{Counters, RoomIndex, UserIndex};

/// The rooms of one user, as they are at [`Counters::applied`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The tenant.
    pub tenant: String,
    /// The user's id.
    pub user: String,
    /// The rooms of which the user is a member; none for a user nobody has heard of.
    pub rooms: Vec<RoomAccount>,
}

/// One membership, and what its count is made of: `unread = head − cursor − recalled − own`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomAccount {
    /// The room's id.
    pub room: String,
    /// The room's tags, sorted.
    pub tags: Vec<String>,
    /// The number of the newest countable message.
    pub head: u32,
    /// Up to which number the member has read.
    pub cursor: u32,
    /// How many messages above the cursor are recalled.
    pub recalled: u64,
    /// How many messages above the cursor are the member's own, and not recalled.
    pub own: u64,
    /// How many reads wait for their message (rule 6).
    pub kept_reads: usize,
    /// Whether the member muted the room.
    pub muted: bool,
    /// Rule 2.
    pub unread: u64,
    /// Rule 17.
    pub mentions: u64,
}

impl Account {
    /// The sum over all rooms, muted ones included.
    pub fn unread(&self) -> u64 {
        self.rooms.iter().map(|room| room.unread).sum()
    }
}

impl Counters {
    /// The account of a user; without rooms if there is no such user.
    pub fn account(&self, tenant: &str, user: &str) -> Account {
        let mut account = Account { tenant: tenant.to_owned(), user: user.to_owned(), rooms: Vec::new() };
        if let Some(index) = self.user(tenant, user) {
            account.rooms = self.room_accounts(index);
        }
        account
    }

    /// The accounts of users by ascending index, from `first` on: `most_users` of them at the most, and no
    /// further one after `most_rooms` rooms. Also says with which index to go on; `None` at the end.
    pub fn accounts(
        &self,
        first: UserIndex,
        most_users: usize,
        most_rooms: usize,
    ) -> (Vec<Account>, Option<UserIndex>) {
        let (mut accounts, mut rooms) = (Vec::new(), 0);
        for index in (first.0..self.next_user().0).map(UserIndex) {
            if accounts.len() >= most_users || rooms >= most_rooms {
                return (accounts, Some(index));
            }
            let Some((tenant, user)) = self.user_name(index) else { continue };
            let of_user = self.room_accounts(index);
            rooms += of_user.len();
            accounts.push(Account { tenant: tenant.to_owned(), user: user.to_owned(), rooms: of_user });
        }
        (accounts, None)
    }

    fn room_accounts(&self, user: UserIndex) -> Vec<RoomAccount> {
        let mut rooms = Vec::new();
        self.each_membership(user, |room, fact| rooms.push((room, fact)));
        let account = |(room, fact)| self.room_account(user, room, fact);
        rooms.into_iter().filter_map(account).collect()
    }

    fn room_account(&self, user: UserIndex, room: RoomIndex, fact: MemberFact) -> Option<RoomAccount> {
        let (_, id) = self.room_name(room)?;
        let of_room = self.room_fact(room)?;
        let (recalled, own) = self.excepted(user, room, fact.cursor, of_room.head);
        Some(RoomAccount {
            room: id.to_owned(),
            tags: of_room.tags.iter().map(|tag| tag.to_string()).collect(),
            head: of_room.head,
            cursor: fact.cursor,
            recalled,
            own,
            kept_reads: self.with_kept(KeptList::Reads(room, user), <[_]>::len),
            muted: fact.muted,
            unread: self.unread(user, room)?,
            mentions: self.mentions(user, room)?,
        })
    }
    /// How many messages above the cursor are recalled, and how many are the member's own and not recalled.
    fn excepted(&self, user: UserIndex, room: RoomIndex, cursor: u32, head: u32) -> (u64, u64) {
        if cursor >= head {
            return (0, 0);
        }
        let above = cursor + 1..=head;
        self.with_numbers(NumberSet::Recalled(room), |recalled| {
            let own = self.with_numbers(NumberSet::Own(room, user), |own| {
                own.iter_within(above.clone()).filter(|number| !recalled.contains(*number)).count()
            });
            (recalled.count_within(above.clone()), own as u64)
        })
    }
}
