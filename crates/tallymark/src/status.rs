//! `tallymark status`: how the service and its store stand, on one screen.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use query::{Activation, Stage, Status, StoreStatus};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{DataDir, Head, PolicyNames, Role};

use crate::output;
use crate::place::Place;
use crate::serve::convert;
use crate::service::{Found, Service};
use crate::settings::Settings;

pub(crate) const HELP: &str = "\
Asks a running service twice, a second apart, for the rate; without one, reads the files. Whether the service is ready is in
the first line, and the exit status says only whether it could be asked.

Examples:
  tallymark status --config tallymark.toml
  tallymark status --operator http://10.0.0.7:9090 --json";

/// What `status` is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let lines = match arguments.place.find(settings)? {
        Found::Running(service) => of_service(&service, settings)?,
        Found::Files(data_dir) => of_files(&data_dir, settings)?,
    };
    if arguments.json {
        let object =
            lines.into_iter().map(|Line { name, value, .. }| (name.replace(' ', "_"), value)).collect();
        return output::print_json(&Value::Object(object));
    }
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
    let text: String =
        lines.into_iter().map(|Line { name, text, .. }| format!("{name:width$}  {text}\n")).collect();
    Ok(output::print(&text)?)
}

/// One line of the screen, and one field of the object.
struct Line {
    name: &'static str,
    value: Value,
    text: String,
}

impl Line {
    fn new(name: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let text = match &value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        Self { name, value, text }
    }

    fn shown(name: &'static str, value: impl Into<Value>, text: String) -> Self {
        Self { name, value: value.into(), text }
    }

    fn bytes(name: &'static str, bytes: Option<u64>) -> Self {
        let text =
            bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{:.1} MiB", bytes as f64 / 1_048_576.0));
        Self { name, value: bytes.into(), text }
    }
}

/// What `/readyz` answers.
#[derive(Deserialize)]
struct Ready {
    ready: bool,
    #[serde(default)]
    lag_seconds: f64,
    reason: Option<String>,
    detail: Option<String>,
}

fn of_service(service: &Service, settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let started = Instant::now();
    let before: Status = service.get("/status")?;
    std::thread::sleep(INTERVAL);
    let status: Status = service.get("/status")?;
    let seconds = started.elapsed().as_secs_f64();
    let rate = status.applied_sequence.saturating_sub(before.applied_sequence) as f64 / seconds;
    let ready: Ready = service.get_even_if_unready("/readyz")?;
    let metrics = service.text("/metrics").context("its metrics can't be read")?;
    let metric = |name: &str| {
        let name = format!("tallymark_{name} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse::<u64>().ok())
    };
    let state = match (&ready.reason, &ready.detail) {
        (Some(reason), Some(detail)) if !ready.ready => format!("not ready, {reason}: {detail}"),
        _ => "ready".to_owned(),
    };
    let fence = ready.detail.filter(|_| ready.reason.as_deref() == Some("fenced"));
    let mut lines = vec![
        Line::shown("ready", ready.ready, state),
        Line::new("connected", status.connected),
        Line::new("fence", fence.map_or(Value::Null, Value::from)),
        Line::new("paused", status.paused.map_or(Value::Null, Value::from)),
        Line::new("applied sequence", status.applied_sequence),
        Line::shown("lag events", status.lag_events, format!("{} events", status.lag_events)),
        Line::shown("lag seconds", ready.lag_seconds, format!("{:.1} s", ready.lag_seconds)),
        Line::shown("events per second", rate.round(), format!("{rate:.0}")),
        Line::new("rooms", metric("rooms")),
        Line::new("users", metric("users")),
        Line::new("memberships", metric("memberships")),
        Line::bytes("memory bytes", status.memory_bytes),
    ];
    if let Some(store) = &status.store {
        lines.extend(of_store(store, settings));
    }
    if let Some(Activation { generation, stage }) = &status.activation {
        let stage = match stage {
            Stage::Opening => "is being opened".to_owned(),
            Stage::CatchingUp { lag_events } => format!("has {lag_events} events to count"),
            Stage::Done => "was activated".to_owned(),
            Stage::Failed { reason } => format!("was not activated: {reason}"),
        };
        lines.push(Line::new("activation", format!("generation {generation} {stage}")));
    }
    Ok(lines)
}

fn of_store(store: &StoreStatus, settings: &Settings) -> Vec<Line> {
    let digest = &store.digest;
    let newest = store.snapshots.first();
    vec![
        Line::new("durable sequence", store.durable_sequence),
        Line::shown(
            "digest",
            json!({ "sequence": digest.sequence, "value": digest.value }),
            format!("{} at sequence {}", digest.value, digest.sequence),
        ),
        Line::new("generation", store.generation),
        Line::bytes("disk bytes", disk_bytes(settings, store.generation)),
        Line::shown(
            "snapshots",
            store.snapshots.len(),
            newest.map_or_else(
                || "none".to_owned(),
                |newest| format!("{}, the newest at sequence {}", store.snapshots.len(), newest.sequence),
            ),
        ),
    ]
}

/// `None` where the files are another machine's.
fn disk_bytes(settings: &Settings, number: u64) -> Option<u64> {
    let generations = store::generations(&settings.data_dir).ok()?;
    let used = generations
        .into_iter()
        .find(|generation| generation.number == number && generation.role == Role::Current);
    Some(used?.bytes)
}

fn of_files(data_dir: &DataDir, settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let options = convert::store_options(settings)?;
    let mut lines =
        vec![Line::shown("ready", false, "no service is running; this is what its files say".to_owned())];
    let Some(number) = data_dir.current_number()? else {
        lines.push(Line::new("generation", Value::Null));
        return Ok(lines);
    };
    let Head { policies, position, digest } = store::generation_head(&options, number)?;
    let snapshots = store::snapshots_in(&settings.data_dir)?;
    let newest = snapshots.first().map_or_else(
        || "none".to_owned(),
        |newest| format!("{}, the newest at sequence {}", snapshots.len(), newest.sequence),
    );
    lines.extend([
        Line::new("durable sequence", position.applied),
        Line::new("policies", PolicyNames(policies).to_string()),
        Line::shown(
            "digest",
            json!({ "sequence": position.applied, "value": digest.to_string() }),
            format!("{digest} at sequence {}", position.applied),
        ),
        Line::new("generation", number),
        Line::bytes("disk bytes", disk_bytes(settings, number)),
        Line::shown("snapshots", snapshots.len(), newest),
    ]);
    Ok(lines)
}
