#![doc = include_str!("../README.md")]

// What the service says.
mod captured;
mod counts;

// What the log says.
mod cut;
mod history;
mod recount;
mod start;

// What differs.
mod difference;
mod table;

pub use captured::{Captured, Page};
pub use counts::Counts;
pub use cut::Scope;
pub use difference::{Difference, Summary, differences_table};
pub use history::{Entry, History};
pub use recount::{Bounds, Outcome, Recount};
pub use start::{Start, StartError, oracle_policies};
pub use table::table;
