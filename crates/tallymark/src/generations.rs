//! `tallymark generations`: what stands beside the counts in use, and which of them is used.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use query::{Activation, Stage, Status};
use recount::table;
use serde_json::json;
use store::{DataDir, GenerationInfo, Metrics, OpenError, Origin, PolicyNames, Role, Standby, Store};

use crate::output::{self, note};
use crate::place::Place;
use crate::serve::convert;
use crate::service::{Found, Service};
use crate::settings::Settings;

pub(crate) const HELP: &str = "\
A generation is one set of counts, in data_dir/generations. One of them is in use; others were made beside it by
`tallymark rebuild` or `tallymark snapshot restore`, or were in use before.

Examples:
  tallymark generations list --config tallymark.toml
  tallymark generations activate 3 --config tallymark.toml
  tallymark generations rollback --config tallymark.toml
  tallymark generations remove 2 --config tallymark.toml";

const LIST_HELP: &str = "\
Example:
  tallymark generations list --config tallymark.toml --json";

const ACTIVATE_HELP: &str = "\
A running service counts the generation up to where it is itself, then answers from it, between two requests: none
fails, none is answered wrongly. It needs memory for both meanwhile, and http.operator_token. Without a running service,
the next start uses it.

Example:
  tallymark generations activate 3 --config tallymark.toml";

const ROLLBACK_HELP: &str = "\
As `activate`, for the generation that was in use before the present one.

Example:
  tallymark generations rollback --config tallymark.toml";

const REMOVE_HELP: &str = "\
Removes its files. The one in use can't be removed.

Example:
  tallymark generations remove 2 --config tallymark.toml";

/// What to do with generations.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the generations there are
    #[command(after_help = LIST_HELP)]
    List {
        #[command(flatten)]
        place: Place,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Use another generation
    #[command(after_help = ACTIVATE_HELP)]
    Activate {
        /// Its number
        number: u64,
        #[command(flatten)]
        place: Place,
    },
    /// Use the generation again that was in use before
    #[command(after_help = ROLLBACK_HELP)]
    Rollback {
        #[command(flatten)]
        place: Place,
    },
    /// Remove a generation that is not in use
    #[command(after_help = REMOVE_HELP)]
    Remove {
        /// Its number
        number: u64,
        #[command(flatten)]
        place: Place,
    },
}

impl Command {
    pub(crate) fn place(&self) -> &Place {
        match self {
            Self::List { place, .. }
            | Self::Activate { place, .. }
            | Self::Rollback { place }
            | Self::Remove { place, .. } => place,
        }
    }
}

/// How often to ask how far an activation is.
const LOOK: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn run(settings: &Settings, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::List { json, .. } => list(settings, *json),
        Command::Activate { number, place } => activate(settings, place, *number).await,
        Command::Rollback { place } => activate(settings, place, before(settings)?).await,
        Command::Remove { number, .. } => {
            DataDir::beside(&settings.data_dir).remove(*number)?;
            note(&format!("generation {number} is removed"));
            Ok(())
        }
    }
}

fn list(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let generations = store::generations(&settings.data_dir)?;
    let text = if json {
        let list: Vec<_> = generations.iter().map(as_json).collect();
        format!("{}\n", serde_json::Value::from(list))
    } else {
        let mut rows = vec![["NUMBER", "USE", "FROM", "SEQUENCE", "POLICIES", "BYTES"].map(str::to_owned)];
        rows.extend(generations.iter().map(as_row));
        table(&rows)
    };
    Ok(output::print(&text)?)
}

/// One word for what a generation is there for.
fn use_of(generation: &GenerationInfo) -> &'static str {
    match generation.role {
        Role::Current => "in use",
        Role::Standby(Standby { is_complete: true, .. }) => "standby",
        Role::Standby(Standby { origin: Origin::Replaced, .. }) => "unusable",
        Role::Standby(_) if generation.is_in_use => "being rebuilt",
        Role::Standby(_) => "interrupted",
        Role::Unfinished => "unfinished",
    }
}

fn as_row(generation: &GenerationInfo) -> [String; 6] {
    let [mut from, mut sequence, mut policies] = [(); 3].map(|()| "-".to_owned());
    if let Role::Standby(standby) = &generation.role {
        from = standby.origin.to_string();
        sequence = standby.applied.to_string();
        policies = PolicyNames(standby.policies).to_string();
    }
    let GenerationInfo { number, bytes, .. } = generation;
    [number.to_string(), use_of(generation).to_owned(), from, sequence, policies, bytes.to_string()]
}

