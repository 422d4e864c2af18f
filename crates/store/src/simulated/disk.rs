//! The disk: databases by the directories they lie in, and what happens to them at which operation.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use parking_lot::Mutex;

use super::Dice;
use super::image::{Harm, Image};
use super::trap::{Death, Event, Stage, Trap};
use crate::writer::Durable;

/// The file in a database's directory that says which database it is.
pub(super) const ID: &str = "db";

/// What was left when the process died.
#[derive(Debug)]
struct Left {
    images: BTreeMap<u64, Image>,
    data_dir: PathBuf,
    is_excused: bool,
}

#[derive(Debug)]
pub(super) struct State {
    root: PathBuf,
    data_dir: PathBuf,
    directories: u64,
    pub(super) images: BTreeMap<u64, Image>,
    pub(super) next_image: u64,
    /// The one opened last as the store's.
    pub(super) opened: Option<u64>,
    pub(super) stage: Stage,
    trap: Option<Trap>,
    left: Option<Left>,
    pub(super) free_bytes: u64,
    /// Whether a process has the store, or tries to.
    is_in_use: bool,
    /// Whether the next process need not find all that was told to be durable.
    is_excused: bool,
    /// Whether there is a reason to put the store away, whatever its database is like.
    is_in_doubt: bool,
    /// Of the process that runs, and the highest that any told while it lived.
    durable: Option<Durable>,
    announced: u64,
    /// Dropped with the process that hangs.
    pub(super) hanging: Vec<Sender<()>>,
}

/// Cheap to clone: all clones are one disk.
#[derive(Debug, Clone)]
pub struct Disk(pub(super) Arc<Mutex<State>>);

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Open,
    AskForSpace,
    Read,
    Write,
}

/// What comes of it.
pub(super) enum Fate {
    Done,
    Failed(Dice),
    Refused,
    Hangs,
    Full,
}

impl Disk {
    /// An empty data directory below `root`.
    pub fn new(root: &Path) -> io::Result<Self> {
        let data_dir = root.join("0");
        fs::create_dir_all(&data_dir)?;
        let state = State {
            root: root.to_owned(),
            data_dir,
            directories: 1,
            images: BTreeMap::new(),
            next_image: 0,
            opened: None,
            stage: Stage::Running,
            trap: None,
            left: None,
            free_bytes: u64::MAX,
            is_in_use: false,
            is_excused: false,
            is_in_doubt: false,
            durable: None,
            announced: 0,
            hanging: Vec::new(),
        };
        Ok(Self(Arc::new(Mutex::new(state))))
    }

    /// Where the next process finds it.
    pub fn data_dir(&self) -> PathBuf {
        self.0.lock().data_dir.clone()
    }

    /// What the process begins to do.
    pub fn enter(&self, stage: Stage) {
        let mut state = self.0.lock();
        state.stage = stage;
        state.is_in_use = true;
    }

    /// What the process is doing.
    pub fn stage(&self) -> Stage {
        self.0.lock().stage
    }

    /// The trap waits until its event happens or another takes its place.
    pub fn arm(&self, trap: Trap) {
        self.0.lock().trap = Some(trap);
    }

    /// No trap waits any more.
    pub fn disarm(&self) {
        self.0.lock().trap = None;
    }

    /// The process dies now.
    pub fn die(&self, death: Death) -> io::Result<()> {
        self.0.lock().die(death)
    }

    /// Whether the process is dead, though it may not know.
    pub fn is_dead(&self) -> bool {
        self.0.lock().left.is_some()
    }

    /// The process is no more. What it lost is gone from now on.
    pub fn restart(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.note_durable();
        state.durable = None;
        state.trap = None;
        state.stage = Stage::Running;
        state.is_in_use = false;
        state.hanging.clear();
        if let Some(left) = state.left.take() {
            fs::remove_dir_all(&state.data_dir)?;
            state.data_dir = left.data_dir;
            state.images = left.images;
            state.is_excused |= left.is_excused;
        }
        let mut ids = ids_in(&state.data_dir.join("generations"))?;
        ids.extend(ids_in(&state.data_dir.join("quarantine"))?);
        state.images.retain(|id, _| ids.iter().any(|(other, _)| other == id));
        Ok(())
    }

    /// The operator begins with an empty data directory.
    pub fn replace(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        let empty = state.new_directory();
        fs::create_dir_all(&empty)?;
        fs::remove_dir_all(&state.data_dir)?;
        state.data_dir = empty;
        state.images.clear();
        state.opened = None;
        state.announced = 0;
        state.is_excused = false;
        state.is_in_doubt = false;
        Ok(())
    }

    /// What the disk says when asked.
    pub fn set_free_bytes(&self, bytes: u64) {
        self.0.lock().free_bytes = bytes;
    }

    /// Whether nothing may be written.
    pub fn is_full(&self) -> bool {
        self.0.lock().free_bytes == 0
    }

    /// Harms a row of the store's database. Says what was done; `None` if nothing could be.
    pub fn harm(&self, harm: Harm, dice: &mut Dice) -> Option<String> {
        let mut state = self.0.lock();
        let (opened, is_in_use) = (state.opened?, state.is_in_use);
        let harmed = state.images.get_mut(&opened)?.harm(harm, is_in_use, dice);
        state.is_excused |= harmed.is_some();
        harmed
    }

    /// There is a reason to put the store away, whatever its database is like; until it is opened, or
    /// closed in order.
    pub fn doubt(&self) {
        self.0.lock().is_in_doubt = true;
    }

