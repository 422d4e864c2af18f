//! Random histories, drawn from a seed: few names, many collisions, and every interplay of the
//! rules often. The same seed, length and variant give the same history in every version, on
//! every machine, unless this module changes.

use events::Event;

use crate::policies::{OwnMessages, Policies};

mod generator;
mod mood;
mod place;
mod random;

use generator::Generator;
use random::Random;

/// The tenants of all histories; many have only the first.
pub const TENANTS: [&str; 2] = ["north", "south"];
/// The rooms of each tenant; many histories use only the first two or three.
pub const ROOMS: [&str; 4] = ["r1", "r2", "r3", "r4"];
/// The users of each tenant; many histories use only the first three or more.
pub const USERS: [&str; 6] = ["ann", "bob", "cid", "dee", "eve", "fay"];
/// The tags of rooms.
pub const TAGS: [&str; 3] = ["a", "b", "c"];

/// Under which policies a history is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The default policies: `exclude`, and a window that no history fills.
    Default,
    /// `mark_read`, and a window that no history fills.
    MarkRead,
    /// A window of 1, 2, 3, 5 or 10 messages, and `exclude` or `mark_read`.
    SmallWindow,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Self; 3] = [Self::Default, Self::MarkRead, Self::SmallWindow];

    fn policies(self, random: &mut Random) -> Policies {
        let exclude = Policies::default();
        let mark_read = Policies { own_messages: OwnMessages::MarkRead, ..exclude };
        match self {
            Self::Default => exclude,
            Self::MarkRead => mark_read,
            Self::SmallWindow => Policies {
                message_window: *random.pick(&[1, 2, 3, 5, 10]),
                ..*random.pick(&[exclude, mark_read])
            },
        }
    }
}

/// A random history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// From what it was drawn.
    pub seed: u64,
    /// Under which policies it is to be counted.
    pub policies: Policies,
    /// The events in stream order, each with the time at which the stream stored it, in
    /// milliseconds since the Unix epoch.
    pub events: Vec<(Event<'static>, u64)>,
}

impl History {
    /// Draws a history of exactly `length` events.
    pub fn generate(seed: u64, length: usize, variant: Variant) -> Self {
        let mut random = Random::new(seed);
        let policies = variant.policies(&mut random);
        let events = Generator::new(random, policies).generate(length);
        Self { seed, policies, events }
    }
}
