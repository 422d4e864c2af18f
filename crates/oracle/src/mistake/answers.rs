//! Mistakes in the answers.

use crate::questions::count;
use crate::room::{Member, Message, Room};
use crate::rules::Rules;

use super::Mistake;

impl Mistake {
    pub(crate) fn unread(self, room: &Room, user: &str, member: &Member, rules: Rules) -> u64 {
        let is_unread = |message: &Message| message.is_unread(user, member);
        let above = |message: &Message| !message.silent && message.number > member.cursor;
        let right = count(room, is_unread);
        match self {
            Self::OwnBeforeJoining => count(room, |message| is_unread(message) && message.sender != user),
            Self::OwnAndRecalledSubtractedTwice => right.saturating_sub(count(room, |message| {
                above(message) && message.recalled && message.is_own(user, member)
            })),
            Self::RecalledSubtractedThoughRead => {
                right.saturating_sub(count(room, |message| message.recalled && !above(message)))
            }
            Self::ForgottenNotCounted => {
                let known = room.known(rules.window);
                known.filter(|message| is_unread(message)).count() as u64
            }
            Self::ForgottenNotOwn => {
                let posted = room.messages.iter();
                let forgotten = posted.rev().skip(rules.window);
                let no_longer_own = forgotten
                    .filter(|message| above(message) && !message.recalled && message.is_own(user, member));
                right + no_longer_own.count() as u64
            }
            _ => right,
        }
    }

    pub(crate) fn mentions(self, room: &Room, user: &str, member: &Member) -> u64 {
        count(room, |message| {
            let mut judged = message.clone();
            let mut of_member = member.clone();
            match self {
                Self::MentionBeforeJoining if message.mentions.contains(user) => {
                    judged.mention_all = true;
                }
                Self::MentionAllOnlyMembers if !message.is_of_membership(member) => {
                    judged.mention_all = false;
                }
                Self::OwnMention => judged.sender.clear(),
                Self::RecalledMention => judged.recalled = false,
                Self::ReadMention => of_member.cursor = 0,
                _ => {}
            }
            judged.is_unread(user, &of_member) && judged.mentions(user, &of_member)
        })
    }

    pub(crate) fn has_tags(self, room: &Room, tags: &[&str]) -> bool {
        let mut tags_present = tags.iter().map(|tag| room.tags.contains(*tag));
        match self {
            Self::AnyTag => tags.is_empty() || tags_present.any(|present| present),
            _ => tags_present.all(|present| present),
        }
    }

    pub(crate) fn skip_muted(self, skip_muted: bool) -> bool {
        match self {
            Self::MutedAlwaysSkipped => true,
            Self::MutedNeverSkipped => false,
            _ => skip_muted,
        }
    }
}
