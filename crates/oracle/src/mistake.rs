//! The mistakes that an oracle can make on purpose. The rules themselves don't know of them: a
//! mistaken oracle follows bent rules (`bent_rules`), hears other events or has its state spoiled
//! around them (`posts`, `messages`, `rooms`), or answers wrongly (`answers`).

use std::collections::BTreeMap;

use events::{Body, Event, Tenant};

use crate::oracle::Oracle;
use crate::outcome::Outcome;
use crate::room::Member;

mod answers;
mod bent_rules;
mod messages;
mod posts;
mod rooms;

/// An oracle's mistake, and what it remembers only in order to make it.
#[derive(Debug)]
pub(crate) struct Mistaken {
    pub(crate) mistake: Mistake,
    /// The last membership, now over, by tenant, room and user.
    former: BTreeMap<(String, String, String), Member>,
}

impl Mistaken {
    pub(crate) fn new(mistake: Mistake) -> Self {
        Self { mistake, former: BTreeMap::new() }
    }
}

impl Oracle {
    /// Applies the event as that mistake has it.
    pub(crate) fn follow_mistakenly(
        &mut self,
        mistake: Mistake,
        event: &Event<'_>,
        stored_ms: u64,
    ) -> Outcome {
        let tenant = event.tenant;
        if mistake == Mistake::TenantsShareRooms {
            let others: Vec<String> = self.tenants.keys().cloned().collect();
            for other in others.iter().filter(|other| *other != tenant.as_str()) {
                if let Ok(other) = Tenant::new(other) {
                    self.follow(other, event.body.clone(), stored_ms);
                }
            }
        }
        match &event.body {
            Body::MessagePosted(posted) => self.posted_mistakenly(mistake, tenant, posted, stored_ms),
            Body::MessageRead(read) => self.read_mistakenly(mistake, tenant, read),
            Body::MessageUnread(unread) => self.unread_mistakenly(mistake, tenant, unread),
            Body::MessageRecalled(recalled) => self.recalled_mistakenly(mistake, tenant, recalled),
            Body::RoomJoined(joined) => self.joined_mistakenly(mistake, tenant, joined),
            Body::RoomLeft(left) => self.left_mistakenly(mistake, tenant, left),
            Body::RoomTagged(tagged) => self.tagged_mistakenly(mistake, tenant, tagged),
            Body::RoomMuted(_) => self.follow_the_rules(event, stored_ms),
            Body::RoomDeleted(deleted) => self.room_deleted_mistakenly(mistake, tenant, deleted),
            Body::UserDeleted(deleted) => self.user_deleted_mistakenly(mistake, tenant, deleted),
        }
    }

    fn follow(&mut self, tenant: Tenant<'_>, body: Body<'_>, stored_ms: u64) -> Outcome {
        self.follow_the_rules(&Event { tenant, body }, stored_ms)
    }

