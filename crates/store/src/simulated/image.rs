//! One database: its rows as a process sees them, and those that the device has.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::Dice;
use crate::database::RowChanges;

type Row = Arc<[u8]>;
type Rows = BTreeMap<Vec<u8>, Row>;

/// What is lost when a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The process alone dies: some of the newest batches that were not synced.
    Killed,
    /// The power goes off, and the database brings back some state that it was in.
    PowerCut,
    /// The power goes off, and the database brings back rows of no state that it ever was in: of
    /// each batch that was not synced some rows and not others.
    Torn,
}

/// What happens to a row by no process's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// One bit is another.
    Flipped,
    /// The row is gone.
    Removed,
    /// The row is as it was before its last change.
    Old,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    rows: Rows,
    synced: Rows,
    /// Batches that the device may not have, the oldest first.
    unsynced: Vec<RowChanges>,
    /// What each row was before its last change.
    before: BTreeMap<Vec<u8>, Option<Row>>,
    /// Rows that can't be read: the database notices that they are not as they were written.
    unreadable: BTreeSet<Vec<u8>>,
    /// Why this database need not be what was committed.
    pub(super) harmed: Option<String>,
    /// Whether that came after it was opened last.
    pub(super) is_harmed_since_opening: bool,
    /// Whoever opens it dies.
    pub(super) kills_its_opener: bool,
}

fn change(rows: &mut Rows, changes: &RowChanges) {
    for (key, row) in changes {
        match row {
            Some(row) => drop(rows.insert(key.clone(), row.clone())),
            None => drop(rows.remove(key)),
        }
    }
}

impl Image {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Row>, ()> {
        if self.unreadable.contains(key) { Err(()) } else { Ok(self.rows.get(key).cloned()) }
    }

    /// The first row from there on.
    pub(super) fn next(&self, from: Bound<&[u8]>) -> Option<Result<(Vec<u8>, Row), ()>> {
        let (key, row) = self.rows.range::<[u8], _>((from, Bound::Unbounded)).next()?;
        let is_readable = !self.unreadable.contains(key);
        Some(if is_readable { Ok((key.clone(), row.clone())) } else { Err(()) })
    }

    pub(super) fn apply(&mut self, changes: RowChanges) {
        for (key, row) in &changes {
            let before = self.rows.get(key).cloned();
            if before.as_deref() != row.as_deref() {
                self.before.insert(key.clone(), before);
            }
            self.unreadable.remove(key);
        }
        change(&mut self.rows, &changes);
        self.unsynced.push(changes);
    }

    /// A batch that failed: it may have arrived in part.
    pub(super) fn apply_part(&mut self, mut changes: RowChanges, dice: &mut Dice) {
        changes.sort();
        let percent = *dice.pick(&[0, 50, 100]);
        changes.retain(|_| dice.chance(percent));
        self.apply(changes);
    }

    pub(super) fn sync(&mut self) {
        for changes in self.unsynced.drain(..) {
            change(&mut self.synced, &changes);
        }
    }

    /// What is left when the process dies.
    pub(super) fn left_after(&self, loss: Loss, dice: &mut Dice) -> Self {
        let mut left = self.clone();
        let count = left.unsynced.len();
        match loss {
            Loss::Killed => {
                left.unsynced.truncate(dice.place(count + 1));
                left.rows = left.synced.clone();
                left.unsynced.iter().for_each(|changes| change(&mut left.rows, changes));
            }
            Loss::PowerCut => {
                left.unsynced.truncate(dice.place(count + 1));
                left.sync();
                left.rows = left.synced.clone();
            }
            Loss::Torn => {
                for changes in &mut left.unsynced {
                    changes.sort();
                    let percent = *dice.pick(&[0, 50, 50, 100]);
                    changes.retain(|_| dice.chance(percent));
                }
                left.sync();
                left.rows = left.synced.clone();
                if !self.states().contains(&left.rows) {
                    left.suspect("the power cut tore its newest batches");
                }
            }
        }
        left
    }

    /// Every state that it was in since it was synced.
    fn states(&self) -> Vec<Rows> {
        let mut states = vec![self.synced.clone()];
        let mut rows = self.synced.clone();
        for changes in &self.unsynced {
            change(&mut rows, changes);
            states.push(rows.clone());
        }
        states
    }

    /// The first reason stays.
    pub(super) fn suspect(&mut self, why: &str) {
        self.harmed.get_or_insert_with(|| why.to_owned());
        self.is_harmed_since_opening = true;
    }

    /// Whoever opened it has found it whole: what happened before did not matter.
    pub(super) fn found_whole(&mut self) {
        if !self.is_harmed_since_opening {
            self.harmed = None;
        }
    }

    /// Says what was done to which row; `None` if there was no such row. A database in use notices
    /// a flipped bit by its checksums; one that is not is given no such help.
    pub(super) fn harm(&mut self, harm: Harm, is_in_use: bool, dice: &mut Dice) -> Option<String> {
        let keys: Vec<Vec<u8>> = match harm {
            Harm::Flipped | Harm::Removed => self.rows.keys().cloned().collect(),
            Harm::Old => {
                let differs =
                    |(key, before): &(&Vec<u8>, &Option<Row>)| self.rows.get(*key) != before.as_ref();
                self.before.iter().filter(differs).map(|(key, _)| key.clone()).collect()
            }
        };
        if keys.is_empty() {
            return None;
        }
        // First a table, so that small ones have their share.
        let tables: BTreeSet<u8> = keys.iter().filter_map(|key| key.first().copied()).collect();
        let table = *dice.pick(&tables.into_iter().collect::<Vec<_>>());
        let keys: Vec<_> = keys.into_iter().filter(|key| key.first() == Some(&table)).collect();
        let key = dice.pick(&keys).clone();
        let row = match harm {
            Harm::Flipped => {
                let mut bytes = self.rows.get(&key)?.to_vec();
                let place = dice.place(bytes.len());
                let place = number_in_checkpoint(&bytes).filter(|_| dice.chance(50)).unwrap_or(place);
                *bytes.get_mut(place)? ^= 1 << dice.below(8);
                Some(bytes.into())
            }
            Harm::Removed => None,
            Harm::Old => self.before.get(&key)?.clone(),
        };
        self.sync();
        change(&mut self.rows, &vec![(key.clone(), row.clone())]);
        change(&mut self.synced, &vec![(key.clone(), row)]);
        if is_in_use && harm == Harm::Flipped {
            self.unreadable.insert(key.clone());
        }
        let what = format!("row {key:02x?}: {harm:?}");
        self.suspect(&what);
        Some(what)
    }
}

/// The sequence in a checkpoint, which is mostly names, lies where this says.
fn number_in_checkpoint(row: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"applied";
    let name = row.windows(NAME.len()).position(|bytes| bytes == NAME)?;
    // Behind the byte that says how long a larger number is.
    Some(name + NAME.len() + usize::from(*row.get(name + NAME.len())? >= 0x80))
}
