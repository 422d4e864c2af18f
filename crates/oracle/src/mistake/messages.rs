//! Mistakes around `message.read`, `message.unread` and `message.recalled`.

use events::{Body, History, MessageRead, MessageRecalled, MessageUnread, RoomJoined, Tenant};

use crate::oracle::Oracle;
use crate::outcome::Outcome;
use crate::room::Message;

use super::Mistake;

impl Oracle {
    pub(super) fn read_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        read: &MessageRead<'_>,
    ) -> Outcome {
        let upto = read.upto.as_ref().map(|upto| upto.as_str());
        let known = upto.and_then(|upto| self.known(tenant, &read.room, upto));
        let unknown = upto.filter(|_| known.is_none());
        let head = self.head(tenant.as_str(), &read.room).unwrap_or(0);
        let most_kept = self.rules_for(None).kept_reads;
        let member = self.member_mut(tenant, &read.room, &read.user);
        match (mistake, member) {
            (Mistake::ReadToSilentIgnored, _) if known.as_ref().is_some_and(|upto| upto.silent) => {
                return Outcome::UNCHANGED;
            }
            (Mistake::ReadMovesBackwards, Some(member)) => {
                let number = known.map_or(head, |upto| upto.number);
                member.cursor = member.cursor.min(number);
            }
            (Mistake::ReadAllStopsShort, Some(member)) if upto.is_none() => {
                member.cursor = member.cursor.max(head.saturating_sub(1));
                return Outcome::CHANGED;
            }
            (Mistake::ReadAllCancelsKeptReads, Some(member)) if upto.is_none() => {
                member.kept_reads.clear();
            }
            (Mistake::EarlyReadLost, _) if unknown.is_some() => return Outcome::UNCHANGED,
            (Mistake::KeptReadRefused, Some(member))
                if unknown.is_some() && member.kept_reads.len() == most_kept =>
            {
                return Outcome::UNCHANGED;
            }
            (Mistake::KeptReadRefreshed, Some(member)) => {
                member.kept_reads.retain(|kept| Some(kept.as_str()) != unknown);
            }
            (Mistake::ReadingJoins, None) => {
                let joined = RoomJoined {
                    room: read.room.clone(),
                    users: vec![read.user.clone()],
                    history: History::None,
                };
                self.follow(tenant, Body::RoomJoined(joined), 0);
            }
            _ => {}
        }
        self.follow(tenant, Body::MessageRead(read.clone()), 0)
    }

    pub(super) fn unread_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        unread: &MessageUnread<'_>,
    ) -> Outcome {
        let from = self.known(tenant, &unread.room, &unread.from);
        let room = self.room(tenant.as_str(), &unread.room);
        let posted_so_far = room.map_or(0, |room| room.posted_so_far());
        let before = self.cursor(tenant.as_str(), &unread.user, &unread.room);
        let joined_at = self.head_at_join(tenant, unread);

        let outcome = self.follow(tenant, Body::MessageUnread(unread.clone()), 0);
        let Some(member) = self.member_mut(tenant, &unread.room, &unread.user) else {
            return outcome;
        };
        match (mistake, from) {
            (Mistake::UnknownUnreadFromZero, None) => member.cursor = 0,
            (Mistake::OwnForgottenByUnread, Some(_)) => member.joined_after = posted_so_far,
            (Mistake::UnreadCancelsKeptReads, _) => member.kept_reads.clear(),
            (Mistake::UnreadSparesFrom, Some(from)) => member.cursor = from.number,
            (Mistake::UnreadFromSilentStepsBack, Some(from)) => {
                member.cursor = from.number.saturating_sub(1);
            }
            (Mistake::UnreadMovesBackwardsOnly, _) => {
                member.cursor = member.cursor.min(before.unwrap_or(0));
            }
            (Mistake::UnreadStopsAtJoin, Some(_)) => member.cursor = member.cursor.max(joined_at),
            _ => {}
        }
        outcome
    }

    pub(super) fn recalled_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        recalled: &MessageRecalled<'_>,
    ) -> Outcome {
        let id = recalled.message.as_str();
        let known = self.known(tenant, &recalled.room, id);
        let most_kept = self.rules_for(None).kept_recalls;
        let room = self.room_mut(tenant.as_str(), &recalled.room);
        match (mistake, known, room) {
            (Mistake::RecallIgnored, Some(_), _) | (Mistake::EarlyRecallLost, None, _) => {
                return Outcome::UNCHANGED;
            }
            (Mistake::SilentRecallHitsTheOneBefore, Some(named), Some(room)) => {
                for message in &mut room.messages {
                    message.recalled |= !message.silent && message.number == named.number;
                }
            }
            (Mistake::KeptRecallRefused, None, Some(room)) if room.kept_recalls.len() == most_kept => {
                return Outcome::UNCHANGED;
            }
            (Mistake::KeptRecallRefreshed, None, Some(room)) => {
                room.kept_recalls.retain(|kept| kept != id);
            }
            _ => {}
        }
        self.follow(tenant, Body::MessageRecalled(recalled.clone()), 0)
    }

    fn known(&self, tenant: Tenant<'_>, room: &str, id: &str) -> Option<Message> {
        let room = self.room(tenant.as_str(), room)?;
        room.find(self.rules_for(Some(room)).window, id).cloned()
    }

    fn head_at_join(&self, tenant: Tenant<'_>, unread: &MessageUnread<'_>) -> u64 {
        let Some(room) = self.room(tenant.as_str(), &unread.room) else {
            return 0;
        };
        let member = room.members.get(unread.user.as_str());
        let Some(member) = member else {
            return 0;
        };
        let before = room.messages.iter().filter(|message| !message.is_of_membership(member));
        before.filter(|message| !message.silent).count() as u64
    }
}
