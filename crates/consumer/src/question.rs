//! Questions about the counters as of one stream sequence.

use std::fmt;

use counters::Counters;
use store::Store;

type Look = Box<dyn FnOnce(&Counters, &Store) + Send>;
#[cfg(feature = "damage")]
type Spoil = Box<dyn FnOnce(&mut Counters) + Send>;

/// Something to be asked of the counters by the thread that applies, between two batches of events: only
/// while it stands still is every number one of the same sequence, the one that `Counters::applied` says.
/// Nothing is applied meanwhile, so an answer should take milliseconds.
pub struct Question(Kind);

enum Kind {
    Look(Look),
    #[cfg(feature = "damage")]
    Spoil(Spoil),
}

impl Question {
    /// The answer is whatever `look` does with what it sees; it may never be asked, if the consumer ends.
    pub fn new(look: impl FnOnce(&Counters) + Send + 'static) -> Self {
        Self::of_both(move |counters, _| look(counters))
    }

    /// The same, for what the store has of it.
    pub fn of_both(look: impl FnOnce(&Counters, &Store) + Send + 'static) -> Self {
        Self(Kind::Look(Box::new(look)))
    }

    /// For tests of what finds damage: changes the counters as a wrong rule would.
    #[cfg(feature = "damage")]
    pub fn spoiling(spoil: impl FnOnce(&mut Counters) + Send + 'static) -> Self {
        Self(Kind::Spoil(Box::new(spoil)))
    }

    pub(crate) fn put_to(self, counters: &mut Counters, store: &Store) {
        match self.0 {
            Kind::Look(look) => look(counters, store),
            #[cfg(feature = "damage")]
            Kind::Spoil(spoil) => spoil(counters),
        }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Question")
    }
}
