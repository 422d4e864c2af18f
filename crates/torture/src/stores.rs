//! Damaged stores: each run takes a copy of one store, damages it, and starts the service.

use std::path::PathBuf;

use crate::base::{Base, Size, file_bytes};
use crate::complaints;
use crate::damage::{Damage, KINDS, Notice, damage};
use crate::directory::generation;
use crate::examination::attempt;
use crate::in_use::InUse;
use crate::plan::{Amount, Plan};
use crate::report::Report;
use crate::runs::{Run, in_parallel, random_of};
use crate::teller::Teller;
use crate::verdict::{Said, Tally, listen};

/// So many runs of a kind are enough to say that it is never noticed.
const ENOUGH_RUNS: usize = 20;

/// Damages as many stores as that.
pub fn stores(plan: &Plan, amount: Amount, size: Size) -> Report {
    let mut teller = Teller::new("damage");
    let mut report = Report::new("Damaged stores", &Tally::COLUMNS);
    match attempt(|| Base::make(plan, size, &mut teller)) {
        Err(what) => report.wrong.push(format!("seed {}: {what}", plan.seed)),
        Ok(base) => run(plan, amount, &base, &mut teller, &mut report),
    }
    report.took = teller.took();
    report
}

fn run(plan: &Plan, amount: Amount, base: &Base, teller: &mut Teller, report: &mut Report) {
    let states = base.states().map(|state| {
        let in_use = InUse::of(&generation(&state));
        (state, in_use)
    });
    report.notes.push(format!("each store has {} memberships", base.memberships));
    for (state, in_use) in &states {
        report.notes.push(format!(
            "{}: {} bytes of file, {} of rows; damage hits one of {} bytes known to be in use",
            state.file_name().unwrap_or_default().display(),
            file_bytes(state),
            in_use.row_bytes,
            in_use.bytes
        ));
    }
    let mut outcome = in_parallel(plan, amount, teller, &KINDS.map(|(_, name, _)| name), |number| {
        one(plan, base, &states, number)
    });
    outcome.wrong.extend(base.no_letter_twice().err());
    for (_, name, notice) in KINDS {
        let (runs, harmless) = outcome.tally.harmless(name);
        match notice {
            Notice::Needless(why) => report.notes.push(format!("{name} need not be noticed: {why}")),
            Notice::Expected if runs >= ENOUGH_RUNS && runs == harmless => {
                outcome.wrong.push(format!("{name}: noticed in none of {runs} runs"));
            }
            Notice::Expected => {}
        }
    }
    outcome.tell(plan, report);
}

fn one(plan: &Plan, base: &Base, states: &[(PathBuf, InUse)], number: usize) -> Run {
    let mut random = random_of(plan, number);
    let (kind, name, _) = KINDS[number % KINDS.len()];
    let (state, in_use) = &states[random.usize(..states.len())];
    let mut service = match base.service(&plan.executable, state) {
        Ok(service) => service,
        Err(error) => return Run::failed(name, error),
    };
    let what = match damage(kind, &service.data_dir(), state, &base.earlier(), in_use, &mut random) {
        Ok(what) => what,
        Err(error) => return Run::failed(name, format!("{} can't be damaged: {error}", state.display())),
    };
    let said = listen(&mut service, &base.expected);
    let is_detected = |said: &Said| !said.complaints.is_empty();
    let said =
        said.and_then(|said| match kind == Damage::Generating && said.complained_of(complaints::STORE) {
            true => Err("the store was given up, though all of it is whole".to_owned()),
            false => Ok(said),
        });
    Run::of(name, said, is_detected, || {
        format!("{what} in {}; everything is in {}", state.display(), service.keep().display())
    })
}