fn as_json(generation: &GenerationInfo) -> serde_json::Value {
    let GenerationInfo { number, role, bytes, is_in_use } = generation;
    let mut shown = json!({
        "number": number, "use": use_of(generation), "bytes": bytes, "open": is_in_use,
    });
    if let Role::Standby(Standby { origin, policies, applied, is_complete, .. }) = role {
        shown["from"] = origin.to_string().into();
        shown["sequence"] = (*applied).into();
        shown["complete"] = (*is_complete).into();
        shown["own_messages"] = PolicyNames(*policies).own_messages().into();
        shown["message_window"] = policies.message_window.into();
    }
    shown
}

/// The generation that was in use last.
fn before(settings: &Settings) -> anyhow::Result<u64> {
    let replaced = |generation: GenerationInfo| match generation.role {
        Role::Standby(Standby { origin: Origin::Replaced, written_ms, .. }) => {
            Some((written_ms, generation.number))
        }
        _ => None,
    };
    let generations = store::generations(&settings.data_dir)?;
    match generations.into_iter().filter_map(replaced).max() {
        Some((_, number)) => Ok(number),
        None => {
            bail!("no generation was in use before the present one: `tallymark generations list` shows them")
        }
    }
}

/// Has a generation take the place of the one in use.
pub(crate) async fn activate(settings: &Settings, place: &Place, number: u64) -> anyhow::Result<()> {
    tokio::task::block_in_place(|| match place.find(settings)? {
        Found::Running(service) => activate_in(&service, number),
        Found::Files(data_dir) => {
            let options = convert::store_options(settings)?;
            let replaced = match data_dir.current_number()? {
                None => None,
                Some(current) if current == number => bail!("generation {number} is the one in use"),
                Some(current) => Some((current, replaced(&options, current))),
            };
            data_dir.adopt(number, replaced)?;
            note(&format!("the next start uses generation {number}"));
            write_snapshot(data_dir, &options, number)
        }
    })
}

/// What another version wrote, that version can use again; what can't be read at all, nobody can.
fn replaced(options: &store::Options, number: u64) -> Standby {
    let (policies, applied, is_complete) = match store::generation_head(options, number) {
        Ok(head) => (head.policies, head.position.applied, true),
        Err(error) => (options.policies, 0, matches!(error, OpenError::Version { .. })),
    };
    Standby::now(Origin::Replaced, policies, applied, is_complete)
}

/// Without one, a store that is lost would be recovered from what the other generation had counted.
fn write_snapshot(data_dir: DataDir, options: &store::Options, number: u64) -> anyhow::Result<()> {
    if store::generation_head(options, number)?.policies != options.policies {
        note(
            "no snapshot is written: it is of other policies than these settings; the service writes one after its \
             first events",
        );
        return Ok(());
    }
    let (mut store, _) = Store::open_in(data_dir, options, &Metrics::default(), &|_| {})?;
    store.snapshot()?;
    store.wait()?;
    Ok(store.close()?)
}

fn activate_in(service: &Service, number: u64) -> anyhow::Result<()> {
    service.post::<serde_json::Value>(&format!("/generations/{number}/activate"))?;
    let mut next_line = Instant::now() + LINE_EVERY;
    loop {
        let status: Status = service.get("/status")?;
        let stage = match status.activation {
            Some(Activation { generation, stage }) if generation == number => stage,
            _ => bail!(
                "the service was asked for something else meanwhile: `tallymark status` shows what it does"
            ),
        };
        match stage {
            Stage::Done => {
                note(&format!("answers come from generation {number} now"));
                return Ok(());
            }
            Stage::Failed { reason } => {
                return Err(anyhow::Error::msg(reason)).with_context(|| {
                    format!("generation {number} was not activated, the one in use still is")
                });
            }
            Stage::Opening | Stage::CatchingUp { .. } if Instant::now() < next_line => {}
            Stage::Opening => note(&format!("generation {number} is being opened")),
            Stage::CatchingUp { lag_events } => {
                note(&format!("generation {number} has {lag_events} events to count"));
            }
        }
        if Instant::now() >= next_line {
            next_line = Instant::now() + LINE_EVERY;
        }
        std::thread::sleep(LOOK);
    }
}
