#![doc = include_str!("../README.md")]

// The parts.
mod kills;
mod poison;
mod snapshots;
mod stores;

// What they are made of: the load, the judge beside it, and what is compared.
mod chat;
mod examination;
mod heard;
pub mod load;
mod phase;
mod power;
mod publisher;

// Stores to be damaged, and what becomes of them.
mod base;
mod complaints;
mod damage;
mod directory;
mod in_use;
mod runs;
mod verdict;

mod plan;
mod report;
mod teller;

pub use base::Size;
pub use kills::{Kills, kills, power_cuts};
pub use plan::{Amount, Plan};
pub use poison::poison;
pub use report::Report;
pub use snapshots::snapshots;
pub use stores::stores;
