//! What would change: the counts in use, page by page as of one sequence each, against the new ones at the same sequences.

use std::collections::BTreeMap;
use std::sync::Arc;

use consumer::Until;
use counters::Counters;
use parking_lot::Mutex;
use recount::{Captured, Counts, Difference};
use store::{OpenError, Options};

use crate::output::note;
use crate::place::Place;
use crate::service::Found;
use crate::settings::Settings;
use crate::whose::Teller;

/// What became of the comparison; nothing before its end.
pub(super) type Outcome = Arc<Mutex<Option<anyhow::Result<Differences>>>>;

/// What differs between the counts in use and the new ones.
#[derive(Debug)]
pub(super) struct Differences {
    pub(super) users: u64,
    pub(super) memberships: u64,
    pub(super) list: Vec<Difference>,
}

/// The counts in use.
pub(super) struct Diff(Teller);

impl Diff {
    /// `None` if nothing was counted yet, or nothing that this version can read.
    pub(super) fn with(
        settings: &Settings,
        place: &Place,
        options: &Options,
    ) -> anyhow::Result<Option<Self>> {
        let found = place.find(settings)?;
        let policies = match &found {
            Found::Running(_) => options.policies,
            Found::Files(data_dir) => {
                let Some(number) = data_dir.current_number()? else { return Ok(None) };
                match store::generation_head(options, number) {
                    Ok(head) => head.policies,
                    Err(error @ OpenError::Version { .. }) => {
                        note(&format!("nothing is compared: {error}"));
                        return Ok(None);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Some(Self(Teller::new(found, &Options { policies, ..options.clone() })?)))
    }

    /// Counts up to `target`, or further if the counts in use are further, and compares on the way.
    pub(super) fn until(self, target: u64, outcome: Outcome) -> Until {
        let mut comparing = Comparing {
            in_use: Some(self.0),
            captured: Captured::new(),
            next: 0,
            target,
            differences: Differences { users: 0, memberships: 0, list: Vec::new() },
        };
        // What is stored by then is counted when the counts in use are asked for: they are as far, or nearly.
        let sequence = match &comparing.in_use {
            Some(Teller::Files(contents)) => contents.position.applied.min(target),
            _ => target,
        };
        let reached = move |counters: &Counters| match comparing.step(counters) {
            Ok(Some(further)) => Some(further),
            Ok(None) => {
                let nothing = Differences { users: 0, memberships: 0, list: Vec::new() };
                *outcome.lock() = Some(Ok(std::mem::replace(&mut comparing.differences, nothing)));
                None
            }
            Err(error) => {
                *outcome.lock() = Some(Err(error));
                None
            }
        };
        Until { sequence, reached: Box::new(reached) }
    }
}

struct Comparing {
    /// Until they are captured.
    in_use: Option<Teller>,
    captured: Captured,
    /// The page to be compared next.
    next: usize,
    target: u64,
    differences: Differences,
}

impl Comparing {
    /// Everything up to some sequence is counted anew. Says up to where to go on.
    fn step(&mut self, counters: &Counters) -> anyhow::Result<Option<u64>> {
        if let Some(in_use) = self.in_use.take() {
            // With live events, the service is at nearly the same place.
            if let Teller::Service(service) = &in_use {
                service.wait_until_applied(counters.applied())?;
            }
            self.captured = in_use.everybody()?;
        }
        let pages = self.captured.pages();
        while let Some(page) = pages.get(self.next).filter(|page| page.sequence <= counters.applied()) {
            let expected = |tenant: &str, user: &str| -> BTreeMap<String, Counts> {
                let account = counters.account(tenant, user);
                account.rooms.iter().map(|room| (room.room.clone(), Counts::from(room))).collect()
            };
            self.differences.memberships += page.compare_users(expected, &mut self.differences.list);
            self.differences.users += page.user_count() as u64;
            self.next += 1;
        }
        let next = pages.get(self.next).map(|page| page.sequence);
        Ok(next.or((self.target > counters.applied()).then_some(self.target)))
    }
}
