//! What the store needs of a database: sorted rows that change in atomic batches. Sled is one; the
//! simulation's is another, which forgets what was not synced when told to.

mod batch_file;
mod sled_rows;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::StoreError;
pub use sled_rows::Sled;

/// A key or a value.
pub type Bytes = sled::IVec;
/// Rows by ascending key.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<(Bytes, Bytes), sled::Error>> + 'a>;
/// What one atomic batch does: keys with their new values, or with none to be removed.
pub type RowChanges = Vec<(Vec<u8>, Option<Arc<[u8]>>)>;

/// Where databases come from.
pub trait Database: fmt::Debug + Send + Sync {
    /// Opens the database in a directory, or makes it.
    fn open(&self, directory: &Path) -> Result<Arc<dyn Rows>, sled::Error>;

    /// How many bytes may still be written where the directory is.
    fn free_bytes(&self, directory: &Path) -> io::Result<u64>;
}

/// One open database. Reads and batches are safe together.
pub trait Rows: fmt::Debug + Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, sled::Error>;

    /// All rows from a key on.
    fn scan(&self, from: &[u8]) -> Scan<'_>;

    /// Makes all changes or none.
    fn apply(&self, changes: RowChanges) -> Result<(), sled::Error>;

    /// Adds rows to a database that is being made: some may be there without the others.
    fn fill(&self, rows: Vec<(Bytes, Bytes)>) -> Result<(), sled::Error>;

    /// Returns when the device has everything.
    fn sync(&self) -> Result<(), StoreError>;
}

/// All rows whose keys begin with `prefix`.
pub(crate) fn scan_prefix<'a>(rows: &'a dyn Rows, prefix: &'a [u8]) -> Scan<'a> {
    let is_within = move |row: &Result<(Bytes, Bytes), _>| {
        row.as_ref().map_or(true, |(key, _): &(Bytes, Bytes)| key.starts_with(prefix))
    };
    Box::new(rows.scan(prefix).take_while(is_within))
}
