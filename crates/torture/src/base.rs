//! What is damaged: one store of a long run, copied for each mishap, with what it has to say afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use oracle::Oracle;
use tempfile::TempDir;
use tests::{Nats, Service, Settings, home};

use crate::chat::Chat;
use crate::directory::{copy, generation};
use crate::examination::Users;
use crate::load::{Load, Scale, TENANTS};
use crate::plan::Plan;
use crate::teller::Teller;

/// Events after the last commit of the copies, which each service has to read from the stream.
const TAIL: usize = 2_000;
/// Users whose badges are asked for after each mishap.
const ASKED: u32 = 20;

/// How large the stores are.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How large the chat is.
    pub scale: Scale,
    /// How many events are counted in the store.
    pub events: usize,
    /// Less than this fails the run: the length of the database's file. The rows in it are fewer bytes, as sled's
    /// file is a log; the report tells both.
    pub least_bytes: u64,
    /// Less than this fails the run: memberships.
    pub least_memberships: u64,
}

/// Data directories to copy, and what a service with any of them has to say.
pub(crate) struct Base {
    places: TempDir,
    pub(crate) expected: Expected,
    pub(crate) memberships: u64,
    /// How many copies are in the stream of the dead letters.
    letters: u64,
    settings: Settings,
    nats: Nats,
}

/// What a service has to say when it has applied the whole stream.
pub(crate) struct Expected {
    pub(crate) sequence: u64,
    pub(crate) digest: String,
    /// Tenant, user, badge.
    pub(crate) badges: Vec<(&'static str, String, u64)>,
}

impl Base {
    /// Counts events, and copies the data directory as it goes on.
    pub(crate) fn make(plan: &Plan, size: Size, teller: &mut Teller) -> Result<Self, String> {
        let mut chat = Chat::new(plan.executable.clone(), plan.seed, size.scale);
        let places = home();
        chat.service.settings.set("store.snapshots_kept", "3");
        chat.service.settings.set("store.commit_interval_ms", "20");
        // Ever smaller steps: what is put back later is of some commits before, or of many.
        let steps =
            [size.events / 2, size.events * 3 / 10, size.events / 10, size.events / 10 - 1_000, 1_000];
        for (step, length) in steps.into_iter().enumerate() {
            chat.service.restart();
            chat.under_load(length, 0, |_, _| ());
            chat.examine(Users::Sample)?;
            let is_last = step == steps.len() - 1;
            if is_last {
                // Without a last commit and a snapshot.
                chat.service.kill();
                copy(&chat.service.data_dir(), &places.path().join("killed"))
                    .map_err(|error| error.to_string())?;
                chat.service.restart();
                chat.service.ready();
            }
            let ended = chat.service.terminate();
            if ended.code != Some(0) {
                return Err(format!("the service did not end in order: {}", ended.printed));
            }
            let name = if is_last { "closed".to_owned() } else { format!("earlier-{step}") };
            copy(&chat.service.data_dir(), &places.path().join(name)).map_err(|error| error.to_string())?;
            teller.now(&format!("made {} of {} stores to damage", step + 1, steps.len()));
        }

        chat.service.restart();
        chat.under_load(TAIL, 0, |_, _| ());
        chat.examine(Users::All)?;
        let memberships = chat.service.metrics().sum("tallymark_memberships");
        chat.service.terminate();
        let expected = Expected {
            sequence: chat.heard.sequence(),
            digest: chat.heard.digest(),
            badges: badges(chat.heard.oracle(), size.scale.users),
        };
        if memberships < size.least_memberships {
            return Err(format!("{memberships} memberships, expected {}", size.least_memberships));
        }
        let Chat { service, nats, .. } = chat;
        let letters = nats.count(Nats::DEAD);
        let base = Self { places, expected, memberships, letters, settings: service.settings, nats };
        for state in base.states() {
            let bytes = file_bytes(&state);
            if bytes < size.least_bytes {
                let state = state.display();
                return Err(format!("the store in {state} has {bytes} bytes, expected {}", size.least_bytes));
            }
        }
        Ok(base)
    }

    /// No dead letter was sent again by services that had to read the stream once more.
    pub(crate) fn no_letter_twice(&self) -> Result<(), String> {
        match self.nats.count(Nats::DEAD) {
            found if found == self.letters => Ok(()),
            found => Err(format!("{found} dead letters are in their stream, expected {}", self.letters)),
        }
    }

    /// The states that a store may be left in, to be copied and damaged.
    pub(crate) fn states(&self) -> [PathBuf; 2] {
        ["closed", "killed"].map(|name| self.places.path().join(name))
    }

    /// What the same directory was earlier, the latest first.
    pub(crate) fn earlier(&self) -> [PathBuf; 4] {
        [3, 2, 1, 0].map(|step| self.places.path().join(format!("earlier-{step}")))
    }

    /// A service that is not started, with a copy of this data directory.
    pub(crate) fn service(&self, executable: &Path, state: &Path) -> Result<Service, String> {
        let home = home();
        copy(state, &home.path().join("data")).map_err(|error| error.to_string())?;
        let mut service = Service::at(self.settings.clone(), home);
        service.executable = Some(executable.to_owned());
        Ok(service)
    }
}

/// How long the database's file is.
pub(crate) fn file_bytes(state: &Path) -> u64 {
    fs::metadata(generation(state).join("db")).map_or(0, |metadata| metadata.len())
}

fn badges(oracle: &Oracle, users: u32) -> Vec<(&'static str, String, u64)> {
    let asked = (0..ASKED).map(|place| (TENANTS[place as usize % TENANTS.len()], Load::user(place % users)));
    asked.map(|(tenant, user)| (tenant, user.clone(), oracle.badge(tenant, &user, &[], false))).collect()
}
