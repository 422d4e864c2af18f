#![doc = include_str!("../README.md")]

mod bytes;
mod checkpoint;
mod commit;
mod database;
pub mod digest;
mod digests;
mod error;
mod generation;
mod ids;
mod keys;
mod load;
mod marker;
mod metrics;
mod open;
mod options;
mod outbox;
mod rows;
#[cfg(feature = "simulation")]
pub mod simulated;
mod snapshot;
mod store;
mod walk;
mod watchdog;
mod writer;

pub use checkpoint::{FORMAT_VERSION, Position, StreamIdentity};
pub use database::{Bytes, Database, RowChanges, Rows, Scan, Sled};
pub use digest::Digest;
pub use error::{Damage, OpenError, PolicyNames, StoreError};
pub use generation::DataDir;
pub use marker::opening_interrupted;
pub use metrics::Metrics;
pub use options::{GiveUp, Options};
pub use outbox::{DeadLetter, Outbox};
#[cfg(feature = "fuzzing")]
pub use snapshot::fuzz as fuzz_snapshot;
pub use snapshot::{ReadError, SnapshotFile, WriteError};
pub use store::Store;
pub use writer::Durable;
