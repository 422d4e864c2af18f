//! The disk as the store sees it.

use std::fs;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use super::Dice;
use super::disk::{Disk, Fate, ID, Operation};
use super::image::{Image, Loss};
use super::trap::{Death, Stage};
use crate::database::{Bytes, Database, RowChanges, Rows, Scan};
use crate::error::StoreError;

fn failure() -> sled::Error {
    sled::Error::Io(io::Error::other("the disk fails"))
}

fn unreadable(_: ()) -> sled::Error {
    sled::Error::ReportableBug("a checksum does not fit".to_owned())
}

impl Database for Disk {
    fn open(&self, directory: &Path) -> Result<Arc<dyn Rows>, sled::Error> {
        let path = directory.join(ID);
        fs::create_dir_all(directory)?;
        let id = {
            let mut state = self.0.lock();
            let is_new = directory.join("unfinished").exists();
            state.stage = if is_new { Stage::Recovering } else { Stage::Opening };
            let id = fs::read_to_string(&path).ok().and_then(|text| text.parse().ok());
            let id = id.filter(|id| state.images.contains_key(id)).unwrap_or_else(|| {
                state.next_image += 1;
                state.next_image
            });
            let image = state.images.entry(id).or_default();
            let is_deadly = image.kills_its_opener;
            image.is_harmed_since_opening = false;
            state.opened = Some(id);
            fs::write(&path, id.to_string())?;
            if is_deadly {
                state.die(Death { loss: Loss::Killed, dice: Dice::new(0) })?;
            }
            id
        };
        match self.operation(Operation::Open) {
            Fate::Failed(_) => return Err(failure()),
            Fate::Refused => return Err(sled::Error::Io(io::ErrorKind::StorageFull.into())),
            Fate::Hangs => {
                let (sender, dead) = channel::<()>();
                self.0.lock().hanging.push(sender);
                // Nothing is ever sent: this ends when the sender is dropped.
                let _ = dead.recv();
                return Err(failure());
            }
            Fate::Done | Fate::Full => {}
        }
        Ok(Arc::new(Simulated { disk: self.clone(), id }))
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        match self.operation(Operation::AskForSpace) {
            Fate::Full => Ok(0),
            _ => {
                let mut state = self.0.lock();
                let free_bytes = state.free_bytes;
                if state.stage <= Stage::Recovering {
                    // Whoever opens a store waits until somebody makes space.
                    state.free_bytes = u64::MAX;
                }
                Ok(free_bytes)
            }
        }
    }
}

/// An open database.
#[derive(Debug)]
struct Simulated {
    disk: Disk,
    id: u64,
}

impl Simulated {
    fn with<T>(&self, with: impl FnOnce(&mut Image) -> T) -> T {
        with(self.disk.0.lock().images.entry(self.id).or_default())
    }

    /// Reading the store's rows comes after opening it.
    fn read(&self) -> Result<(), sled::Error> {
        {
            let mut state = self.disk.0.lock();
            if state.stage == Stage::Opening {
                state.stage = Stage::Loading;
            }
        }
        match self.disk.operation(Operation::Read) {
            Fate::Failed(_) => Err(failure()),
            _ => Ok(()),
        }
    }
}

impl Rows for Simulated {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, sled::Error> {
        self.read()?;
        let row = self.with(|image| image.get(key)).map_err(unreadable)?;
        Ok(row.map(|row| Bytes::from(&*row)))
    }

    fn scan(&self, from: &[u8]) -> Scan<'_> {
        if let Err(error) = self.read() {
            return Box::new(std::iter::once(Err(error)));
        }
        let mut next = Bound::Included(from.to_vec());
        Box::new(std::iter::from_fn(move || {
            let row = self.with(|image| image.next(next.as_ref().map(Vec::as_slice)))?;
            Some(row.map_err(unreadable).map(|(key, row)| {
                next = Bound::Excluded(key.clone());
                (Bytes::from(key), Bytes::from(&*row))
            }))
        }))
    }

    fn apply(&self, changes: RowChanges) -> Result<(), sled::Error> {
        match self.disk.operation(Operation::Write) {
            Fate::Failed(mut dice) => {
                self.with(|image| image.apply_part(changes, &mut dice));
                Err(failure())
            }
            _ => {
                self.with(|image| image.apply(changes));
                Ok(())
            }
        }
    }

    fn fill(&self, rows: Vec<(Bytes, Bytes)>) -> Result<(), sled::Error> {
        self.apply(rows.into_iter().map(|(key, value)| (key.to_vec(), Some((*value).into()))).collect())
    }

    fn sync(&self) -> Result<(), StoreError> {
        match self.disk.operation(Operation::Write) {
            Fate::Failed(_) => Err(StoreError::Sync(Arc::new(io::Error::other("the disk fails")))),
            _ => {
                self.with(Image::sync);
                Ok(())
            }
        }
    }
}
