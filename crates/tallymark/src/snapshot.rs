//! `tallymark snapshot`: files from which a store can be made again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use query::Status;
use recount::table;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Contents, Counts, Head, Metrics, Options, Origin, PolicyNames, SnapshotFile, Store};

use crate::output::{self, note};
use crate::place::Place;
use crate::serve::convert;
use crate::service::{Found, Service};
use crate::settings::Settings;
use crate::{generations, rfc3339};

pub(crate) const HELP: &str = "\
A snapshot is one file with all counts as of one stream sequence, in data_dir/snapshots. serve writes them by itself;
a damaged store is recovered from the newest. For a backup, copy such a file elsewhere.

Examples:
  tallymark snapshot create --config tallymark.toml
  tallymark snapshot list --config tallymark.toml
  tallymark snapshot inspect data/snapshots/00000000000000523518.snapshot
  tallymark snapshot restore /backup/00000000000000523518.snapshot --activate --config tallymark.toml";

const CREATE_HELP: &str = "\
A running service writes it, of everything that is in its counts by then, and needs http.operator_token for it. Prints
where the snapshot is.

Example:
  tallymark snapshot create --config tallymark.toml";

const LIST_HELP: &str = "\
Example:
  tallymark snapshot list --config tallymark.toml --json";

const INSPECT_HELP: &str = "\
Reads the whole file, and proves by its digest that it is what was written.

Example:
  tallymark snapshot inspect /backup/00000000000000523518.snapshot";

