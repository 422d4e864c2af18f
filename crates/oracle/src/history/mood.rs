//! What a history is mostly about. Each seed has its own mood, so that every two or three kinds
//! of event meet often in some history.

use super::random::Random;

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Somebody posts a new message.
    Post,
    /// A message is posted that was read or recalled before.
    PostLate,
    /// A message is posted again.
    Retry,
    /// A user reads up to a message.
    Read,
    /// A user reads everything.
    ReadAll,
    /// A user reads up to a message that is not posted yet.
    ReadEarly,
    /// A user marks as unread.
    Unread,
    /// A message is recalled.
    Recall,
    /// A message is recalled that is not posted yet.
    RecallEarly,
    /// Users join.
    Join,
    /// Users leave.
    Leave,
    /// A member leaves and joins at once.
    Rejoin,
    /// A room gets tags.
    Tag,
    /// A user mutes or unmutes.
    Mute,
    /// A room is deleted and, mostly, soon has members again.
    DeleteRoom,
    /// A user is deleted and, mostly, soon joins again.
    DeleteUser,
    /// A member reads about as many messages early as are kept, or more.
    ManyReadsEarly,
    /// About as many messages are recalled early as are kept, or more.
    ManyRecallsEarly,
}

/// How often each action happens in a mood without a bent.
const USUAL: [(Action, u64); 16] = [
    (Action::Post, 60),
    (Action::PostLate, 12),
    (Action::Retry, 10),
    (Action::Read, 20),
    (Action::ReadAll, 8),
    (Action::ReadEarly, 10),
    (Action::Unread, 20),
    (Action::Recall, 14),
    (Action::RecallEarly, 8),
    (Action::Join, 14),
    (Action::Leave, 4),
    (Action::Rejoin, 4),
    (Action::Tag, 8),
    (Action::Mute, 6),
    (Action::DeleteRoom, 1),
    (Action::DeleteUser, 2),
];

/// The bent of one history.
#[derive(Debug)]
pub(super) struct Mood {
    weights: Vec<(Action, u64)>,
    /// How many of a hundred events happen in the first room.
    pub(super) favourite_room: u64,
    /// How many of a hundred events concern the first user.
    pub(super) favourite_user: u64,
    /// How many of a hundred messages are silent.
    pub(super) silent: u64,
    /// How many of a hundred messages mention somebody.
    pub(super) mentioning: u64,
}

impl Mood {
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut weights: Vec<(Action, u64)> = USUAL
            .into_iter()
            .map(|(action, weight)| (action, weight * random.pick(&[1, 1, 1, 4, 10])))
            .collect();
        // One burst is dozens of events, so only some histories have any, and then few.
        let bursts = random.pick(&[
            [None, None],
            [None, None],
            [None, Some(Action::ManyReadsEarly)],
            [Some(Action::ManyRecallsEarly), None],
            [Some(Action::ManyRecallsEarly), Some(Action::ManyReadsEarly)],
        ]);
        let total: u64 = weights.iter().map(|(_, weight)| weight).sum();
        weights.extend(bursts.iter().flatten().map(|burst| (*burst, total / 60 + 1)));
        if bursts.iter().any(Option::is_some) {
            weights.push((Action::PostLate, total / 3));
        }
        Self {
            weights,
            favourite_room: *random.pick(&[0, 50, 90]),
            favourite_user: *random.pick(&[0, 40, 80]),
            silent: *random.pick(&[5, 15, 50]),
            mentioning: *random.pick(&[10, 30, 70]),
        }
    }

    pub(super) fn next_action(&self, random: &mut Random) -> Action {
        let total = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut drawn = random.below(total);
        for (action, weight) in &self.weights {
            if drawn < *weight {
                return *action;
            }
            drawn -= weight;
        }
        Action::Post
    }
}
