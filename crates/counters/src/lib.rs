#![doc = include_str!("../README.md")]

mod account;
mod apply;
mod changes;
mod counters;
#[cfg(feature = "damage")]
mod damage;
mod memberships;
mod numbers;
mod outcome;
mod policies;
mod reader;
mod restore;
mod room_cursors;
mod room_names;
mod room_words;
mod rooms;
mod shared;
mod tag_filter;
mod tag_sets;
mod users;
mod view;

pub use account::{Account, RoomAccount};
pub use apply::Located;
pub use changes::{Changes, KeptList, MemberFact, NumberChange, NumberSet, RoomFact, UserName};
pub use counters::Counters;
pub use numbers::Numbers;
pub use outcome::{Applied, Full, Outcome, Reason, Remember, Remembered};
pub use policies::{MutedRooms, OwnMessages, Policies, RULES_VERSION};
pub use reader::{Badge, ByTags, Reader, RoomList, RoomUnread, Summary, Sums};
pub use restore::{Restore, RestoreError};
pub use rooms::RoomIndex;
pub use tag_filter::{TagFilter, TagMode};
pub use users::UserIndex;
