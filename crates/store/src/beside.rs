//! Generations beside the one in use: made by a rebuild or from a snapshot, or kept when another took their place.

use std::fs;
use std::path::Path;

use counters::Counters;

use crate::checkpoint::Position;
use crate::error::OpenError;
use crate::generation::{Current, DataDir, Generation, io};
use crate::held::{Held, Opened, Ready};
use crate::metrics::Metrics;
use crate::open::{FillError, Opening};
use crate::options::Options;
use crate::snapshot::SnapshotFile;
use crate::standby::{Origin, Standby};
use crate::store::Store;

/// A generation, as it is seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationInfo {
    /// Its number, above those of all that are there or in quarantine when it is made.
    pub number: u64,
    /// What it is there for.
    pub role: Role,
    /// What its files take on the disk.
    pub bytes: u64,
    /// Whether a process has it open.
    pub is_in_use: bool,
}

/// What a generation is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is the one that is counted and asked.
    Current,
    /// It stands beside that one.
    Standby(Standby),
    /// It is being made, or was left when that was broken off.
    Unfinished,
}

/// The generations in a data directory, the oldest first. Whoever has it is not disturbed.
pub fn generations(data_dir: &Path) -> Result<Vec<GenerationInfo>, OpenError> {
    let data_dir = DataDir::beside(data_dir);
    let current = match data_dir.current()? {
        Current::Named(generation) => Some(generation.number),
        Current::Nothing | Current::Unreadable(_) => None,
    };
    let mut found = Vec::new();
    let mut numbers = data_dir.numbers("generations")?;
    numbers.sort_unstable();
    for number in numbers {
        let generation = data_dir.numbered(number);
        let role = match generation.standby()? {
            _ if current == Some(number) => Role::Current,
            Some(standby) => Role::Standby(standby),
            None => Role::Unfinished,
        };
        let is_in_use = generation.is_in_use();
        found.push(GenerationInfo { number, role, bytes: size_of(&generation.path), is_in_use });
    }
    Ok(found)
}

