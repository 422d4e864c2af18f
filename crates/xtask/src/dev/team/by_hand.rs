//! What somebody at the demo page has the team do, between what it does by itself.

use events::{Body, MessageRead, MessageRecalled, MessageUnread};

use super::{Mention, Step, Team, USER, id};
use crate::dev::page::InRoom;

impl Team {
    /// The step, or why there is none.
    pub(in crate::dev) fn by_hand(&mut self, index: usize, action: InRoom) -> Result<Step, String> {
        match action {
            InRoom::Post(member) => Ok(self.posted(index, member, Mention::Nobody, "posted")),
            InRoom::Read => {
                let room = &mut self.rooms[index];
                room.read(0);
                let read = MessageRead { room: room.id(), user: id(USER), upto: None };
                Ok(self.step(index, Body::MessageRead(read), &format!("{USER} read everything")))
            }
            InRoom::MarkUnread => {
                let room = &mut self.rooms[index];
                let newest = room.recent.len().checked_sub(1).ok_or_else(|| nothing(index))?;
                let from = room.mark_unread(newest);
                let unread = MessageUnread { room: room.id(), user: id(USER), from: id(&from) };
                let said = format!("{USER} marked the newest as unread");
                Ok(self.step(index, Body::MessageUnread(unread), &said))
            }
            InRoom::Recall => {
                let room = &mut self.rooms[index];
                let newest = room.recent.back().cloned().ok_or_else(|| nothing(index))?;
                room.recall(&newest.id);
                let recalled = MessageRecalled { room: room.id(), message: id(&newest.id) };
                let said = format!("{} recalled the newest", newest.sender);
                Ok(self.step(index, Body::MessageRecalled(recalled), &said))
            }
        }
    }
}

fn nothing(index: usize) -> String {
    format!("{}: there is no message", super::PLANS[index].name)
}
