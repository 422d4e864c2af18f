//! A short run of each part of `cargo xtask torture`.

use tests::tallymark;
use torture::load::Scale;
use torture::{Amount, Kills, Plan, Report, Size};

const SCALE: Scale = Scale { rooms: 400, users: 300, members: 6, malformed_every: 100 };
const SIZE: Size = Size { scale: SCALE, events: 12_000, least_bytes: 500_000, least_memberships: 2_000 };

fn plan() -> Plan {
    Plan { jobs: 2, ..Plan::new(1, tallymark()) }
}

fn runs(runs: usize) -> Amount {
    Amount { runs, deadline: None }
}

/// Nothing was wrong, and everything was done.
#[track_caller]
fn check(report: &Report, expected: usize) {
    assert!(report.wrong.is_empty(), "{report}");
    let all = report.rows.iter().find(|row| row[0] == "all").map(|row| row[1].parse::<usize>().unwrap());
    assert!(all.is_some_and(|all| all >= expected), "{report}");
}

#[test]
fn kills_in_every_phase() {
    let report = torture::kills(&plan(), Kills { amount: runs(12), events: 1_500, scale: SCALE });
    check(&report, 12);
    assert!(report.rows.iter().all(|row| row[1] != "0"), "a phase was never hit:\n{report}");
}

#[test]
fn power_cuts() {
    if power_cut::IS_POSSIBLE {
        let report = torture::power_cuts(&plan(), Kills { amount: runs(6), events: 1_500, scale: SCALE });
        check(&report, 6);
    }
}

#[test]
fn damaged_stores() {
    check(&torture::stores(&plan(), runs(34), SIZE), 34);
}

#[test]
fn damaged_snapshots() {
    check(&torture::snapshots(&plan(), runs(22), SIZE), 22);
}

#[test]
fn poison() {
    check(&torture::poison(&plan(), runs(30_000), SCALE), 30_000);
}
