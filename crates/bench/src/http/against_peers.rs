//! Badges and posts, against services in front of Redis and PostgreSQL.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::load::{self, Answered, Request};
use super::posts_against_peers;
use super::service::{Service, requests, token, under_load};
use super::world::{self, GROUPS, Group, HISTORY_POSTS, ROOMS};
use crate::Scale;
use crate::peers::{self, Membership, Peer, Postgres, Redis};
use crate::plot::{self, Bars, Curve, Form, Plot};
use crate::program::Program;
use crate::side_by_side::{Bar, Comparison, Table, grouped};

/// Users of these groups are in the peers' databases.
const COMPARED: [Group; 2] = [GROUPS[1], GROUPS[2]];
/// A peer whose service is slower than this part of what it could be says nothing.
const LEAST_OF_BARE: f64 = 0.7;
const ASKERS: usize = 64;
pub(super) const BARE_SAMPLE: Duration = Duration::from_secs(2);

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let mut service = Service::start()?;
    let constant = Program::start(&["constant"])?;
    service.add_sized_rooms();
    let mut table = Table::new("Against Redis and PostgreSQL");
    let mut posts = Vec::new();
    against::<Redis>("Redis", "redis-server", &mut service, constant.address, scale, &mut table, &mut posts)?;
    against::<Postgres>(
        "PostgreSQL",
        "postgresql",
        &mut service,
        constant.address,
        scale,
        &mut table,
        &mut posts,
    )?;
    table.notes.extend(space(scale)?);
    if !posts.is_empty() {
        table.plots.push(Plot {
            name: "against-peers",
            title: "Against Redis and PostgreSQL".to_owned(),
            form: Form::Bars(Bars {
                across: "times the peer's rate".to_owned(),
                scale: plot::Scale::Logarithmic,
                bars: table.ratios(),
            }),
        });
        table.plots.push(posts_against_peers::plot(posts));
    }
    Ok(table)
}

fn memberships() -> impl Iterator<Item = Membership> {
    let mut posts = vec![0; ROOMS];
    (0..HISTORY_POSTS).for_each(|post| posts[world::room_of(post)] += 1);
    let posts: Arc<[u64]> = posts.into();
    let sized = world::SIZES.into_iter().enumerate().flat_map(|(place, size)| {
        let room = world::sized_room(place);
        world::members(size).map(move |user| Membership { user, room, unread: 0 })
    });
    let compared = COMPARED.into_iter().flat_map(move |group| {
        let posts = posts.clone();
        (0..group.users).flat_map(move |user| {
            let posts = posts.clone();
            group.rooms_of(user).map(move |room| Membership {
                user: group.user(user),
                room,
                unread: posts[room],
            })
        })
    });
    compared.chain(sized)
}

fn against<P: Peer>(
    name: &'static str,
    package: &str,
    service: &mut Service,
    constant: SocketAddr,
    scale: Scale,
    table: &mut Table,
    posts: &mut Vec<Curve>,
) -> Result<()> {
    let Some(installed) = P::database()? else {
        table.notes.push(format!("{name} (Debian's package {package}) is not installed: skipped."));
        return Ok(());
    };
    let database = installed.address;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { P::connect(database).await?.load(&mut memberships()).await })?;
    let peer = Program::start(&[&name.to_lowercase(), &database.to_string()])?;
    for group in COMPARED {
        let ours = requests(group, &[], token);
        let theirs = requests(group, &[], str::to_owned);
        same_badges(service.address(), &ours, peer.address, &theirs)?;
        let what = format!("a badge over {} rooms, against {name}", grouped(group.rooms));
        table.comparisons.push(Comparison::run(
            &what,
            Bar::Rate,
            scale.rounds,
            || under_load(peer.address, &theirs).map(Answered::sample),
            || under_load(service.address(), &ours).map(Answered::sample),
        )?);
        let bare = peers::bare::<P, _>(database, ASKERS, BARE_SAMPLE, move |connection, turn| async move {
            connection.badge(&group.user(turn % group.users)).await.map(drop)
        })?;
        let (served, least) =
            (under_load(peer.address, &theirs)?.sample(), under_load(constant, &theirs)?.sample());
        let part = served.rate() / bare.rate().min(least.rate());
        let verdict = if part < LEAST_OF_BARE { "the row is void" } else { "the row stands" };
        table.notes.push(format!(
            "{name}, {} rooms: {:.0} a second without HTTP, {:.0} with it, {:.0} constant answers; {part:.2} of the lesser, {verdict}.",
            grouped(group.rooms), bare.rate(), served.rate(), least.rate(),
        ));
    }
    let rows = posts_against_peers::compare::<P>(name, database, service, scale)?;
    posts.push(Curve { name: name.to_owned(), points: rows.iter().map(Comparison::ratios).collect() });
    table.comparisons.extend(rows);
    Ok(())
}

/// What the peers' databases take, as a table.
fn space(scale: Scale) -> Result<Option<String>> {
    let found = [peers::space::<Redis>(scale)?, peers::space::<Postgres>(scale)?];
    let rows: Vec<_> = found.into_iter().flatten().flatten().collect();
    let row = |(what, bytes): &(&str, f64)| format!("\n| {what} | {bytes:.1} |");
    let table =
        || "| bytes a membership, users of 50 rooms, which are numbers there | |\n|---|---:|".to_owned();
    Ok((!rows.is_empty()).then(|| rows.iter().map(row).fold(table(), |table, row| table + &row)))
}

/// Both sides say the same before they are compared.
fn same_badges(
    service: SocketAddr,
    ours: &Arc<[Request]>,
    peer: SocketAddr,
    theirs: &Arc<[Request]>,
) -> Result<()> {
    for (ours, theirs) in ours.iter().zip(theirs.iter()).step_by(97) {
        let (our_body, their_body) = (load::body(service, ours)?, load::body(peer, theirs)?);
        ensure!(our_body == their_body, "the service says {our_body}, the peer {their_body}");
    }
    Ok(())
}
