//! Mistakes around `message.posted`.

use std::collections::BTreeMap;

use events::{Body, MessagePosted, MessageRead, Tenant};

use crate::oracle::Oracle;
use crate::outcome::{Effect, Outcome};
use crate::policies::OwnMessages;
use crate::room::{Member, Room};
use crate::rules::Rules;

use super::Mistake;

impl Oracle {
    pub(super) fn posted_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        posted: &MessagePosted<'_>,
        stored_ms: u64,
    ) -> Outcome {
        let room = self.room_mut(tenant.as_str(), &posted.room);
        let is_stranger = room.as_ref().is_none_or(|room| !room.members.contains_key(posted.sender.as_str()));
        let (kept_recalls, members) =
            room.map_or_else(Default::default, |room| (room.kept_recalls.clone(), room.members.clone()));

        let mut heard = posted.clone();
        let mut heard_ms = stored_ms;
        match mistake {
            Mistake::SilentNumbered => heard.silent = false,
            Mistake::TimeOfTheSender => heard_ms = stored_ms.max(posted.at.unwrap_or(0)),
            Mistake::StrangersPostIgnored if is_stranger => return Outcome::UNCHANGED,
            Mistake::RetryRefreshesAge | Mistake::RetryEdits => {
                let rules = self.rules_for(None);
                if let Some(room) = self.room_mut(tenant.as_str(), &posted.room) {
                    room.retried_mistakenly(mistake, rules, posted);
                }
            }
            _ => {}
        }

        let outcome = self.follow(tenant, Body::MessagePosted(heard), heard_ms);
        if outcome.effect == Effect::Unchanged {
            return outcome;
        }
        if let Some(room) = self.room_mut(tenant.as_str(), &posted.room) {
            match mistake {
                Mistake::KeptRecallStays => room.kept_recalls = kept_recalls,
                Mistake::KeptReadStays => room.put_back_kept_reads(&members),
                Mistake::TimeFallsBack if !posted.silent => room.set_newest_time(posted, stored_ms),
                Mistake::TimeOfSilent if posted.silent => room.set_newest_time(posted, stored_ms),
                _ => {}
            }
        }
        let marks_read = self.rules_for(None).own_messages == OwnMessages::MarkRead;
        if mistake == Mistake::SilentMarksRead && posted.silent && marks_read {
            let (room, user) = (posted.room.clone(), posted.sender.clone());
            let read = MessageRead { room, user, upto: None };
            self.follow(tenant, Body::MessageRead(read), stored_ms);
        }
        outcome
    }
}

impl Room {
    fn retried_mistakenly(&mut self, mistake: Mistake, rules: Rules, posted: &MessagePosted<'_>) {
        let id = posted.message.as_str();
        if mistake == Mistake::RetryEdits {
            if let Some(message) = self.find_mut(rules.window, id) {
                message.mention_all = posted.mention_all;
                message.mentions = posted.mentions.iter().map(ToString::to_string).collect();
            }
        } else if let Some(order) = self.find(rules.window, id).map(|known| known.order) {
            let mut messages = std::mem::take(&mut self.messages);
            messages.sort_by_key(|message| message.order == order);
            messages.into_iter().for_each(|message| self.push(message));
        }
    }

    fn put_back_kept_reads(&mut self, before: &BTreeMap<String, Member>) {
        for (user, member) in &mut self.members {
            if let Some(before) = before.get(user) {
                member.kept_reads.clone_from(&before.kept_reads);
            }
        }
    }

    fn set_newest_time(&mut self, posted: &MessagePosted<'_>, stored_ms: u64) {
        if let Some(message) = self.messages.last_mut() {
            message.time = posted.at.unwrap_or(stored_ms).min(stored_ms);
        }
    }
}
