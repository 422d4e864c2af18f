//! The command line of `cargo xtask torture`; the library's documentation describes it.
#![allow(clippy::print_stdout, reason = "the tables are for the person who runs this")]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use torture::load::Scale;
use torture::{Amount, Kills, Plan, Report, Size};

/// Kills, damage and power cuts by the thousand. Without `--budget` all that the acceptance run asks for: hours.
#[derive(Parser)]
#[command(bin_name = "cargo xtask torture")]
struct Arguments {
    /// From which all chance is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which parts to run [default: all]
    #[arg(long)]
    only: Vec<Part>,
    /// When all parts together are to end, for example 90s, 10m or 2h
    #[arg(long, value_parser = duration)]
    budget: Option<Duration>,
    /// SIGKILLs of the service
    #[arg(long, default_value_t = 1_000)]
    kills: usize,
    /// Events between two kills or power cuts
    #[arg(long, default_value_t = 10_000)]
    events: usize,
    /// Power cuts
    #[arg(long, default_value_t = 200)]
    power_cuts: usize,
    /// Events of which one in a thousand is malformed
    #[arg(long, default_value_t = 1_000_000)]
    poison: usize,
    /// Damaged stores
    #[arg(long, default_value_t = 2_000)]
    stores: usize,
    /// Damaged snapshots
    #[arg(long, default_value_t = 500)]
    snapshots: usize,
    /// Events counted in each store and snapshot
    #[arg(long, default_value_t = 900_000)]
    store_events: usize,
    /// How many services run at once, where they need not wait for each other [default: one for each processor]
    #[arg(long)]
    jobs: Option<NonZeroUsize>,
    /// Only damage whose name, as in the table, contains this
    #[arg(long)]
    kind: Option<String>,
    /// Only the run of this number, to see again what was wrong in it
    #[arg(long)]
    run: Option<usize>,
    /// The executable to be tortured [default: that of this program's profile, built if need be]
    #[arg(long)]
    tallymark: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// SIGKILLs of the service under load, in every phase, and of its nats-server
    Kills,
    /// Damaged files of stores
    Damage,
    /// Damaged snapshots, of which one is needed
    Snapshots,
    /// Kills after which nothing is left but what was synced
    Power,
    /// Malformed messages of every sort
    Poison,
}

impl Part {
    /// Of a budget of a hundred.
    fn share(self) -> u32 {
        match self {
            Self::Kills => 40,
            Self::Damage => 30,
            Self::Snapshots => 10,
            Self::Power => 15,
            Self::Poison => 5,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let parts = if arguments.only.is_empty() { Part::value_variants() } else { &arguments.only };
    let home = tests::home();
    let built = arguments.tallymark.clone().unwrap_or_else(tests::tallymark);
    // Whatever is built meanwhile, this one is tortured.
    let executable = home.path().join("tallymark");
    std::fs::copy(built, &executable).expect("an executable can be copied");
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let (kind, run) = (arguments.kind.clone(), arguments.run);
    let plan = Plan { jobs, kind, run, ..Plan::new(arguments.seed, executable) };

    let begun = Instant::now();
    let all: u32 = parts.iter().map(|part| part.share()).sum();
    let mut spent = 0;
    let mut reports = Vec::new();
    for part in parts {
        spent += part.share();
        let deadline = arguments.budget.map(|budget| begun + budget * spent / all);
        reports.push(run_part(*part, &plan, &arguments, deadline));
    }
    println!("\n## Torture, seed {}\n", plan.seed);
    for report in &reports {
        println!("{report}");
    }
    let is_fine = reports.iter().all(|report| report.wrong.is_empty());
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_part(part: Part, plan: &Plan, arguments: &Arguments, deadline: Option<Instant>) -> Report {
    let amount = |runs| Amount { runs, deadline };
    let scale = Scale { rooms: 6_000, users: 6_000, members: 10, malformed_every: 1_000 };
    let kills = |amount| Kills { amount, events: arguments.events, scale };
    match part {
        Part::Kills => torture::kills(plan, kills(amount(arguments.kills))),
        Part::Power => torture::power_cuts(plan, kills(amount(arguments.power_cuts))),
        Part::Poison => torture::poison(plan, amount(arguments.poison), scale),
        Part::Damage => torture::stores(plan, amount(arguments.stores), size(arguments)),
        Part::Snapshots => torture::snapshots(plan, amount(arguments.snapshots), size(arguments)),
    }
}

/// Stores of this size are damaged.
fn size(arguments: &Arguments) -> Size {
    Size {
        scale: Scale { rooms: 8_000, users: 8_000, members: 8, malformed_every: 1_000 },
        events: arguments.store_events,
        least_bytes: 20_000_000,
        least_memberships: 50_000,
    }
}

/// A time such as `10m`.
fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("{text:?} is no time; expected for example 90s, 10m or 2h");
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(expected()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}
