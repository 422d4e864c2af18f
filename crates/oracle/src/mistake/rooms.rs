//! Mistakes around the events of rooms and users.

use events::{
    Body, History, Id, MessageRecalled, RoomDeleted, RoomJoined, RoomLeft, RoomTagged, Tag, Tenant,
    UserDeleted,
};

use crate::oracle::Oracle;
use crate::outcome::Outcome;
use crate::room::{Member, Room};

use super::Mistake;

impl Oracle {
    pub(super) fn joined_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        joined: &RoomJoined<'_>,
    ) -> Outcome {
        let mut heard = joined.clone();
        match mistake {
            Mistake::HistoryAllIgnored => heard.history = History::None,
            Mistake::JoiningAgainStartsAfresh => {
                let (room, users) = (joined.room.clone(), joined.users.clone());
                self.follow(tenant, Body::RoomLeft(RoomLeft { room, users }), 0);
            }
            _ => {}
        }
        let outcome = self.follow(tenant, Body::RoomJoined(heard), 0);
        for user in &joined.users {
            let Some(former) = self.forget_former(tenant, &joined.room, user) else {
                continue;
            };
            if let Some(member) = self.member_mut(tenant, &joined.room, user) {
                match mistake {
                    Mistake::MuteSurvivesLeaving => member.muted = former.muted,
                    Mistake::KeptReadsSurviveLeaving => member.kept_reads = former.kept_reads,
                    Mistake::CursorSurvivesLeaving | Mistake::CursorSurvivesUserDeleted => {
                        member.cursor = former.cursor;
                    }
                    _ => {}
                }
            }
        }
        outcome
    }

    pub(super) fn left_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        left: &RoomLeft<'_>,
    ) -> Outcome {
        if mistake != Mistake::CursorSurvivesUserDeleted {
            for user in &left.users {
                self.remember_former(tenant, &left.room, user);
            }
        }
        self.follow(tenant, Body::RoomLeft(left.clone()), 0)
    }

    pub(super) fn tagged_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        tagged: &RoomTagged<'_>,
    ) -> Outcome {
        let mut heard = tagged.clone();
        let before = self.room(tenant.as_str(), &tagged.room);
        match (mistake, before) {
            (Mistake::TagsFixedByTheFirstMessage, Some(room)) if !room.messages.is_empty() => {
                heard.tags = tags_of(room);
            }
            (Mistake::TagsAdded, Some(room)) => heard.tags.extend(tags_of(room)),
            _ => {}
        }
        self.follow(tenant, Body::RoomTagged(heard), 0)
    }

    pub(super) fn room_deleted_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        deleted: &RoomDeleted<'_>,
    ) -> Outcome {
        let before = self.room_mut(tenant.as_str(), &deleted.room).map(std::mem::take);
        let outcome = self.follow(tenant, Body::RoomDeleted(deleted.clone()), 0);
        let Some(before) = before else {
            return outcome;
        };
        match mistake {
            Mistake::KeptRecallsSurviveTheRoom => {
                for kept in before.kept_recalls {
                    if let Ok(message) = Id::new(kept) {
                        let room = deleted.room.clone();
                        let recalled = MessageRecalled { room, message };
                        self.follow(tenant, Body::MessageRecalled(recalled), 0);
                    }
                }
            }
            Mistake::TagsSurviveTheRoom => {
                let (room, tags) = (deleted.room.clone(), tags_of(&before));
                self.follow(tenant, Body::RoomTagged(RoomTagged { room, tags }), 0);
            }
            Mistake::MembersSurviveTheRoom => {
                let users = before.members.into_keys().filter_map(|user| Id::new(user).ok());
                let joined =
                    RoomJoined { room: deleted.room.clone(), users: users.collect(), history: History::None };
                self.follow(tenant, Body::RoomJoined(joined), 0);
            }
            _ => {}
        }
        outcome
    }

    pub(super) fn user_deleted_mistakenly(
        &mut self,
        mistake: Mistake,
        tenant: Tenant<'_>,
        deleted: &UserDeleted<'_>,
    ) -> Outcome {
        let user = deleted.user.as_str();
        if mistake == Mistake::CursorSurvivesUserDeleted {
            let rooms: Vec<String> =
                self.rooms_of(tenant.as_str(), user).into_iter().map(str::to_owned).collect();
            for room in rooms {
                self.remember_former(tenant, &room, user);
            }
        }
        if mistake == Mistake::UserDeletedRecalls {
            let rooms: Vec<String> =
                self.rooms_of_tenant(tenant.as_str()).into_iter().map(str::to_owned).collect();
            for room in rooms {
                let Some(room) = self.room_mut(tenant.as_str(), &room) else { continue };
                for message in &mut room.messages {
                    message.recalled |= message.sender == user && !message.silent;
                }
            }
        }
        self.follow(tenant, Body::UserDeleted(deleted.clone()), 0)
    }

    fn remember_former(&mut self, tenant: Tenant<'_>, room: &str, user: &str) {
        let member = self.member_mut(tenant, room, user).cloned();
        if let (Some(member), Some(mistaken)) = (member, &mut self.mistaken) {
            mistaken.former.insert(key(tenant, room, user), member);
        }
    }

    fn forget_former(&mut self, tenant: Tenant<'_>, room: &str, user: &str) -> Option<Member> {
        self.mistaken.as_mut()?.former.remove(&key(tenant, room, user))
    }
}

fn key(tenant: Tenant<'_>, room: &str, user: &str) -> (String, String, String) {
    (tenant.to_string(), room.to_owned(), user.to_owned())
}

fn tags_of(room: &Room) -> Vec<Tag<'static>> {
    room.tags.iter().filter_map(|tag| Tag::new(tag.clone()).ok()).collect()
}
