#![doc = include_str!("../README.md")]

// From outside.
mod duty;
mod error;
mod log;
mod metrics;
mod question;
mod run;
mod settings;
mod status;

// Deciding: no server, no clock, no thread.
mod fence;
mod fingerprint;
mod gaps;
mod identity;
mod intake;
mod letter;
mod limit;
mod pace;
mod readiness;
mod version;

// Applying: one thread.
mod applier;
mod backlog;
mod delivered;

// Waiting: the server.
mod dead_letters;
mod inbox;
mod link;
mod puller;
mod raw;
mod server;
mod session;
mod stream;

#[cfg(test)]
mod simulation;

pub use duty::{Duty, Reached, Until};
pub use error::ConsumerError;
pub use fence::Fence;
pub use gaps::Gap;
pub use letter::DeadLetterHead;
pub use log::{Bounds, Log, LogError, LogMessage};
pub use metrics::Metrics;
pub use question::Question;
pub use raw::RawError;
pub use readiness::Reason;
pub use run::{Requests, Stopped, run};
pub use settings::{IDENTITY_CHECK_INTERVAL, Settings};
pub use status::{Snapshot, Status, StoreStatus};
pub use stream::{StreamError, create_streams, dead_letter_stream};
pub use version::{OLDEST_SERVER, is_too_old};
