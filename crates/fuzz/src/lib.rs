#![doc = include_str!("../README.md")]

mod event;
mod query_string;
mod snapshot;
mod token;

mod tree;

pub use event::event;
pub use query_string::query_string;
pub use snapshot::snapshot;
pub use token::token;

/// Does with an input what Tallymark would do with it, and panics if the answer is wrong. Gives
/// what became of the input, in words: so that a test can tell what a corpus reaches.
pub type Target = fn(&[u8]) -> Vec<String>;

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Target); 4] =
    [("event", event), ("query_string", query_string), ("snapshot", snapshot), ("token", token)];
