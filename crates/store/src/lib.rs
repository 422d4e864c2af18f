#![doc = include_str!("../README.md")]

mod store;
mod checkpoint;
mod outbox;
pub mod digest;
mod error;
mod metrics;
mod generation;
mod load;
mod commit;
mod writer;
mod ids;
mod digests;
mod keys;
mod rows;
mod bytes;

pub use checkpoint::{FORMAT_VERSION, Position, StreamIdentity};
pub use digest::Digest;
pub use error::{Damage, OpenError, PolicyNames, StoreError};
pub use metrics::Metrics;
pub use outbox::{DeadLetter, Outbox};
pub use store::{Options, Store};
pub use writer::Durable;
