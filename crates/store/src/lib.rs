#![doc = include_str!("../README.md")]

mod bytes;
mod checkpoint;
mod commit;
pub mod digest;
mod digests;
mod error;
mod generation;
mod ids;
mod keys;
mod load;
mod metrics;
mod outbox;
mod rows;
mod store;
mod writer;

pub use checkpoint::{FORMAT_VERSION, Position, StreamIdentity};
pub use digest::Digest;
pub use error::{Damage, OpenError, PolicyNames, StoreError};
pub use generation::DataDir;
pub use metrics::Metrics;
pub use outbox::{DeadLetter, Outbox};
pub use store::{Options, Store};
pub use writer::Durable;
