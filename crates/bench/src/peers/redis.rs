//! Counters in Redis, fan-out on write: a post adds one for each member of its room, a badge sums a hash.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use bench::scratch;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, cmd, pipe};
use xtask::Process;

use super::{Database, Membership, Peer, Room, free_port, installed, until_it_listens};
use crate::resident::resident_bytes;

/// So many counters are sent at once when they are loaded.
const LOADED_AT_ONCE: usize = 10_000;

/// One connection for many requests at once.
#[derive(Clone)]
pub(crate) struct Redis(MultiplexedConnection);

fn key(user: &str) -> String {
    format!("unread:{user}")
}

impl Peer for Redis {
    /// It keeps nothing on disk, which makes it as fast as it gets.
    fn database() -> Result<Option<Database>> {
        let Some(executable) = installed("redis-server", &[]) else { return Ok(None) };
        let directory = scratch::directory()?;
        let address = free_port()?;
        let mut command = Command::new(executable);
        command
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(directory.path())
            .stdin(Stdio::null());
        let mut process = Process::start("redis-server", &mut command, &directory.path().join("redis.log"))?;
        until_it_listens(&mut process, address)?;
        Ok(Some(Database { process, address, _directory: directory }))
    }

    async fn connect(server: SocketAddr) -> Result<Self> {
        let client = Client::open(format!("redis://{server}"))?;
        // A post to a large room takes as long as it takes.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        Ok(Self(client.get_multiplexed_async_connection_with_config(&config).await?))
    }

    async fn load(&self, memberships: &mut (dyn Iterator<Item = Membership> + Send)) -> Result<()> {
        let mut connection = self.0.clone();
        let mut pipeline = pipe();
        for Membership { user, room, unread } in memberships {
            pipeline.hset(key(&user), room, unread).ignore();
            if pipeline.len() == LOADED_AT_ONCE {
                pipeline.exec_async(&mut connection).await?;
                pipeline.clear();
            }
        }
        // Nothing to send is an error to this client.
        if !pipeline.is_empty() {
            pipeline.exec_async(&mut connection).await?;
        }
        Ok(())
    }

    async fn badge(&self, user: &str) -> Result<u64> {
        let counts: Vec<u64> = cmd("HVALS").arg(key(user)).query_async(&mut self.0.clone()).await?;
        Ok(counts.iter().sum())
    }

    async fn bytes(&self, database: &Database) -> Result<Vec<(&'static str, u64)>> {
        let info: String = cmd("INFO").arg("memory").query_async(&mut self.0.clone()).await?;
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        let used = used.context("Redis does not tell its used_memory")?.trim().parse()?;
        Ok(vec![("Redis, used_memory", used), ("Redis, resident", resident_bytes(database.process.id())?)])
    }

    async fn post(&self, room: &Room) -> Result<()> {
        let mut pipeline = pipe();
        for member in &room.members {
            pipeline.hincr(key(member), room.number, 1).ignore();
        }
        Ok(pipeline.exec_async(&mut self.0.clone()).await?)
    }
}
