//! The processes of a service, one after the other.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use fastrand::Rng;
use tests::Service;

use super::life::Life;
use crate::directory::{generation, snapshot};
use crate::phase;
use crate::power::Power;

/// Of the log of a process that ended by itself.
const LINES_TOLD: usize = 12;

pub(super) struct Lives {
    /// Cut at each death, if it is watched.
    power: Option<Power>,
    /// Who runs now.
    life: Life,
    /// The last sequence that one of them called durable, unless its store was lost on the way.
    durable: Option<u64>,
    pub(super) deaths: usize,
    /// Stores that were not as they were committed, though nobody had damaged them.
    pub(super) unusable: BTreeMap<String, usize>,
}

impl Lives {
    pub(super) fn new(power: Option<Power>) -> Self {
        Self { power, life: Life::default(), durable: None, deaths: 0, unusable: BTreeMap::new() }
    }

    /// Decides whether the cuts from now on leave some by chance of what was not synced; returns it.
    pub(super) fn draw(&mut self, random: &mut Rng) -> bool {
        self.power.as_mut().is_some_and(|power| power.draw(random))
    }

    pub(super) fn is_watched(&self) -> bool {
        self.power.is_some()
    }

    pub(super) fn launch(&self, service: &mut Service) {
        if let Some(power) = &self.power {
            power.watch(service);
        }
        service.launch();
    }

    /// Kills the process; returns its log.
    pub(super) fn die(&mut self, service: &mut Service, random: &mut Rng) -> Result<String, String> {
        let has_ended = service.has_ended();
        let status = if !has_ended && service.is_listening() { service.status().ok() } else { None };
        let durable = status.and_then(|status| status["durable_sequence"].as_u64());
        let killed = service.kill();
        let (has_ended, log) = (has_ended || killed.code.is_some(), killed.printed);
        if has_ended && !self.life.is_torn() {
            return Err(format!("the service ended by itself before it was killed: {}", end_of(&log)));
        }
        self.deaths += 1;
        let leaves_torn = self.power.as_ref().is_some_and(|power| power.cut(service, random));
        self.durable = self.durable.max(durable);
        self.heed(&log)?;
        has_snapshot(&service.data_dir(), &log)?;
        self.life = self.life.next(&log, has_ended, leaves_torn);
        Ok(log)
    }

    /// Heeds what is new in the log of the process that runs.
    pub(super) fn heed(&mut self, log: &str) -> Result<(), String> {
        let told = self.life.heed(log)?;
        if told.recovers {
            self.durable = None;
        }
        for complaint in told.unusable {
            *self.unusable.entry(complaint).or_default() += 1;
        }
        Ok(())
    }

    /// Zeroes the middle half of the database's file, so that the next start has to recover.
    pub(super) fn damage(&mut self, data_dir: &Path) {
        // After a kill during a recovery there may be no store.
        let Ok(file) = File::options().write(true).open(generation(data_dir).join("db")) else { return };
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let zeros = vec![0; usize::try_from(length / 2).expect("a database fits into memory")];
        file.write_all_at(&zeros, length / 4).expect("a file can be written");
        self.life.damage();
        self.durable = None;
    }

    /// Whether the process has ended by itself on a store that excuses it.
    pub(super) fn has_ended_excused(&self, service: &mut Service) -> bool {
        self.life.is_torn() && service.has_ended()
    }

    /// What was called durable is there, in a store that now ends at `loaded`.
    pub(super) fn is_all_there(&mut self, loaded: u64) -> Result<(), String> {
        match self.durable.take() {
            Some(durable) if durable > loaded => {
                Err(format!("{durable} was durable, and the store ends at {loaded}"))
            }
            _ => Ok(()),
        }
    }
}

/// The newest snapshot that a dead process called written is on the shelf.
fn has_snapshot(data_dir: &Path, log: &str) -> Result<(), String> {
    match phase::newest_snapshot(log) {
        Some(sequence) if !snapshot(data_dir, sequence).is_file() => {
            Err(format!("the snapshot of sequence {sequence} was called written, and is not there"))
        }
        _ => Ok(()),
    }
}

/// The last lines of a log.
fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES_TOLD)..].join("\n")
}
