//! `cargo xtask test`: every check there is, the cheapest first, ending at the first that fails.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xtask::Tool;

use crate::cargo::{cargo, pass, shown};
use tally::Tally;

mod dependencies;
mod house_rules;
mod monitoring;
mod purity;
mod tally;

type Times = Vec<(&'static str, Duration)>;

/// The tests come last, so that what they say is what one sees in the end.
pub(crate) fn run() -> Result<()> {
    let mut times = Times::new();
    check(&mut times, "formatting", formatting)?;
    check(&mut times, "house rules", house_rules::check)?;
    check(&mut times, "purity of the crates", purity::check)?;
    check(&mut times, "dependencies", dependencies::check)?;
    check(&mut times, "alerts and dashboard", monitoring::check)?;
    check(&mut times, "lints", lints)?;
    check(&mut times, "docs", docs)?;
    let tally = check(&mut times, "tests", tests)?;

    let total: Duration = times.iter().map(|(_, time)| time).sum();
    println!("\nall checks passed in {:.0} s", total.as_secs_f64());
    for (name, time) in times {
        println!("{:8.1} s  {name}", time.as_secs_f64());
    }
    println!("{tally}");
    Ok(())
}

/// Runs one check between a headline and a line with its time.
fn check<T>(times: &mut Times, name: &'static str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n=== {name}");
    let start = Instant::now();
    let done = run();
    let time = start.elapsed();
    times.push((name, time));
    let outcome = if done.is_ok() { "passed" } else { "FAILED" };
    println!("=== {name}: {outcome} after {:.1} s", time.as_secs_f64());
    done.with_context(|| format!("{name} (nothing after it was checked)"))
}

fn formatting() -> Result<()> {
    pass(&mut cargo(["fmt", "--all", "--check"])).context("run `cargo fmt --all`")
}

fn lints() -> Result<()> {
    pass(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn docs() -> Result<()> {
    pass(cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn tests() -> Result<Tally> {
    // Installed here, where a failure is told once and not by each test.
    let server = Tool::NATS_SERVER.find_or_install()?;
    println!("nats-server: {}", server.display());
    let browser = Tool::find_or_install_all([&Tool::CHROMIUM, &Tool::CHROMEDRIVER])?;
    println!("chromium: {}", browser[0].display());
    println!("node: {}", Tool::NODE.find_or_install()?.display());
    let mut command = cargo(["test", "--workspace"]);
    let mut child = command.stdout(Stdio::piped()).spawn().context("cargo can't be run")?;
    let printed = child.stdout.take().context("cargo's standard output is no pipe")?;
    let mut tally = Tally::default();
    for line in BufReader::new(printed).lines() {
        let line = line.context("what cargo prints can't be read")?;
        println!("{line}");
        tally.add(&line);
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{}` ended with {status}", shown(&command));
    ensure!(tally.passed > 0, "`{}` ran no test", shown(&command));
    Ok(tally)
}
