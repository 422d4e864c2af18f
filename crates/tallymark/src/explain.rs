//! `tallymark explain`: why a badge is what it is.

use std::path::PathBuf;

use clap::Args;
use counters::{Account, RoomAccount};
use recount::{Entry, History, Scope, table};
use serde::Serialize;

use crate::output::{note, print, print_json};
use crate::pass::{open_log, pass};
use crate::rfc3339;
use crate::serve::convert;
use crate::service::Service;
use crate::settings::{MutedRooms, Settings};
use crate::verify;
use crate::whose::Teller;

pub(crate) const HELP: &str = "\
For each room of which the user is a member:

  UNREAD = HEAD - CURSOR - RECALLED - OWN

HEAD is how many countable messages the room has, CURSOR up to which of them the user has read, RECALLED and
OWN how many above that are recalled, or the user's own. KEPT are reads that wait for a message that was not
posted yet. The last line is the badge; policy.muted_rooms decides whether muted rooms are in it.

--history reads the log, and lists the events that made it so. It also says where the counts are not what
these events make: that must never be.

Examples:
  tallymark explain --config tallymark.toml --tenant demo --user ann
  tallymark explain --config tallymark.toml --tenant demo --user ann --room r1 --history
  tallymark explain --config tallymark.toml --tenant demo --user ann --json | jq .badge";

/// What `explain` is told on the command line.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The settings file; variables and defaults apply as for serve
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The tenant
    #[arg(long, value_name = "TENANT")]
    tenant: String,
    /// The user
    #[arg(long, value_name = "USER")]
    user: String,
    /// Only this room
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,
    /// List the events that made it so, from the log
    #[arg(long)]
    history: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// The operator listener of the service, if it is not the one that has data_dir
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
}

/// The result, for programs.
#[derive(Serialize)]
struct Report<'a> {
    tenant: &'a str,
    user: &'a str,
    /// Every event up to this one is in it.
    sequence: u64,
    /// Of the rooms shown.
    badge: u64,
    muted_rooms: &'static str,
    rooms: Vec<query::RoomAccount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Told>,
}

/// What the log says.
#[derive(Serialize)]
struct Told {
    events: Vec<Entry>,
    contradictions: Vec<String>,
}

/// Prints the user's account.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let options = convert::store_options(settings)?;
    let Arguments { tenant, user, .. } = arguments;
    verify::tenant_and_user(&format!("{tenant}/{user}")).map_err(anyhow::Error::msg)?;
    let teller = Teller::new(Service::find(settings, arguments.operator.as_deref())?, &options)?;
    let (sequence, mut account) = teller.account(tenant, user)?;
    if let Some(room) = &arguments.room {
        account.rooms.retain(|other| other.room == *room);
    }
    let history = match arguments.history {
        true => Some(history(settings, &options, arguments, &account, sequence).await?),
        false => None,
    };
    let badge = badge(&account, settings.policy.muted_rooms);
    let muted_rooms = match settings.policy.muted_rooms {
        MutedRooms::Count => "count",
        MutedRooms::Skip => "skip",
    };
    if account.rooms.is_empty() {
        let where_ =
            arguments.room.as_ref().map_or_else(|| "any room".to_owned(), |room| format!("room {room:?}"));
        note(&format!("{user} of {tenant} is no member of {where_} at sequence {sequence}"));
    }
    if arguments.json {
        let rooms = account.rooms.into_iter().map(query::RoomAccount::from).collect();
        return print_json(&Report { tenant, user, sequence, badge, muted_rooms, rooms, history });
    }
    let Told { events, contradictions } =
        history.unwrap_or(Told { events: Vec::new(), contradictions: Vec::new() });
    let mut text = if events.is_empty() { String::new() } else { events_table(&events) + "\n" };
    text += &rooms_table(&account.rooms);
    text += &match arguments.room {
        None => format!("badge {badge}\n"),
        Some(_) => format!("{badge} in the badge\n"),
    };
    print(&text)?;
    note(&format!("as {} says, at sequence {sequence}; policy.muted_rooms = {muted_rooms:?}", teller.what()));
    for contradiction in contradictions {
        note(&contradiction);
    }
    Ok(())
}

fn badge(account: &Account, muted_rooms: MutedRooms) -> u64 {
    let is_in = |room: &&RoomAccount| muted_rooms == MutedRooms::Count || !room.muted;
    account.rooms.iter().filter(is_in).map(|room| room.unread).sum()
}

fn rooms_table(rooms: &[RoomAccount]) -> String {
    let names = ["ROOM", "UNREAD", "HEAD", "CURSOR", "RECALLED", "OWN", "MENTIONS", "KEPT", "MUTED", "TAGS"];
    let mut rows = vec![names.map(str::to_owned)];
    for room in rooms {
        rows.push([
            room.room.clone(),
            room.unread.to_string(),
            room.head.to_string(),
            room.cursor.to_string(),
            room.recalled.to_string(),
            room.own.to_string(),
            room.mentions.to_string(),
            room.kept_reads.to_string(),
            if room.muted { "yes" } else { "no" }.to_owned(),
            room.tags.join(","),
        ]);
    }
    table(&rows)
}

fn events_table(events: &[Entry]) -> String {
    let mut rows = vec![["SEQUENCE", "TIME", "EVENT", "ROOM", "MESSAGE", "EFFECT"].map(str::to_owned)];
    for Entry { sequence, stored_ms, kind, room, message, effect, .. } in events {
        let message = message.clone().unwrap_or_default();
        rows.push([
            sequence.to_string(),
            rfc3339::format(*stored_ms),
            (*kind).to_owned(),
            room.clone(),
            message,
            effect.clone(),
        ]);
    }
    table(&rows)
}

/// The events that made this account, and where it is not what they make.
async fn history(
    settings: &Settings,
    options: &store::Options,
    arguments: &Arguments,
    account: &Account,
    sequence: u64,
) -> anyhow::Result<Told> {
    let (tenant, user) = (arguments.tenant.as_str(), arguments.user.as_str());
    let asked = arguments.room.iter().map(String::as_str);
    let rooms = account.rooms.iter().map(|room| room.room.as_str()).chain(asked);
    let scope = Scope::some([(tenant, user)].into_iter(), rooms.map(|room| (tenant, room)));
    let log = open_log(&settings.nats, "tallymark explain").await?;
    let start = verify::start(options, log.bounds().await?.first, sequence, &scope)?;
    let from = start.sequence + 1;
    let mut history = History::new(start, settings.nats.subject_prefix.clone(), scope, tenant, user);
    let mut events = Vec::new();
    pass(&log, &settings.nats.stream, from, sequence, |message| {
        events.extend(history.hear(message.sequence, message.stored_ms, &message.subject, &message.body));
    })
    .await?;
    Ok(Told { events, contradictions: history.contradictions(account) })
}