    fn member_mut(&mut self, tenant: Tenant<'_>, room: &str, user: &str) -> Option<&mut Member> {
        self.room_mut(tenant.as_str(), room)?.members.get_mut(user)
    }
}

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One rule, wrong in one place. A test of counts is worth something if it tells every
        /// one of these from the judge.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mistake {
            $($(#[$doc])* $name,)*
        }

        impl Mistake {
            /// Every mistake, in the order of the rules.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

mistakes! {
    /// Rule 1: a silent message takes a number and counts.
    SilentNumbered,
    /// Rule 1: reading up to a silent message is ignored.
    ReadToSilentIgnored,
    /// Rule 1: recalling a silent message recalls the one that it stands for.
    SilentRecallHitsTheOneBefore,

    /// Rule 2: "mark as unread" makes the user's own earlier messages count.
    OwnForgottenByUnread,
    /// Rule 2: messages posted before joining, or in an earlier membership, stay the user's own.
    OwnBeforeJoining,
    /// Rule 2: a message that is both recalled and the user's own is subtracted twice.
    OwnAndRecalledSubtractedTwice,
    /// Rule 2: a recalled message is subtracted although the user had read past it.
    RecalledSubtractedThoughRead,
    /// Rule 2: a recall of a posted message is ignored.
    RecallIgnored,
    /// Rule 2: a room with any of the tags is in the sum.
    AnyTag,

    /// Rule 3: posting moves the sender's cursor under both policies.
    PostingAlwaysMarksRead,
    /// Rule 3: posting never moves the sender's cursor.
    PostingNeverMarksRead,
    /// Rule 3: under `mark_read`, posting a silent message moves the sender's cursor too.
    SilentMarksRead,

    /// Rule 4: posting a known message again makes it the newest.
    RetryRefreshesAge,
    /// Rule 4: posting a known message again changes whom it mentions.
    RetryEdits,
    /// Rule 4: silent messages take no place in the window.
    SilentOutsideWindow,
    /// Rule 4: one message too many is known.
    WindowOneTooLarge,
    /// Rule 4: one message too few is known.
    WindowOneTooSmall,
    /// Rule 4: no message is ever forgotten.
    NothingForgotten,
    /// Rule 4: a forgotten message no longer counts.
    ForgottenNotCounted,
    /// Rule 4: once forgotten, a message is no longer the user's own.
    ForgottenNotOwn,

    /// Rule 5: a read moves the cursor backwards.
    ReadMovesBackwards,
    /// Rule 5: a read of the whole room stops one short of the head.
    ReadAllStopsShort,

    /// Rule 6: a read of an unknown message is ignored.
    EarlyReadLost,
    /// Rule 6: a recall of an unknown message is ignored.
    EarlyRecallLost,
    /// Rule 6: 17 reads are kept.
    KeptReadsOneTooMany,
    /// Rule 6: 15 reads are kept.
    KeptReadsOneTooFew,
    /// Rule 6: 65 recalls are kept.
    KeptRecallsOneTooMany,
    /// Rule 6: 63 recalls are kept.
    KeptRecallsOneTooFew,
    /// Rule 6: naming a kept read again makes it the newest.
    KeptReadRefreshed,
    /// Rule 6: naming a kept recall again makes it the newest.
    KeptRecallRefreshed,
    /// Rule 6: when 16 reads are kept, the newest is refused.
    KeptReadRefused,
    /// Rule 6: when 64 recalls are kept, the newest is refused.
    KeptRecallRefused,
    /// Rule 6: a kept read stays after it took effect.
    KeptReadStays,
    /// Rule 6: a kept recall stays after it took effect.
    KeptRecallStays,
    /// Rule 6: a read of the whole room cancels the kept reads.
    ReadAllCancelsKeptReads,
    /// Rule 6: an unread cancels the kept reads.
    UnreadCancelsKeptReads,
    /// Rule 6: kept reads survive leaving.
    KeptReadsSurviveLeaving,
    /// Rule 6: kept recalls survive the room.
    KeptRecallsSurviveTheRoom,

    /// Rule 7: the message named is not unread itself.
    UnreadSparesFrom,
    /// Rule 7: a silent message named makes the one before it unread.
    UnreadFromSilentStepsBack,
    /// Rule 7: an unread moves the cursor backwards only.
    UnreadMovesBackwardsOnly,
    /// Rule 7: an unread stops where the member joined.
    UnreadStopsAtJoin,
    /// Rule 7: an unread from an unknown message makes everything unread.
    UnknownUnreadFromZero,

    /// Rule 8: all start at the head.
    HistoryAllIgnored,
    /// Rule 8: joining while a member starts afresh.
    JoiningAgainStartsAfresh,

    /// Rule 9: a later join starts at the cursor of the membership before.
    CursorSurvivesLeaving,
    /// Rule 9: a later join is muted as the membership before was.
    MuteSurvivesLeaving,

    /// Rule 10: a read by a non-member makes them a member.
    ReadingJoins,
    /// Rule 10: a post by a non-member is ignored.
    StrangersPostIgnored,

    /// Rule 11: tags are added to the old ones.
    TagsAdded,
    /// Rule 11: the tags stay as they were when the first message was posted.
    TagsFixedByTheFirstMessage,
    /// Rule 11: the tags survive the room.
    TagsSurviveTheRoom,
    /// Rule 11: the members survive the room.
    MembersSurviveTheRoom,

    /// Rule 12: what a deleted user posted stops counting.
    UserDeletedRecalls,
    /// Rule 12: a later join starts at the cursor of the deleted user.
    CursorSurvivesUserDeleted,

    /// Rule 13: muted rooms are never in the sum.
    MutedAlwaysSkipped,
    /// Rule 13: muted rooms are always in the sum.
    MutedNeverSkipped,

    /// Rule 17: a message mentions whom it names, also before they joined.
    MentionBeforeJoining,
    /// Rule 17: `mention_all` reaches only those who were members.
    MentionAllOnlyMembers,
    /// Rule 17: the user's own messages mention them.
    OwnMention,
    /// Rule 17: a recalled message still mentions.
    RecalledMention,
    /// Rule 17: a mention stays when the message is read.
    ReadMention,

    /// Rule 18: the time of the sender is trusted, also when it lies in the future.
    TimeOfTheSender,
    /// Rule 18: the time falls back when a message says so.
    TimeFallsBack,
    /// Rule 18: a silent message has a time of its own.
    TimeOfSilent,

    /// Tenants: an event acts on the rooms of every tenant.
    TenantsShareRooms,
}