    /// The process has closed the store in order, which it says in the marker.
    pub fn closed(&self) {
        self.0.lock().is_in_doubt = false;
    }

    /// Whoever opens the store's database dies.
    pub fn make_deadly(&self) {
        let mut state = self.0.lock();
        if let Some(image) = state.opened.and_then(|opened| state.images.get_mut(&opened)) {
            image.kills_its_opener = true;
        }
        state.suspect("whoever opens it dies");
    }

    /// Databases in quarantine against which nothing is known: why they are there.
    pub fn innocents_in_quarantine(&self) -> io::Result<Vec<String>> {
        let mut state = self.0.lock();
        let ids = ids_in(&state.data_dir.join("quarantine"))?;
        if state.is_in_doubt {
            let put_away =
                state.images.iter_mut().filter(|(id, _)| ids.iter().any(|(other, _)| other == *id));
            put_away.for_each(|(_, image)| image.suspect("it was in doubt"));
        }
        let is_innocent = |id: &u64| state.images.get(id).is_some_and(|image| image.harmed.is_none());
        let innocents = ids.into_iter().filter(|(id, _)| is_innocent(id));
        Ok(innocents
            .map(|(_, path)| fs::read_to_string(path.join("reason.txt")).unwrap_or_default())
            .collect())
    }

    /// Remembers what the process that runs will tell to be durable.
    pub fn watch(&self, durable: Durable) {
        self.0.lock().durable = Some(durable);
    }

    /// The highest sequence that any process told to be durable while it lived.
    pub fn announced(&self) -> u64 {
        let mut state = self.0.lock();
        state.note_durable();
        state.announced
    }

    /// Whether the next process need not find all that was told to be durable.
    pub fn is_excused(&self) -> bool {
        let state = self.0.lock();
        state.is_excused || state.is_in_doubt
    }

    /// A process has opened the store, found this in it and proved it whole, and written the marker.
    pub fn settle(&self, sequence: u64) {
        let mut state = self.0.lock();
        let state = &mut *state;
        state.announced = sequence;
        state.is_in_doubt = false;
        let image = state.opened.and_then(|opened| state.images.get_mut(&opened));
        state.is_excused = image.is_some_and(|image| {
            image.found_whole();
            image.harmed.is_some()
        });
    }

    pub(super) fn operation(&self, operation: Operation) -> Fate {
        let mut state = self.0.lock();
        let stage = state.stage;
        let Some(trap) = state.trap.as_mut().filter(|trap| trap.stage == stage) else { return Fate::Done };
        let fits = match trap.event {
            Event::Refusal | Event::Hang => operation == Operation::Open,
            Event::Full => operation == Operation::AskForSpace,
            Event::Failure(_) | Event::Panic => operation != Operation::AskForSpace,
            Event::Death(_) | Event::Other(_) => true,
        };
        if !fits {
            return Fate::Done;
        }
        if trap.after > 0 {
            trap.after -= 1;
            return Fate::Done;
        }
        let Some(Trap { event, sprung, .. }) = state.trap.take() else { return Fate::Done };
        sprung.store(true, Ordering::SeqCst);
        match event {
            Event::Death(death) => {
                state.die(death).expect("the directory can be copied");
                Fate::Done
            }
            Event::Failure(dice) => {
                state.suspect("an operation failed");
                Fate::Failed(dice)
            }
            Event::Refusal => Fate::Refused,
            Event::Panic => {
                state.suspect("an operation panicked");
                drop(state);
                // Not by the macro, which would print it.
                resume_unwind(Box::new("the database panics".to_owned()))
            }
            Event::Hang => {
                state.suspect("its opening hung");
                Fate::Hangs
            }
            Event::Full => Fate::Full,
            Event::Other(other) => {
                drop(state);
                other();
                Fate::Done
            }
        }
    }
}

impl State {
    fn new_directory(&mut self) -> PathBuf {
        self.directories += 1;
        self.root.join(self.directories.to_string())
    }

    pub(super) fn die(&mut self, Death { loss, mut dice }: Death) -> io::Result<()> {
        if self.left.is_some() {
            return Ok(());
        }
        self.note_durable();
        self.durable = None;
        let left = self.images.iter().map(|(id, image)| (*id, image.left_after(loss, &mut dice)));
        let images: BTreeMap<u64, Image> = left.collect();
        let data_dir = self.new_directory();
        copy(&self.data_dir, &data_dir)?;
        let is_torn = self.opened.is_some_and(|id| images.get(&id).is_some_and(|left| left.harmed.is_some()));
        self.left = Some(Left { images, data_dir, is_excused: self.is_excused || is_torn });
        Ok(())
    }

    fn note_durable(&mut self) {
        let sequence = self.durable.as_ref().map_or(0, Durable::sequence);
        self.announced = self.announced.max(sequence);
    }

    fn suspect(&mut self, why: &str) {
        let opened = self.opened;
        if let Some(image) = opened.and_then(|opened| self.images.get_mut(&opened)) {
            image.suspect(why);
        }
        self.is_excused = true;
    }
}

/// The databases in the directories of a directory.
fn ids_in(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut ids = Vec::new();
    if !directory.is_dir() {
        return Ok(ids);
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if let Ok(text) = fs::read_to_string(path.join(ID))
            && let Ok(id) = text.parse()
        {
            ids.push((id, path));
        }
    }
    Ok(ids)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
