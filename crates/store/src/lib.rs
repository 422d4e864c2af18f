#![doc = include_str!("../README.md")]

mod aside;
mod beside;
mod bytes;
mod checkpoint;
mod commit;
mod compact;
mod database;
pub mod digest;
mod digests;
mod error;
mod generation;
mod held;
mod ids;
mod keys;
mod load;
mod marker;
mod member_sums;
mod metrics;
mod open;
mod options;
mod outbox;
mod read_only;
mod rows;
#[cfg(feature = "simulation")]
pub mod simulated;
mod snapshot;
mod standby;
mod store;
mod walk;
mod watchdog;
mod writer;

pub use beside::{GenerationInfo, Role, generations};
pub use checkpoint::{FORMAT_VERSION, Position, StreamIdentity};
pub use database::{Bytes, Database, RowChanges, Rows, Scan, Sled};
pub use digest::Digest;
pub use error::{Damage, OpenError, PolicyNames, StoreError};
pub use generation::DataDir;
pub use held::opening_interrupted;
pub use ids::NumberBefore;
pub use metrics::Metrics;
pub use options::{GiveUp, Options};
pub use outbox::{DeadLetter, Outbox};
pub use read_only::{
    Contents, Counts, Head, generation_head, read_generation, read_snapshot, snapshot_head, snapshots_in,
};
#[cfg(feature = "fuzzing")]
pub use snapshot::fuzz as fuzz_snapshot;
pub use snapshot::{Facts, MemberFacts, ReadError, RoomFacts, SnapshotFile, Wanted, WriteError, read_facts};
pub use standby::{Origin, Standby};
pub use store::Store;
pub use writer::Durable;
