//! SIGKILLs of the service under load, at random moments and in every phase, and of its nats-server. With the power
//! cut as well: nothing lasts but what was synced.

mod life;
mod lives;
mod torture;
mod typical;

use std::time::Duration;

use crate::examination::attempt;
use crate::load::Scale;
use crate::phase::Phase;
use crate::plan::{Amount, Plan};
use crate::power::Power;
use crate::report::Report;
use crate::teller::Teller;
use torture::Torture;

/// How many events are published between two kills, and how large the chat is.
#[derive(Debug, Clone, Copy)]
pub struct Kills {
    /// How many.
    pub amount: Amount,
    /// Events published for each.
    pub events: usize,
    /// How large the chat is.
    pub scale: Scale,
}

/// Kills the service as often as that, and examines it after each.
pub fn kills(plan: &Plan, kills: Kills) -> Report {
    run(plan, kills, None, Teller::new("kills"), "Kills")
}

/// Cuts the power as often as that, and examines the service after each.
pub fn power_cuts(plan: &Plan, kills: Kills) -> Report {
    run(plan, kills, Some(Power::new()), Teller::new("power"), "Power cuts")
}

fn run(plan: &Plan, kills: Kills, power: Option<Power>, mut teller: Teller, title: &str) -> Report {
    let mut torture = Torture::new(plan, kills, power);
    let mut report = Report::new(title, &["killed during", "kills", "the phase takes"]);
    let mut is_in_time = true;
    let outcome = attempt(|| {
        torture.begin()?;
        while torture.goes_on(kills.amount) {
            torture.next(kills.amount.runs)?;
            teller.tell(|| torture.how_far());
        }
        is_in_time = kills.amount.has_time();
        torture.end()
    });
    teller.now(&torture.how_far());
    match outcome {
        Err(what) => {
            let (home, number) = (torture.chat.service.keep(), torture.examined());
            let place = home.display();
            report.wrong.push(format!("seed {}, kill {number}: {what}; everything is in {place}", plan.seed));
        }
        Ok(()) if is_in_time => {
            let shortfalls = torture.shortfalls(kills.amount.runs).into_iter();
            report.wrong.extend(shortfalls.map(|what| format!("seed {}: {what}", plan.seed)));
        }
        // The deadline ended it.
        Ok(()) => {}
    }
    fill(&mut report, &torture);
    report.took = teller.took();
    report
}

fn fill(report: &mut Report, torture: &Torture) {
    let row = |phase: Phase| {
        let takes = torture.typical.of(phase);
        let takes = if takes == Duration::ZERO { String::new() } else { format!("{} ms", takes.as_millis()) };
        vec![phase.to_string(), torture.killed[phase as usize].to_string(), takes]
    };
    report.rows.extend(Phase::ALL.map(row));
    report.rows.push(vec!["all".to_owned(), torture.total().to_string(), String::new()]);
    let heard = &torture.chat.heard;
    report.notes.push(format!(
        "{} events, {} of them malformed, each in the dead letters once; {} kills of the nats-server; {} more kills on the \
         way to these; {} recoveries that ended; {} times everybody's badge",
        heard.sequence(),
        heard.malformed(),
        torture.nats_kills,
        torture.more_kills(),
        torture.recoveries,
        torture.all_users
    ));
    if torture.lives.is_watched() {
        report.notes.push(format!(
            "each of these cuts left nothing that was not synced; {} more runs left some of it by chance, and {} stores \
             were not usable after that and recovered",
            torture.by_chance,
            torture.lives.unusable.values().sum::<usize>()
        ));
        report.notes.extend(torture.lives.unusable.iter().map(|(said, count)| format!("{count} × {said}")));
    }
}
