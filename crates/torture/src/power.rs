//! Power cuts: a kill after which the data directory is what the disk would hold, had nothing lasted but what was
//! synced.

use std::fs;

use fastrand::Rng;
use power_cut::{Unsynced, after_the_cut, environment, watch};
use tempfile::TempDir;
use tests::{Service, home};

/// What watches a service's syncs.
#[derive(Debug)]
pub(crate) struct Power {
    shadows: TempDir,
    /// Whether the cuts leave some by chance of what was not synced.
    is_by_chance: bool,
}

/// So often, once in so many times, the cuts leave some of what was not synced.
const BY_CHANCE_EVERY: usize = 3;

impl Power {
    pub(crate) fn new() -> Self {
        Self { shadows: home(), is_by_chance: false }
    }

    /// Decides whether the cuts from now on leave some by chance of what was not synced; returns it.
    pub(crate) fn draw(&mut self, random: &mut Rng) -> bool {
        self.is_by_chance = random.usize(..BY_CHANCE_EVERY) == 0;
        self.is_by_chance
    }

    /// From now on, what the next process does not sync is lost at the cut.
    pub(crate) fn watch(&self, service: &mut Service) {
        let shadow = self.shadows.path().join("shadow");
        watch(&service.data_dir(), &shadow).expect("a directory can be watched");
        for (name, value) in environment(&shadow).expect("the library is there") {
            let value = value.into_string().expect("paths of tests are UTF-8");
            service.environment.insert(name.to_owned(), value);
        }
    }

    /// The power goes off and comes back; the service was killed a moment ago. Whether some of what was not
    /// synced is left.
    pub(crate) fn cut(&self, service: &Service, random: &mut Rng) -> bool {
        let after = self.shadows.path().join("after");
        let seed = random.u64(..);
        let unsynced = if self.is_by_chance { Unsynced::ByChance { seed } } else { Unsynced::Lost };
        after_the_cut(&self.shadows.path().join("shadow"), &after, unsynced).expect("a shadow can be read");
        let data_dir = service.data_dir();
        fs::remove_dir_all(&data_dir).expect("a directory can be removed");
        fs::rename(after, data_dir).expect("a directory can be renamed");
        self.is_by_chance
    }
}