/// What a directory's files take. What vanishes meanwhile counts nothing.
pub(crate) fn size_of(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

impl Store {
    /// A new generation beside the one in use, in which nothing is counted yet. It is not complete until
    /// [`DataDir::note`] says so.
    pub fn begin_standby(options: &Options, metrics: &Metrics) -> Result<(Self, Counters), OpenError> {
        let data_dir = DataDir::beside(&options.data_dir);
        let opening = Opening { data_dir: &data_dir, options, metrics, progress: &|_| {} };
        let held = Held::new(data_dir.begin()?)?;
        let (rows, loaded) = opening.empty(&held.generation, Position::default())?;
        let standby = Standby::now(Origin::Rebuild, options.policies, 0, false);
        set_aside(&data_dir, &held.generation, &standby)?;
        let ready = Ready { rows, held, loaded };
        Self::of(Opened { ready, shelf: data_dir.shelf()? }, data_dir.clone(), options, metrics)
    }

    /// A new generation beside the one in use, made of a snapshot, which is proved whole on the way. It is complete if
    /// `origin` says that it is a snapshot; a rebuild may go on from there.
    pub fn standby_from_snapshot(
        options: &Options,
        metrics: &Metrics,
        file: &SnapshotFile,
        origin: Origin,
    ) -> Result<(Self, Counters), OpenError> {
        let data_dir = DataDir::beside(&options.data_dir);
        let opening = Opening { data_dir: &data_dir, options, metrics, progress: &|_| {} };
        let held = Held::new(data_dir.begin()?)?;
        let (rows, loaded) = match opening.fill(&held.generation, file) {
            Ok(filled) => filled,
            Err(error) => {
                data_dir.abandon(&held.generation)?;
                return Err(match error {
                    FillError::Snapshot(error) => error.into(),
                    FillError::Store(error) => error,
                });
            }
        };
        let applied = loaded.checkpoint.position.applied;
        let standby = Standby::now(origin, options.policies, applied, origin == Origin::Snapshot);
        set_aside(&data_dir, &held.generation, &standby)?;
        let ready = Ready { rows, held, loaded };
        Self::of(Opened { ready, shelf: data_dir.shelf()? }, data_dir.clone(), options, metrics)
    }

    /// Opens a generation beside the one in use, and proves it whole. One that is not is left as it is. `progress` is told what
    /// takes long.
    pub fn open_standby(
        options: &Options,
        metrics: &Metrics,
        number: u64,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<(Self, Counters), OpenError> {
        let data_dir = DataDir::beside(&options.data_dir);
        let (generation, _) = data_dir.beside_the_current(number)?;
        let opening = Opening { data_dir: &data_dir, options, metrics, progress };
        let ready = opening.generation(generation)?;
        let ready = ready.map_err(|damage| OpenError::Damaged { number, damage })?;
        Self::of(Opened { ready, shelf: data_dir.shelf()? }, data_dir.clone(), options, metrics)
    }
}

/// From here on it is neither removed at the next start nor taken for the one in use.
fn set_aside(data_dir: &DataDir, generation: &Generation, standby: &Standby) -> Result<(), OpenError> {
    standby.write(&generation.path).map_err(io(&generation.path))?;
    data_dir.sync_generations()?;
    DataDir::mark_finished(generation)
}

impl DataDir {
    /// Makes a generation the one in use, in one step. `replaced` is the one that was, and up to where it is counted: it is kept.
    /// Neither this process nor another may be asking the store it replaces for what is counted from here on.
    pub fn adopt(&self, number: u64, replaced: Option<(u64, Standby)>) -> Result<(), OpenError> {
        let (generation, standby) = self.beside_the_current(number)?;
        if !standby.is_complete {
            return Err(OpenError::NotComplete(number));
        }
        if let Some((replaced, standby)) = replaced {
            let path = self.numbered(replaced).path;
            standby.write(&path).map_err(io(&path))?;
        }
        self.finish(&generation)?;
        // `current` decides from here on, and the next start tidies up.
        if let Err(error) = Standby::remove(&generation.path) {
            tracing::warn!(number, %error, "the file that sets the generation aside is still there");
        }
        Ok(())
    }

    /// Notes, for whoever lists generations, up to where one is counted that stands beside, and whether it may be used.
    pub fn note(&self, number: u64, standby: Standby) -> Result<(), OpenError> {
        let path = self.existing(number)?.path;
        standby.write(&path).map_err(io(&path))
    }

    /// The number of the generation in use; `None` if there is none.
    pub fn current_number(&self) -> Result<Option<u64>, OpenError> {
        Ok(match self.current()? {
            Current::Named(generation) => Some(generation.number),
            Current::Nothing | Current::Unreadable(_) => None,
        })
    }

    /// Removes a generation that no process has, and that is not the one in use.
    pub fn remove(&self, number: u64) -> Result<(), OpenError> {
        let generation = self.existing(number)?;
        let lock = generation.lock();
        // The one in use is locked too, and that is the better reason.
        if self.current_number()? == Some(number) {
            return Err(OpenError::IsCurrent(number));
        }
        let _lock = lock?;
        // Half of it is never taken for the whole, whenever this is broken off.
        Self::mark_unfinished(&generation)?;
        Standby::remove(&generation.path).map_err(io(&generation.path))?;
        self.abandon(&generation)
    }

    /// A generation, and what is said of it, if it is not the one in use.
    fn beside_the_current(&self, number: u64) -> Result<(Generation, Standby), OpenError> {
        let generation = self.existing(number)?;
        match generation.standby()? {
            Some(standby) => Ok((generation, standby)),
            None if self.current_number()? == Some(number) => Err(OpenError::IsCurrent(number)),
            None => Err(OpenError::Unfinished(number)),
        }
    }

    fn existing(&self, number: u64) -> Result<Generation, OpenError> {
        let generation = self.numbered(number);
        if generation.path.is_dir() {
            Ok(generation)
        } else {
            Err(OpenError::NoSuchGeneration { number, path: self.path().to_owned() })
        }
    }
}
