//! From rows to counters.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread::{self, Builder};

use counters::{
    Counters, KeptList, MemberFact, NumberSet, Policies, RULES_VERSION, Remembered, Restore, RestoreError,
    RoomFact, RoomIndex, UserIndex,
};
use events::MessageKey;

use crate::checkpoint::{self, Checkpoint, FORMAT_VERSION};
use crate::database::{Bytes, Rows, scan_prefix};
use crate::error::{Damage, OpenError, PolicyNames};
use crate::keys::{CHECKPOINT_KEY, table};
use crate::walk::{Listener, Walk, Walked};

/// Everything that the rows said.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) counters: Counters,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) walked: Walked,
}

/// Why rows were not loaded.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// They are not what was written.
    Damage(Damage),
    /// They are whole, but not to be read by this program, or with these settings.
    Refused(OpenError),
}

impl From<Damage> for LoadError {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<sled::Error> for LoadError {
    fn from(error: sled::Error) -> Self {
        Self::Damage(Damage::Sled(error))
    }
}

/// Loads a whole database, and proves it whole.
pub(crate) fn load(rows: &dyn Rows, data_dir: &Path, policies: Policies) -> Result<Loaded, LoadError> {
    let row = rows.get(&CHECKPOINT_KEY)?.ok_or(Damage::NoCheckpoint)?;
    let checkpoint = checked(&row, data_dir, policies)?;
    let mut loading = Loading::new(&checkpoint);
    for row in scan_prefix(rows, &[table::NEW_IDS]) {
        let (key, row) = row?;
        loading.note_newest(&key, &row)?;
    }
    while_scanning(rows, |key, row| loading.row(key, row))?;
    Ok(loading.finish(checkpoint)?)
}

/// So many rows go from the thread that scans to the one that takes them at once, and so many times may wait.
const ROWS_AT_ONCE: usize = 256;
const WAITING: usize = 16;

/// Hands out all rows, in order. They are read from the database by another thread in the meantime: that takes half
/// the time, and what the database needs of memory for a moment does not lie between what is kept.
fn while_scanning(
    rows: &dyn Rows,
    mut take: impl FnMut(&[u8], Bytes) -> Result<(), Damage>,
) -> Result<(), LoadError> {
    thread::scope(|scope| {
        let (sender, chunks) = sync_channel::<Vec<(Bytes, Bytes)>>(WAITING);
        let scan = move || -> Result<(), sled::Error> {
            let mut scan = rows.scan(&[]);
            loop {
                let mut chunk = Vec::with_capacity(ROWS_AT_ONCE);
                for row in scan.by_ref().take(ROWS_AT_ONCE) {
                    chunk.push(row?);
                }
                // Nobody takes any more if something was wrong.
                if chunk.is_empty() || sender.send(chunk).is_err() {
                    return Ok(());
                }
            }
        };
        let scanning = Builder::new().name("store-scan".to_owned()).spawn_scoped(scope, scan);
        let scanning = scanning.map_err(sled::Error::Io)?;
        let taken = chunks.into_iter().flatten().try_for_each(|(key, row)| take(&key, row));
        scanning.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(taken?)
    })
}

/// Counters on their way from rows, wherever these come from.
pub(crate) struct Loading(Walk<Restore>);

impl Loading {
    pub(crate) fn new(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { policies, next_room, next_user, .. } = *checkpoint;
        Self(Walk::new(Restore::new(Counters::new(policies), next_room, next_user), checkpoint))
    }

    /// See [`Walk::note_newest`].
    pub(crate) fn note_newest(&mut self, key: &[u8], row: &[u8]) -> Result<(), Damage> {
        self.0.note_newest(key, row)
    }

    /// The next row.
    pub(crate) fn row(&mut self, key: &[u8], row: Bytes) -> Result<(), Damage> {
        self.0.row(key, row)
    }

    /// The counters, if all rows together are what the checkpoint says.
    pub(crate) fn finish(self, checkpoint: Checkpoint) -> Result<Loaded, Damage> {
        let (restore, walked) = self.0.finish()?;
        checkpoint.check(&walked)?;
        let counters = restore.finish(checkpoint.position.applied, checkpoint.next_room);
        Ok(Loaded { counters, checkpoint, walked })
    }
}

/// The checkpoint, if this program reads such stores, and with these policies.
pub(crate) fn checked(row: &[u8], data_dir: &Path, policies: Policies) -> Result<Checkpoint, LoadError> {
    let checkpoint = readable(row, data_dir)?;
    if checkpoint.policies != policies {
        let (found, expected) = (PolicyNames(checkpoint.policies), PolicyNames(policies));
        return Err(LoadError::Refused(OpenError::Policies { path: data_dir.to_owned(), found, expected }));
    }
    Ok(checkpoint)
}

/// The checkpoint, if this program reads such stores.
pub(crate) fn readable(row: &[u8], data_dir: &Path) -> Result<Checkpoint, LoadError> {
    let bad_row = || LoadError::Damage(Damage::Row(CHECKPOINT_KEY.to_vec()));
    let map = checkpoint::whole_map(row).ok_or_else(bad_row)?;
    let versions: checkpoint::Versions = rmp_serde::from_slice(map).map_err(|_| bad_row())?;
    let version = |what, found, expected| {
        LoadError::Refused(OpenError::Version { path: data_dir.to_owned(), what, found, expected })
    };
    if versions.format_version != FORMAT_VERSION {
        return Err(version("format version", versions.format_version, FORMAT_VERSION));
    }
    if versions.rules_version != RULES_VERSION {
        return Err(version("rules version", versions.rules_version, RULES_VERSION));
    }
    let row: checkpoint::Row = rmp_serde::from_slice(map).map_err(|_| bad_row())?;
    Checkpoint::from_row(row).ok_or_else(bad_row)
}

fn contradiction(told: Result<(), RestoreError>) -> Result<(), Damage> {
    told.map_err(Damage::Contradiction)
}

impl Listener for Restore {
    fn room(&mut self, index: RoomIndex, tenant: &str, room: &str, fact: &RoomFact) -> Result<(), Damage> {
        contradiction(self.room(index, tenant, room, fact))
    }

    fn newest_message(&mut self, room: RoomIndex, newest: Remembered) {
        self.newest_message(room, newest);
    }

    fn user(
        &mut self,
        index: UserIndex,
        tenant: &str,
        id: &str,
        members: &mut Vec<(RoomIndex, MemberFact)>,
    ) -> Result<(), Damage> {
        contradiction(self.user(index, tenant, id, members))
    }

    fn numbers(&mut self, set: NumberSet, numbers: &[u32]) -> Result<(), Damage> {
        contradiction(self.numbers(set, numbers.iter().copied()))
    }

    fn kept(&mut self, list: KeptList, keys: Vec<MessageKey>) -> Result<(), Damage> {
        contradiction(self.kept(list, keys))
    }

    fn room_name(&self, room: RoomIndex) -> Option<(&str, &str)> {
        self.counters().room_name(room)
    }

    fn user_id(&self, user: UserIndex) -> Option<&str> {
        self.counters().user_name(user).map(|(_, id)| id)
    }

    fn posted_count(&self, room: RoomIndex) -> u64 {
        self.counters().posted_count(room)
    }

    fn each_room(&self, mut each: impl FnMut(RoomIndex, &str, &str, &RoomFact)) {
        let counters = self.counters();
        for index in counters.rooms() {
            if let (Some((tenant, room)), Some(fact)) = (counters.room_name(index), counters.room_fact(index))
            {
                each(index, tenant, room, &fact);
            }
        }
    }
}
