//! What one would use instead: services of the same kind in front of Redis and of PostgreSQL.
//!
//! They are spared what the service does beside the counting: a token is the user's name, and no stream is
//! read.

mod postgres;
mod redis;
mod serve;
mod space;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use xtask::Process;

pub(crate) use postgres::Postgres;
pub(crate) use redis::Redis;
pub(crate) use serve::{bare, serve};
pub(crate) use space::space;

/// One counter.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) user: String,
    pub(crate) room: usize,
    pub(crate) unread: u64,
}

/// Where to post.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) number: usize,
    pub(crate) members: Vec<String>,
}

/// A peer's database of one's own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    process: Process,
    pub(crate) address: SocketAddr,
    _directory: TempDir,
}

/// A connection to a peer's database, over which many can ask at once. Clones are the same connection.
pub(crate) trait Peer: Clone + Send + Sync + Sized + 'static {
    /// Starts one; `None` if it is not installed.
    fn database() -> Result<Option<Database>>;

    fn connect(server: SocketAddr) -> impl Future<Output = Result<Self>> + Send;

    fn load(
        &self,
        memberships: &mut (dyn Iterator<Item = Membership> + Send),
    ) -> impl Future<Output = Result<()>> + Send;

    fn badge(&self, user: &str) -> impl Future<Output = Result<u64>> + Send;

    fn post(&self, room: &Room) -> impl Future<Output = Result<()>> + Send;

    /// What everything in it takes, in several ways of looking at it, in bytes.
    fn bytes(&self, database: &Database) -> impl Future<Output = Result<Vec<(&'static str, u64)>>> + Send;
}

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at until then.
const LOOK: Duration = Duration::from_millis(10);

/// A port that nobody has at the moment.
fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn until_it_listens(process: &mut Process, address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        ensure!(process.ended()?.is_none(), "{}", process.report("ended"));
        ensure!(Instant::now() < deadline, "{}", process.report("does not listen"));
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Where a program is, in these places or in the path.
fn installed(name: &str, places: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = places.iter().cloned().chain(env::split_paths(&path));
    places.map(|place| place.join(name)).find(|path| path.is_file())
}
