//! Badges and posts, against services in front of Redis and PostgreSQL.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::load::{self, Answered, Request};
use super::service::{Service, requests, token, under_load};
use super::world::{self, GROUPS, Group, HISTORY_POSTS, ROOMS};
use crate::Scale;
use crate::peers::{self, Membership, Peer, Postgres, Redis, Room};
use crate::program::Program;
use crate::side_by_side::{Bar, Comparison, Sample, Table, grouped};

/// Users of these groups are in the peers' databases.
const COMPARED: [Group; 2] = [GROUPS[1], GROUPS[2]];
/// A peer whose service is slower than this part of what it could be says nothing.
const LEAST_OF_BARE: f64 = 0.7;
const ASKERS: usize = 64;
const POSTERS: usize = 16;
const BARE_SAMPLE: Duration = Duration::from_secs(2);
const POSTS_A_SAMPLE: usize = 100_000;

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let mut service = Service::start()?;
    let constant = Program::start(&["constant"])?;
    let mut table =
        Table { title: "Against Redis and PostgreSQL", comparisons: Vec::new(), notes: Vec::new() };
    against::<Redis>("Redis", "redis-server", &mut service, constant.address, scale, &mut table)?;
    against::<Postgres>("PostgreSQL", "postgresql", &mut service, constant.address, scale, &mut table)?;
    Ok(table)
}

fn memberships() -> impl Iterator<Item = Membership> {
    let mut posts = vec![0; ROOMS];
    (0..HISTORY_POSTS).for_each(|post| posts[world::room_of(post)] += 1);
    let posts: Arc<[u64]> = posts.into();
    let large =
        world::large_room_members().map(|user| Membership { user, room: world::LARGE_ROOM, unread: 0 });
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
    compared.chain(large)
}

fn against<P: Peer>(
    name: &'static str,
    package: &str,
    service: &mut Service,
    constant: SocketAddr,
    scale: Scale,
    table: &mut Table,
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
    posts::<P>(name, database, service, scale, table)
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

/// Posts to a room of many members, until they are seen.
fn posts<P: Peer>(
    name: &str,
    database: SocketAddr,
    service: &mut Service,
    scale: Scale,
    table: &mut Table,
) -> Result<()> {
    let room = Room { number: world::LARGE_ROOM, members: world::large_room_members().collect() };
    let room = Arc::new(room);
    table.comparisons.push(Comparison::run(
        &format!("a post to a room of {} members, against {name}", grouped(world::LARGE_ROOM_MEMBERS)),
        Bar::Rate,
        scale.rounds,
        || {
            let room = room.clone();
            peers::bare::<P, _>(database, POSTERS, BARE_SAMPLE, move |connection, _| {
                let room = room.clone();
                async move { connection.post(&room).await }
            })
        },
        || {
            let start = Instant::now();
            service.post_to_large_room(POSTS_A_SAMPLE)?;
            Ok(Sample { count: POSTS_A_SAMPLE, time: start.elapsed() })
        },
    )?);
    Ok(())
}
