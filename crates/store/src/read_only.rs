//! What is in a store or a snapshot, for whoever only looks: nothing is repaired, put away or begun.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use counters::{Counters, Policies};

use crate::checkpoint::{Checkpoint, Position};
use crate::digest::Digest;
use crate::error::{Damage, OpenError};
use crate::generation::{DataDir, Generation};
use crate::keys::CHECKPOINT_KEY;
use crate::load::{LoadError, Loaded, load, readable};
use crate::open::message;
use crate::options::Options;
use crate::snapshot::{self, Footer, ReadError, Shelf, SnapshotFile};

/// Counters that were proved by their digest to be what was committed.
#[derive(Debug)]
pub struct Contents {
    /// The counters, at the sequence of `position`.
    pub counters: Counters,
    /// How far the stream is counted in them.
    pub position: Position,
    /// The digest of their facts.
    pub digest: Digest,
}

/// What a store or a snapshot says of itself, without being read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The policies that it was counted under.
    pub policies: Policies,
    /// How far the stream is counted in it.
    pub position: Position,
    /// The digest that its facts have to have.
    pub digest: Digest,
}

/// How many there are in a snapshot, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Rooms.
    pub rooms: u64,
    /// Users.
    pub users: u64,
    /// Memberships.
    pub memberships: u64,
}

impl From<Checkpoint> for Head {
    fn from(checkpoint: Checkpoint) -> Self {
        let Checkpoint { policies, position, digest, .. } = checkpoint;
        Self { policies, position, digest }
    }
}

/// What a snapshot says of itself, whoever counted it under whatever policies.
pub fn snapshot_head(path: &Path) -> Result<(Head, Counts), ReadError> {
    let (checkpoint, footer) = snapshot::head(path)?;
    let Footer { rooms, users, memberships, .. } = footer;
    Ok((checkpoint.into(), Counts { rooms, users, memberships }))
}

/// What a generation says of itself, whoever counted it under whatever policies. One that another process uses is refused.
pub fn generation_head(options: &Options, number: u64) -> Result<Head, OpenError> {
    let generation = existing(options, number)?;
    let _lock = generation.lock()?;
    let read = || -> Result<Head, LoadError> {
        let rows = options.database.open(&generation.path)?;
        let row = rows.get(&CHECKPOINT_KEY)?.ok_or(Damage::NoCheckpoint)?;
        Ok(readable(&row, &generation.path)?.into())
    };
    while_caught(&generation.path, read)
}

fn existing(options: &Options, number: u64) -> Result<Generation, OpenError> {
    let generation = DataDir::beside(&options.data_dir).numbered(number);
    if generation.path.is_dir() {
        Ok(generation)
    } else {
        Err(OpenError::NoSuchGeneration { number, path: options.data_dir.clone() })
    }
}

/// Sled may panic at what it finds.
fn while_caught<T>(path: &Path, read: impl FnOnce() -> Result<T, LoadError>) -> Result<T, OpenError> {
    let broken = |what: String| OpenError::Io { path: path.to_owned(), error: io::Error::other(what) };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(LoadError::Damage(damage))) => Err(broken(format!("the store is damaged: {damage}"))),
        Ok(Err(LoadError::Refused(refused))) => Err(refused),
        Err(panic) => Err(broken(message(&*panic))),
    }
}

/// Reads a snapshot, and proves it whole.
pub fn read_snapshot(path: &Path, policies: Policies) -> Result<Contents, ReadError> {
    let Loaded { counters, checkpoint, .. } = snapshot::read(path, path, policies, |_, _| {})?;
    Ok(Contents { counters, position: checkpoint.position, digest: checkpoint.digest })
}

/// Reads a generation of a data directory, and proves it whole. One that another process uses is refused.
pub fn read_generation(options: &Options, number: u64) -> Result<Contents, OpenError> {
    let generation = existing(options, number)?;
    let _lock = generation.lock()?;
    while_caught(&generation.path, || {
        let rows = options.database.open(&generation.path)?;
        let Loaded { counters, checkpoint, .. } = load(&*rows, &options.data_dir, options.policies)?;
        Ok(Contents { counters, position: checkpoint.position, digest: checkpoint.digest })
    })
}

/// The finished snapshots of a data directory, the newest first. It may be in use by another process.
pub fn snapshots_in(data_dir: &Path) -> io::Result<Vec<SnapshotFile>> {
    Shelf::at(&data_dir.join("snapshots")).snapshots()
}
