//! `tallymark verify`: recounts from the log, and compares.

mod digests;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use recount::{Bounds, Captured, Difference, Outcome, Recount, Scope, Start, Summary, differences_table};
use serde::Serialize;

use crate::output::{note, print, print_json};
use crate::pass::{open_log, pass};
use crate::serve::convert;
use crate::service::{Found, Service};
use crate::settings::Settings;
use crate::whose::Teller;

pub(crate) const HELP: &str = "\
Every count is recounted from the log by another, slower program, which keeps each message: it takes a few
seconds for a million events, and memory for all of them. A running service is not stopped: it is asked for
its accounts, page by page, and each page is compared at exactly the sequence it was given for. Without a
service the files are read.

Where the stream no longer begins at sequence 1, the recount starts from the oldest snapshot that is whole.

--digest compares without recounting: each of A and B is live, the number of a generation, or a snapshot file.
Two are equal if they are of the same sequence and have the same digest.

Exit status: 0 all is as it should be, 1 something is not (or could not be compared), 2 wrong usage or settings.

Examples:
  tallymark verify --config tallymark.toml
  tallymark verify --config tallymark.toml --user demo/ann --user demo/bob
  tallymark verify --config tallymark.toml --sample 1000 --json
  tallymark verify --config tallymark.toml --digest 1 2
  tallymark verify --config tallymark.toml --digest live data/snapshots/00000000000000150000.snapshot";

/// The lines of differences that people are shown.
const SHOWN: usize = 100;

/// What `verify` is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The settings file; variables and defaults apply as for serve
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Only this user; may be given more than once
    #[arg(long = "user", value_name = "TENANT/USER", value_parser = tenant_and_user)]
    users: Vec<(String, String)>,
    /// Only so many users, drawn at random
    #[arg(long, value_name = "N", conflicts_with = "users", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
    /// Compare two digests instead of recounting
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["users", "sample"])]
    digest: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// The operator listener of the service, if it is not the one that has data_dir
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
}

pub(crate) fn tenant_and_user(text: &str) -> Result<(String, String), String> {
    let expected = || "expected a tenant and a user with a slash between them, such as demo/ann".to_owned();
    let (tenant, user) = text.split_once('/').ok_or_else(expected)?;
    events::Tenant::new(tenant).map_err(|error| format!("tenant {tenant:?}: {error}"))?;
    events::Id::new(user).map_err(|error| format!("user {user:?}: {error}"))?;
    Ok((tenant.to_owned(), user.to_owned()))
}

/// The result, for programs.
#[derive(Serialize)]
struct Report<'a> {
    /// Up to which sequence the log was recounted.
    sequence: u64,
    /// The sequence of the snapshot from which the recount started; 0: from the beginning.
    start: u64,
    events: u64,
    users: u64,
    memberships: u64,
    differing: Summary,
    differences: &'a [Difference],
}

/// Compares, and prints what differs.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let options = convert::store_options(settings)?;
    let found = Service::find(settings, arguments.operator.as_deref())?;
    if let [one, other] = &arguments.digest[..] {
        return digests::compare(found, &options, one, other, arguments.json);
    }
    if let Found::Running(service) = &found {
        refuse_if_fenced(service)?;
    }
    let teller = Teller::new(found, &options)?;
    let captured = capture(&teller, arguments)?;
    let log = open_log(&settings.nats, "tallymark verify").await?;
    let mut rooms: Vec<(String, String)> = Vec::new();
    let is_everybody = arguments.users.is_empty() && arguments.sample.is_none();
    loop {
        let scope = if is_everybody {
            Scope::Everything
        } else {
            let more = rooms.iter().map(|(tenant, room)| (tenant.as_str(), room.as_str()));
            Scope::some(captured.users(), captured.rooms().chain(more))
        };
        let (start, outcome) = recount(settings, &options, &log, &captured, scope).await?;
        // Who is a member by the log only is found by a recount that hears of the room from the beginning.
        if outcome.missed_rooms.iter().any(|room| !rooms.contains(room)) {
            rooms.extend(outcome.missed_rooms);
            continue;
        }
        return report(&teller, start, captured.last_sequence(), &outcome, arguments.json);
    }
}

