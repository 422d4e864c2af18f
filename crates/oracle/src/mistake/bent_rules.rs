//! Mistakes in the numbers and choices of the rules.

use crate::policies::OwnMessages;
use crate::room::Room;
use crate::rules::Rules;

use super::Mistake;

impl Mistake {
    /// The rules as this mistake has them in that room.
    pub(crate) fn bend(self, rules: Rules, room: Option<&Room>) -> Rules {
        let mut bent = rules;
        match self {
            Self::PostingAlwaysMarksRead => bent.own_messages = OwnMessages::MarkRead,
            Self::PostingNeverMarksRead => bent.own_messages = OwnMessages::Exclude,
            Self::WindowOneTooLarge => bent.window = rules.window.saturating_add(1),
            Self::WindowOneTooSmall => bent.window = rules.window.saturating_sub(1),
            Self::NothingForgotten => bent.window = usize::MAX,
            Self::SilentOutsideWindow => {
                bent.window = room.map_or(rules.window, |room| widened(rules.window, room));
            }
            Self::KeptReadsOneTooMany => bent.kept_reads += 1,
            Self::KeptReadsOneTooFew => bent.kept_reads -= 1,
            Self::KeptRecallsOneTooMany => bent.kept_recalls += 1,
            Self::KeptRecallsOneTooFew => bent.kept_recalls -= 1,
            _ => {}
        }
        bent
    }
}

/// How far back the newest `window` countable messages reach.
fn widened(window: usize, room: &Room) -> usize {
    let newest_first = room.messages.iter().rev().enumerate();
    let mut countable = newest_first.filter(|(_, message)| !message.silent);
    match countable.nth(window) {
        Some((first_forgotten, _)) => first_forgotten,
        None => usize::MAX,
    }
}
