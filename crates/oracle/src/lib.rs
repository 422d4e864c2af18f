#![doc = include_str!("../README.md")]

mod by_time;
mod facts;
mod oracle;
mod outcome;
mod policies;
mod questions;
mod restore;
mod room;
mod rooms_of_user;
mod rules;

pub mod history;
mod mistake;
pub mod script;

pub use facts::Fact;
pub use mistake::Mistake;
pub use oracle::Oracle;
pub use outcome::{Effect, Outcome};
pub use policies::{OwnMessages, Policies};
pub use questions::KnownMessage;
pub use restore::FactsError;
pub use rooms_of_user::{Filter, RoomOfUser, Sums};