const RESTORE_HELP: &str = "\
Makes a new generation of the snapshot, beside the one in use. With --activate, or later by `tallymark generations
activate N`, it takes that one's place; events after its sequence are counted from the stream.

Example:
  tallymark snapshot restore /backup/00000000000000523518.snapshot --activate --config tallymark.toml";

/// What to do with snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a snapshot now
    #[command(after_help = CREATE_HELP)]
    Create {
        #[command(flatten)]
        place: Place,
        /// Print what was written as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the snapshots there are
    #[command(after_help = LIST_HELP)]
    List {
        #[command(flatten)]
        place: Place,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Prove a snapshot whole, and show what is in it
    #[command(after_help = INSPECT_HELP)]
    Inspect {
        /// Its file
        file: PathBuf,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a generation of a snapshot
    #[command(after_help = RESTORE_HELP)]
    Restore {
        /// Its file
        file: PathBuf,
        #[command(flatten)]
        place: Place,
        /// Have the generation take the place of the one in use
        #[arg(long)]
        activate: bool,
    },
}

impl Command {
    pub(crate) fn config(&self) -> Option<&Path> {
        match self {
            Self::Create { place, .. } | Self::List { place, .. } | Self::Restore { place, .. } => {
                place.config.as_deref()
            }
            Self::Inspect { .. } => None,
        }
    }
}

/// How often to look whether the snapshot is there.
const LOOK: Duration = Duration::from_millis(100);
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) async fn run(settings: &Settings, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Create { place, json } => {
            let file = tokio::task::block_in_place(|| create(settings, place))?;
            print(&[file], *json)
        }
        Command::List { json, .. } => print(&store::snapshots_in(&settings.data_dir)?, *json),
        Command::Inspect { file, json } => inspect(file, *json),
        Command::Restore { file, place, activate } => restore(settings, place, file, *activate).await,
    }
}

fn create(settings: &Settings, place: &Place) -> anyhow::Result<SnapshotFile> {
    match place.find(settings)? {
        Found::Running(service) => create_by(&service, settings),
        Found::Files(data_dir) => {
            let options = convert::store_options(settings)?;
            ensure!(
                data_dir.current_number()?.is_some(),
                "nothing was ever counted in {}",
                data_dir.path().display()
            );
            let (mut store, _) = Store::open_in(data_dir, &options, &Metrics::default(), &|_| {})?;
            store.snapshot()?;
            store.wait()?;
            let written = store.snapshots().first().cloned();
            let sequence = store.position().applied;
            store.close()?;
            written
                .filter(|newest| newest.sequence == sequence)
                .context("no snapshot was written: the line above says why")
        }
    }
}

/// What `POST /snapshots` answers.
#[derive(Deserialize)]
struct Wanted {
    wanted_sequence: u64,
}

fn create_by(service: &Service, settings: &Settings) -> anyhow::Result<SnapshotFile> {
    let Wanted { wanted_sequence } = service.post("/snapshots")?;
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let status: Status = service.get("/status")?;
        let newest = status.store.and_then(|store| store.snapshots.first().cloned());
        if let Some(newest) = newest.filter(|newest| newest.sequence >= wanted_sequence) {
            let snapshots = store::snapshots_in(&settings.data_dir)?;
            let file = snapshots.into_iter().find(|file| file.sequence == newest.sequence);
            return file.with_context(|| {
                format!(
                    "the service wrote it, and {} does not have it: is this its data_dir?",
                    settings.data_dir.display()
                )
            });
        }
        std::thread::sleep(LOOK);
    }
    bail!(
        "no snapshot of sequence {wanted_sequence} or later was written in {} s: the service's log says why",
        PATIENCE.as_secs()
    )
}

fn print(snapshots: &[SnapshotFile], json: bool) -> anyhow::Result<()> {
    if json {
        let list: Vec<Value> = snapshots.iter().map(as_json).collect();
        return output::print_json(&list);
    }
    let mut rows = vec![["SEQUENCE", "BYTES", "WRITTEN", "FILE"].map(str::to_owned)];
    rows.extend(snapshots.iter().map(|file| {
        let SnapshotFile { sequence, bytes, path } = file;
        let written = written_ms(path).map_or_else(|| "-".to_owned(), rfc3339::format);
        [sequence.to_string(), bytes.to_string(), written, path.display().to_string()]
    }));
    Ok(output::print(&table(&rows))?)
}

fn as_json(file: &SnapshotFile) -> Value {
    let SnapshotFile { sequence, bytes, path } = file;
    let written = written_ms(path).map(rfc3339::format);
    json!({ "sequence": sequence, "bytes": bytes, "written": written, "file": path })
}

fn written_ms(path: &Path) -> Option<u64> {
    let modified = path.metadata().ok()?.modified().ok()?;
    let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since_epoch.as_millis()).ok()
}

fn inspect(file: &Path, json: bool) -> anyhow::Result<()> {
    let (head, counts) = store::snapshot_head(file)?;
    let Contents { .. } = store::read_snapshot(file, head.policies)?;
    let Head { policies, position, digest } = head;
    let Counts { rooms, users, memberships } = counts;
    let stream = position.stream.as_ref();
    let created_ms = stream.and_then(|stream| u64::try_from(stream.created_ns / 1_000_000).ok());
    if json {
        return output::print_json(&json!({
            "sequence": position.applied,
            "stream": stream.map(|stream| &stream.name),
            "stream_created": created_ms.map(rfc3339::format),
            "own_messages": PolicyNames(policies).own_messages(),
            "message_window": policies.message_window,
            "rooms": rooms,
            "users": users,
            "memberships": memberships,
            "digest": digest.to_string(),
        }));
    }
    let stream = match (stream, created_ms) {
        (Some(stream), Some(ms)) => format!("{}, created {}", stream.name, rfc3339::format(ms)),
        _ => "none yet".to_owned(),
    };
    let text = format!(
        "whole: its rows have the digest it says\n\nsequence     {}\nstream       {stream}\npolicies     {}\nrooms        {rooms}\n\
         users        {users}\nmemberships  {memberships}\ndigest       {digest}\n",
        position.applied,
        PolicyNames(policies),
    );
    Ok(output::print(&text)?)
}

async fn restore(settings: &Settings, place: &Place, file: &Path, activate: bool) -> anyhow::Result<()> {
    let options: Options = convert::store_options(settings)?;
    let number = tokio::task::block_in_place(|| -> anyhow::Result<u64> {
        let (head, _) = store::snapshot_head(file)?;
        let bytes = file.metadata()?.len();
        let snapshot = SnapshotFile { sequence: head.position.applied, bytes, path: file.to_owned() };
        std::fs::create_dir_all(options.data_dir.join("generations"))?;
        let (store, _) =
            Store::standby_from_snapshot(&options, &Metrics::default(), &snapshot, Origin::Snapshot)?;
        let number = store.generation();
        store.close()?;
        Ok(number)
    })?;
    note(&format!("generation {number} is made of it"));
    if activate {
        generations::activate(settings, place, number).await
    } else {
        note(&format!("to use it: tallymark generations activate {number}"));
        Ok(())
    }
}