/// What was counted of another stream is not wrong, and no recount of this one would say so.
fn refuse_if_fenced(service: &Service) -> anyhow::Result<()> {
    let readiness: serde_json::Value = service.get_even_if_unready("/readyz")?;
    if readiness["reason"] == "fenced" {
        let detail = readiness["detail"].as_str().unwrap_or_default();
        bail!("the service is fenced, so there is no log to compare its counts with: {detail}");
    }
    Ok(())
}

fn capture(teller: &Teller, arguments: &Arguments) -> anyhow::Result<Captured> {
    if arguments.users.is_empty() {
        let mut captured = teller.everybody()?;
        if let Some(sample) = arguments.sample {
            let most = usize::try_from(sample).unwrap_or(usize::MAX);
            let mut random = fastrand::Rng::new();
            captured.sample(most, |below| random.usize(..below));
        }
        return Ok(captured);
    }
    let mut captured = Captured::new();
    for (tenant, user) in &arguments.users {
        let (sequence, account) = teller.account(tenant, user)?;
        captured.add(sequence, &[account]);
    }
    Ok(captured)
}

/// One pass over the log. Also says at which sequence it started.
async fn recount(
    settings: &Settings,
    options: &store::Options,
    log: &consumer::Log,
    captured: &Captured,
    scope: Scope,
) -> anyhow::Result<(u64, Outcome)> {
    let first = log.bounds().await?.first;
    let start = start(options, first, captured.first_sequence(), &scope)?;
    let sequence = start.sequence;
    let prefix = settings.nats.subject_prefix.clone();
    let mut recount = Recount::new(start, prefix, scope, captured.clone(), Bounds::NONE);
    let (from, to) = (recount.first(), recount.last());
    pass(log, &settings.nats.stream, from, to, |message| {
        recount.hear(message.sequence, message.stored_ms, &message.subject, &message.body);
    })
    .await?;
    Ok((sequence, recount.finish()))
}

/// Where a recount of a stream that begins at `first` begins.
pub(crate) fn start(options: &store::Options, first: u64, last: u64, scope: &Scope) -> anyhow::Result<Start> {
    let snapshots = store::snapshots_in(&options.data_dir);
    let snapshots = snapshots.with_context(|| format!("no snapshots in {}", options.data_dir.display()));
    let snapshots = if first > 1 { snapshots? } else { Vec::new() };
    let start = Start::choose(first, last, snapshots, options.policies, scope, u64::MAX)?;
    if start.sequence > 0 {
        note(&format!(
            "the stream begins at sequence {first}: starting from the snapshot of sequence {}",
            start.sequence
        ));
    }
    Ok(start)
}

fn report(teller: &Teller, start: u64, sequence: u64, outcome: &Outcome, json: bool) -> anyhow::Result<()> {
    let Outcome { users, memberships, heard: events, differences, .. } = outcome;
    let differing = Summary::of(differences);
    if json {
        let (events, users, memberships) = (*events, *users, *memberships);
        print_json(&Report { sequence, start, events, users, memberships, differing, differences })?;
    } else if !differences.is_empty() {
        print(&differences_table(differences, SHOWN))?;
    }
    note(&format!(
        "recounted {events} events up to sequence {sequence}, and compared {memberships} memberships of {users} users \
         with {}",
        teller.what()
    ));
    if differences.is_empty() {
        note("all of them are as the log says");
        return Ok(());
    }
    bail!(
        "{} memberships of {} users are not as the log says; a badge is off by up to {}. `tallymark explain --history` \
         shows why, `tallymark rebuild --activate` puts it right",
        differing.memberships,
        differing.users,
        differing.largest
    )
}
