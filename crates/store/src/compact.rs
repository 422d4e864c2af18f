//! At an orderly end: all rows move to a new generation, where the files of this one take far more of the disk than rows
//! need. Sled is late to use what was replaced, and a file that has grown never becomes smaller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::beside::size_of;
use crate::checkpoint::Checkpoint;
use crate::database::Rows;
use crate::error::{Damage, OpenError, StoreError};
use crate::generation::{DataDir, Generation};
use crate::held::Held;
use crate::keys::CHECKPOINT_KEY;
use crate::marker::State;
use crate::open::{FILL_BYTES, message, seal, sled_open_error, store_open_error};
use crate::options::Options;
use crate::snapshot::walk_all;
use crate::watchdog::{Watchdog, Watched};

/// Files may take so many times what the rows do. A database that was just filled in order takes two and a half times that.
const MOST_TIMES: u64 = 3;

/// A store that nothing writes to any more.
pub(crate) struct Compaction<'a> {
    pub(crate) data_dir: &'a DataDir,
    pub(crate) options: &'a Options,
    pub(crate) watchdog: &'a Watchdog,
    pub(crate) generation: &'a Generation,
    pub(crate) rows: &'a dyn Rows,
    pub(crate) checkpoint: &'a Checkpoint,
    /// What the rows take, if that is known: the size of a snapshot of them.
    pub(crate) row_bytes: Option<u64>,
}

impl Compaction<'_> {
    /// Says whether a new generation has taken the place of this one, which is then to be removed. Where that fails, this one
    /// stays as it is.
    pub(crate) fn run(&self) -> bool {
        let Some(row_bytes) = self.row_bytes.filter(|row_bytes| self.is_due(*row_bytes)) else {
            return false;
        };
        tracing::info!(generation = self.generation.number, row_bytes, "moving the store to smaller files");
        let moved = self.to_a_new_generation();
        if let Err(error) = &moved {
            tracing::warn!(%error, "the store could not be moved to smaller files, and stays where it is");
        }
        moved.is_ok()
    }

    fn is_due(&self, row_bytes: u64) -> bool {
        let is_current = self.data_dir.is_held()
            && self.data_dir.current_number().is_ok_and(|current| current == Some(self.generation.number));
        let most = row_bytes.saturating_mul(MOST_TIMES).max(self.options.compact_above_bytes);
        let space = self.options.reserve_bytes.saturating_add(row_bytes.saturating_mul(MOST_TIMES));
        is_current
            && size_of(&self.generation.path) > most
            && self.options.database.free_bytes(self.data_dir.path()).is_ok_and(|free| free >= space)
    }

    fn to_a_new_generation(&self) -> Result<(), OpenError> {
        let new = self.data_dir.begin()?;
        let filled = catch_unwind(AssertUnwindSafe(|| self.fill(&new)))
            .unwrap_or_else(|panic| Err(store_open_error(&new.path, StoreError::Panicked(message(&*panic)))));
        let moved = filled.and_then(|held| {
            let _call = self.watchdog.watch();
            held.set(&State::Closed)?;
            // If `current` does not change after all, the next start takes the mark away again.
            DataDir::mark_unfinished(self.generation)?;
            self.data_dir.finish(&new)
        });
        if moved.is_err() {
            self.data_dir.abandon(&new)?;
        }
        moved
    }

    /// The same rows, on the disk, proved.
    fn fill(&self, new: &Generation) -> Result<Held, OpenError> {
        let sled_error = |error| sled_open_error(&new.path, error);
        let held = Held::new(new.clone())?;
        let database = self.options.database.open(&new.path).map_err(sled_error)?;
        let rows: Arc<dyn Rows> = Arc::new(Watched { rows: database, watchdog: self.watchdog.clone() });
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        for row in self.rows.scan(&[]) {
            let (key, value) = row.map_err(sled_error)?;
            if *key == CHECKPOINT_KEY {
                continue;
            }
            bytes += key.len() + value.len();
            chunk.push((key, value));
            if bytes >= FILL_BYTES {
                bytes = 0;
                rows.fill(std::mem::take(&mut chunk)).map_err(sled_error)?;
            }
        }
        rows.fill(chunk).map_err(sled_error)?;
        seal(&*rows, self.checkpoint).map_err(|error| store_open_error(&new.path, error))?;
        let proved = walk_all(&*rows, self.checkpoint, |_, _| Ok::<_, Damage>(()));
        proved.map_err(|damage| OpenError::Damaged { number: new.number, damage })?;
        Ok(held)
    }
}
