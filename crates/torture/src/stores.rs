//! Damaged stores: each run takes a copy of one store, damages it, and starts the service.

use std::path::PathBuf;

use crate::base::{Base, Size};
use crate::complaints;
use crate::damage::{Damage, damage};
use crate::directory::generation;
use crate::examination::attempt;
use crate::in_use::InUse;
use crate::plan::{Amount, Plan};
use crate::report::Report;
use crate::runs::{Run, in_parallel, random_of};
use crate::teller::Teller;
use crate::verdict::{Said, Tally, listen};

/// Damages as many stores as that.
pub fn stores(plan: &Plan, amount: Amount, size: Size) -> Report {
    let mut teller = Teller::new("damage");
    let mut report = Report::new("Damaged stores", &Tally::COLUMNS);
    match attempt(|| Base::make(plan, size, &mut teller)) {
        Err(what) => report.wrong.push(format!("seed {}: {what}", plan.seed)),
        Ok(base) => run(plan, amount, size, &base, &mut teller, &mut report),
    }
    report.took = teller.took();
    report
}

fn run(plan: &Plan, amount: Amount, size: Size, base: &Base, teller: &mut Teller, report: &mut Report) {
    let states: Vec<(PathBuf, InUse)> = base
        .states()
        .into_iter()
        .map(|state| {
            let in_use = InUse::of(&generation(&state));
            (state, in_use)
        })
        .collect();
    let (_, in_use) = &states[0];
    if base.bytes() < size.least_bytes {
        report.wrong.push(format!("the store has {} bytes, expected {}", base.bytes(), size.least_bytes));
        return;
    }
    report.notes.push(format!(
        "each store: {} memberships, {} bytes of file, {} of rows; damage hits one of {} bytes known to be in use",
        base.memberships,
        base.bytes(),
        in_use.row_bytes,
        in_use.bytes
    ));
    let outcome = in_parallel(plan, amount, teller, &Damage::ALL.map(Damage::name), |number| {
        let mut random = random_of(plan, number);
        let kind = Damage::ALL[number % Damage::ALL.len()];
        let (state, in_use) = &states[random.usize(..states.len())];
        let earlier = &base.earlier()[random.usize(..4)];
        let mut service = match base.service(&plan.executable, state) {
            Ok(service) => service,
            Err(error) => return Run::failed(kind.name(), error),
        };
        let what = damage(kind, &service.data_dir(), earlier, in_use, &mut random);
        let what = what.expect("files can be read and written");
        let said = listen(&mut service, &base.expected);
        let is_detected = |said: &Said| !said.complaints.is_empty();
        let said =
            said.and_then(|said| match kind == Damage::Generating && said.complained_of(complaints::STORE) {
                true => Err("the store was given up, though all of it is whole".to_owned()),
                false => Ok(said),
            });
        Run::of(kind.name(), said, is_detected, || {
            format!("{what} in {}; everything is in {}", state.display(), service.keep().display())
        })
    });
    outcome.tell(plan, report);
}
