//! The commands of `cargo xtask`; the library's documentation describes them.
#![allow(clippy::print_stdout, reason = "these commands talk to the person who runs them")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod cargo;
mod describe;
mod dev;
mod program;
mod test;

/// Set-up for developing and testing Tallymark. Nothing needs to be installed by hand but Rust and,
/// where there is no nats-server, python3 with pip.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every check, as CI does: formatting, house rules, dependencies, lints, docs and all tests
    Test,
    /// Runs a nats-server and Tallymark with live demo traffic until Ctrl-C
    Dev(dev::Arguments),
    /// Writes docs/openapi.json, docs/asyncapi.json and docs/schemas as the code has it
    Describe,
    /// Kills, damage and power cuts by the thousand: minutes to hours
    Torture(program::Arguments),
    /// Benchmarks, against a bare pull, a constant answer, Redis and PostgreSQL: about an hour
    Bench(program::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Test => test::run(),
        Command::Dev(arguments) => dev::run(&arguments),
        Command::Describe => describe::run(),
        Command::Torture(arguments) => program::run("torture", &arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nfailed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
