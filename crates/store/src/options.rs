//! What the owner of a store decides.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use counters::Policies;

use crate::database::{Database, Sled};

/// Told why the process has to end: the database hangs, so nothing can be waited for.
pub type GiveUp = Arc<dyn Fn(&str) + Send + Sync>;

/// Where a store is, and how much memory, disk and time it may take.
#[derive(Clone)]
pub struct Options {
    /// The data directory; made if it is not there.
    pub data_dir: PathBuf,
    /// The policies under which events are counted.
    pub policies: Policies,
    /// Memory for remembered message ids, in bytes. One room's window stays in memory even if it
    /// alone is larger.
    pub id_cache_bytes: usize,
    /// Where databases come from.
    pub database: Arc<dyn Database>,
    /// So many of the newest snapshots are kept; at least one.
    pub snapshots_kept: usize,
    /// So many of the newest damaged stores are kept, and as many damaged snapshots.
    pub quarantines_kept: usize,
    /// Nothing is written while the disk has fewer bytes left.
    pub reserve_bytes: u64,
    /// At an orderly end, the store moves to a new generation if the files of this one take more than that, and three times
    /// what their rows do.
    pub compact_above_bytes: u64,
    /// How long the database may take to open.
    pub open_timeout: Duration,
    /// How long one call of the database may take.
    pub write_timeout: Duration,
    /// Called when one took longer. It should end the process.
    pub give_up: GiveUp,
    /// Where commits and snapshots are written.
    #[cfg(feature = "simulation")]
    pub is_stepped: bool,
}

impl Options {
    /// The defaults, for a store in this directory.
    pub fn new(data_dir: impl Into<PathBuf>, policies: Policies) -> Self {
        Self {
            data_dir: data_dir.into(),
            policies,
            id_cache_bytes: 256 << 20,
            database: Arc::new(Sled { cache_bytes: 1 << 20 }),
            snapshots_kept: 2,
            quarantines_kept: 2,
            reserve_bytes: 256 << 20,
            compact_above_bytes: 64 << 20,
            open_timeout: Duration::from_secs(600),
            write_timeout: Duration::from_secs(60),
            give_up: Arc::new(|why| panic!("{why}")),
            #[cfg(feature = "simulation")]
            is_stepped: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Options").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}
