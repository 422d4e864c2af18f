#![doc = include_str!("../README.md")]

mod config;
mod dead_letters;
mod dump;
mod explain;
mod generations;
mod nats;
mod output;
mod pass;
mod place;
mod progress;
mod publish;
mod rebuild;
mod rfc3339;
mod serve;
mod service;
mod settings;
mod signals;
mod snapshot;
mod status;
mod telemetry;
mod verify;
mod whose;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::settings::{Environment, Origin, Problems, Settings};

/// The state lives in millions of small allocations, for which this allocator is about twice as
/// fast as the system's.
#[global_allocator]
static ALLOCATOR: allocator::MiMalloc = allocator::MiMalloc;

/// Exact unread counts for chat products: events in over NATS JetStream, the badge out over HTTP.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = AFTER_HELP)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit status: 0 done (after SIGTERM and SIGINT too), 1 failed, 2 wrong usage or settings.

Examples:
  tallymark config default > tallymark.toml
  tallymark serve --config tallymark.toml
  tallymark publish --config tallymark.toml events.ndjson
  tallymark dump --config tallymark.toml > events.ndjson
  tallymark dead-letters list --config tallymark.toml";

#[derive(Debug, Subcommand)]
enum Command {
    /// Consume events and answer badge requests
    #[command(after_help = SERVE_HELP)]
    Serve {
        /// The settings file; without it, settings come from TALLYMARK_* variables and defaults
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Publish events from a file or a pipe, one JSON object a line, in the order of the lines
    #[command(after_help = publish::HELP)]
    Publish(publish::Arguments),
    /// Count the stream anew beside the counts in use, and compare
    #[command(after_help = rebuild::HELP)]
    Rebuild(rebuild::Arguments),
    /// See, use and remove the counts that stand beside those in use
    #[command(subcommand, arg_required_else_help = true, after_help = generations::HELP)]
    Generations(generations::Command),
    /// Write, list, look into and restore snapshots
    #[command(subcommand, arg_required_else_help = true, after_help = snapshot::HELP)]
    Snapshot(snapshot::Command),
    /// Show how the service and its store stand, on one screen
    #[command(after_help = status::HELP)]
    Status(status::Arguments),
    /// Recount from the log, and compare every count
    #[command(after_help = verify::HELP)]
    Verify(verify::Arguments),
    /// Say why a badge is what it is
    #[command(after_help = explain::HELP)]
    Explain(explain::Arguments),
    /// Write the stream's events to standard output, one JSON object a line, as publish takes them
    #[command(after_help = dump::HELP)]
    Dump(dump::Arguments),
    /// Look at malformed events that were passed over, and publish them again
    #[command(arg_required_else_help = true, after_help = dead_letters::HELP)]
    DeadLetters(dead_letters::Arguments),
    /// Show settings
    #[command(subcommand, arg_required_else_help = true, after_help = CONFIG_HELP)]
    Config(ConfigCommand),
}

const SERVE_HELP: &str = "\
Examples:
  tallymark serve --config /etc/tallymark.toml
  TALLYMARK_DATA_DIR=/var/lib/tallymark NATS_URL=nats://nats:4222 tallymark serve";

const CONFIG_HELP: &str = "\
Example:
  tallymark config default > tallymark.toml";

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting with its default and meaning, as a settings file
    #[command(after_help = CONFIG_HELP)]
    Default,
}

fn main() -> ExitCode {
    let CommandLine { command } = CommandLine::parse();
    let environment = std::env::vars_os().collect();
    match run(command, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is gone.
            _ = writeln!(io::stderr(), "tallymark: {error:#}");
            let wrong_settings = error.chain().any(|cause| cause.is::<Problems>());
            ExitCode::from(if wrong_settings { 2 } else { 1 })
        }
    }
}

/// The environment is read in `main` only, so that everything below can be given another one.
fn run(command: Command, environment: &Environment) -> anyhow::Result<()> {
    match command {
        Command::Serve { config } => {
            let origin = Origin { file: config, environment: environment.clone() };
            let settings = origin.load()?;
            telemetry::start(&settings.log);
            let giving_back = allocator::give_back_on_one_thread();
            giving_back.context("the thread that gives memory back can't be started")?;
            let runtime = runtime()?;
            let ended = runtime.block_on(serve::run(settings, origin));
            // A generation that is being opened beside the one in use may be left at any point: nobody waits for that.
            runtime.shutdown_background();
            ended
        }
        Command::Publish(arguments) => {
            let settings = Settings::load(arguments.config.as_deref(), environment)?;
            runtime()?.block_on(publish::run(&settings, &arguments))
        }
        Command::Rebuild(arguments) => {
            rebuild::give_way();
            let settings = Settings::load(arguments.place.config.as_deref(), environment)?;
            telemetry::start_quietly();
            runtime()?.block_on(rebuild::run(&settings, &arguments))
        }
        Command::Generations(command) => {
            let settings = Settings::load(command.place().config.as_deref(), environment)?;
            runtime()?.block_on(generations::run(&settings, &command))
        }
        Command::Snapshot(command) => {
            let settings = Settings::load(command.config(), environment)?;
            telemetry::start_quietly();
            runtime()?.block_on(snapshot::run(&settings, &command))
        }
        Command::Status(arguments) => {
            let settings = Settings::load(arguments.place.config.as_deref(), environment)?;
            telemetry::start_quietly();
            status::run(&settings, &arguments)
        }
        Command::Verify(arguments) => {
            let settings = Settings::load(arguments.config.as_deref(), environment)?;
            runtime()?.block_on(verify::run(&settings, &arguments))
        }
        Command::Explain(arguments) => {
            let settings = Settings::load(arguments.config.as_deref(), environment)?;
            runtime()?.block_on(explain::run(&settings, &arguments))
        }
        Command::Dump(arguments) => {
            let settings = Settings::load(arguments.config.as_deref(), environment)?;
            runtime()?.block_on(dump::run(&settings, &arguments))
        }
        Command::DeadLetters(arguments) => {
            let settings = Settings::load(arguments.config.as_deref(), environment)?;
            runtime()?.block_on(dead_letters::run(&settings, &arguments))
        }
        Command::Config(ConfigCommand::Default) => Ok(config::print_default()?),
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
