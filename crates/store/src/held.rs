//! A store in the hands of this process.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::database::Rows;
use crate::error::OpenError;
use crate::generation::{Current, DataDir, Generation};
use crate::load::Loaded;
use crate::marker::{Marker, State};
use crate::snapshot::Shelf;

/// A store that was opened, or made.
pub(crate) struct Opened {
    pub(crate) ready: Ready,
    pub(crate) shelf: Shelf,
}

/// Rows that were brought to a database, and what they said.
pub(crate) struct Ready {
    pub(crate) rows: Arc<dyn Rows>,
    pub(crate) held: Held,
    pub(crate) loaded: Loaded,
}

/// A generation that this process uses.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) generation: Generation,
    pub(crate) marker: Marker,
    _lock: File,
}

impl Held {
    pub(crate) fn of(generation: Generation, marker: Marker, lock: File) -> Self {
        Self { generation, marker, _lock: lock }
    }

    /// One that was just made.
    pub(crate) fn new(generation: Generation) -> Result<Self, OpenError> {
        let lock = generation.lock()?;
        let (marker, _) = generation.marker()?;
        let held = Self::of(generation, marker, lock);
        held.set(&State::Open)?;
        Ok(held)
    }

    pub(crate) fn set(&self, state: &State) -> Result<(), OpenError> {
        let path = || self.generation.path.join("marker");
        self.marker.set(state).map_err(|error| OpenError::Io { path: path(), error })
    }
}

/// The process ends in order while it opens the store in use: that says nothing against the store.
pub fn opening_interrupted(data_dir: &Path) -> Result<(), OpenError> {
    let data_dir = DataDir::beside(data_dir);
    let opened = match data_dir.current()? {
        Current::Named(generation) => Some(generation),
        // The one that is opened then.
        Current::Nothing | Current::Unreadable(_) => data_dir.newest()?,
    };
    let Some(generation) = opened else { return Ok(()) };
    match generation.marker()? {
        (marker, State::Opening(_)) => marker
            .set(&State::Closed)
            .map_err(|error| OpenError::Io { path: generation.path.join("marker"), error }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_that_ends_in_order_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(dir.path()).unwrap();
        opening_interrupted(dir.path()).unwrap();
        let generation = data_dir.begin().unwrap();
        data_dir.finish(&generation).unwrap();
        for (state, expected) in [(State::Opening(2), State::Closed), (State::Open, State::Open)] {
            generation.marker().unwrap().0.set(&state).unwrap();
            opening_interrupted(dir.path()).unwrap();
            assert_eq!(generation.marker().unwrap().1, expected);
        }
        std::fs::write(dir.path().join("current"), "").unwrap();
        generation.marker().unwrap().0.set(&State::Opening(2)).unwrap();
        opening_interrupted(dir.path()).unwrap();
        assert_eq!(
            generation.marker().unwrap().1,
            State::Closed,
            "the newest is opened where `current` can't be read"
        );
        generation.marker().unwrap().0.dirty("why");
        opening_interrupted(dir.path()).unwrap();
        assert_eq!(generation.marker().unwrap().1, State::Dirty("why".to_owned()));
    }
}
