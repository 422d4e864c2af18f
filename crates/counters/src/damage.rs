//! For tests of what finds damage: a count made wrong on purpose. Not in a release.

use crate::Counters;

impl Counters {
    /// Moves a cursor as a bug in a rule would: what is committed, and its digest, follow. `false` if there
    /// is no such membership, or the room has no such number.
    pub fn damage_cursor(&mut self, tenant: &str, user: &str, room: &str, cursor: u32) -> bool {
        let Some(index) = self.room(tenant, room) else { return false };
        let Some(user) = self.shared.users.find(tenant, user) else { return false };
        let mut memberships = user.memberships.write();
        let is_number = self.rooms.get(index).is_some_and(|room| cursor <= room.word.head);
        if !is_number || memberships.position(index).is_none() {
            return false;
        }
        self.move_cursor(&user, &mut memberships, index, cursor);
        true
    }
}
