//! The commands; the library's documentation describes them.

mod badge;
mod cold;
mod document;
mod http;
mod instructions;
mod memberships;
mod opening;
mod peers;
mod plot;
mod post;
mod program;
mod recovery;
mod replay;
mod resident;
mod side_by_side;
mod stream;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use crate::side_by_side::Table;

/// As in the service: what is measured includes its allocator.
#[global_allocator]
static ALLOCATOR: allocator::MiMalloc = allocator::MiMalloc;

/// Benchmarks of Tallymark: ratios taken side by side.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    role: Option<Role>,
    /// Which to run; all of them if none is named, and `instructions` after them
    names: Vec<Benchmark>,
    /// Put the figures into docs/benchmarks.md, in place of those that are there
    #[arg(long)]
    write: bool,
    /// The date to put with the figures
    #[arg(long, requires = "write")]
    date: Option<String>,
    #[command(flatten)]
    scale: Scale,
}

/// What is no benchmark with figures of its own.
#[derive(Debug, clap::Subcommand)]
enum Role {
    /// Instructions of the few things that are done for every event and every badge, against those recorded;
    /// fails where they are more
    Instructions {
        /// Record them, in place of those recorded before
        #[arg(long)]
        record: bool,
    },
    /// Started by `instructions`: does something so many times
    #[command(hide = true)]
    Repeat { operation: instructions::Operation, times: u64 },
    /// Started by `memberships`: opens a store when its input ends
    #[command(hide = true)]
    Opening { opening: opening::Opening, data_dir: PathBuf },
    /// Started by `memberships` before an opening
    #[command(hide = true)]
    UseMemory,
    /// A server that the service is compared with
    #[command(subcommand, hide = true)]
    Peer(Peer),
}

#[derive(Debug, clap::Subcommand)]
enum Peer {
    Constant,
    Redis {
        database: SocketAddr,
    },
    #[command(name = "postgresql")]
    Postgres {
        database: SocketAddr,
    },
}

/// How much to do.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Scale {
    /// Makes all but `http`, `peers`, `post` and `badge` smaller, to try them out
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// How often A and B are sampled
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

impl Scale {
    /// So many at scale 1, at least one.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a count of things to benchmark is far below 2^52 and need not be exact"
    )]
    fn of(&self, count: usize) -> usize {
        (count as f64 * self.scale).round().max(1.0) as usize
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// Badges over HTTP, against a constant answer
    Http,
    /// Badges and posts, against services in front of Redis and PostgreSQL
    Peers,
    /// From publishing an event until a badge has it, and what readers notice of commits and snapshots
    Visible,
    /// The same without and with thousands of live badges, and what each of those takes
    Live,
    /// What readers notice of a rebuild beside the service, of its activation and of a rollback; all badges against a recount
    Rebuild,
    /// Memory, disk and restart at ten million memberships
    Memberships,
    /// A post, by size of room
    Post,
    /// A badge, by messages in history
    Badge,
    /// Posts to rooms whose remembered ids are not in memory
    Cold,
    /// A whole log until it is counted and on disk, against a bare pull
    Replay,
    /// A lost store until the service is ready, against a bare read and a bare pull
    Recovery,
}

impl Benchmark {
    fn run(self, scale: Scale) -> Result<Table> {
        match self {
            Self::Http => http::against_constant(scale),
            Self::Peers => http::against_peers(scale),
            Self::Visible => http::visible(scale),
            Self::Live => http::live(scale),
            Self::Rebuild => http::rebuilding(scale),
            Self::Memberships => memberships::run(scale),
            Self::Post => post::run(scale),
            Self::Badge => badge::run(scale),
            Self::Cold => cold::run(scale),
            Self::Replay => replay::run(scale),
            Self::Recovery => recovery::run(scale),
        }
    }
}

fn main() -> Result<()> {
    let CommandLine { role, names, write, date, scale } = CommandLine::parse();
    match role {
        Some(Role::Instructions { record: true }) => return instructions::record(),
        Some(Role::Instructions { record: false }) => return instructions::check(),
        Some(Role::Repeat { operation, times }) => return instructions::repeat(operation, times),
        Some(Role::Opening { opening, data_dir }) => return opening.run(&data_dir),
        Some(Role::UseMemory) => return opening::use_memory(),
        Some(Role::Peer(Peer::Constant)) => return http::serve_constant(),
        Some(Role::Peer(Peer::Redis { database })) => return peers::serve::<peers::Redis>(database),
        Some(Role::Peer(Peer::Postgres { database })) => return peers::serve::<peers::Postgres>(database),
        None => {}
    }
    let benchmarks = if names.is_empty() { Benchmark::value_variants() } else { &names };
    for benchmark in benchmarks {
        let table = benchmark.run(scale)?;
        writeln!(std::io::stdout(), "{table}")?;
        // Each at once: an hour's figures are not lost with the last of them.
        if write {
            document::write(&table, date.as_deref())?;
        }
    }
    if names.is_empty() { instructions::check() } else { Ok(()) }
}
