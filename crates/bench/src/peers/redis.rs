//! Counters in Redis, fan-out on write: a post adds one for each member of its room, a badge sums a hash.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use redis::{Client, cmd, pipe};
use xtask::Process;

use super::{Database, Membership, Peer, Room, free_port, installed, until_it_listens};
use crate::scratch;

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
        Ok(Some(Database { _process: process, address, _directory: directory }))
    }

    async fn connect(server: SocketAddr) -> Result<Self> {
        let client = Client::open(format!("redis://{server}"))?;
        Ok(Self(client.get_multiplexed_async_connection().await?))
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
        Ok(pipeline.exec_async(&mut connection).await?)
    }

    async fn badge(&self, user: &str) -> Result<u64> {
        let counts: Vec<u64> = cmd("HVALS").arg(key(user)).query_async(&mut self.0.clone()).await?;
        Ok(counts.iter().sum())
    }

    async fn post(&self, room: &Room) -> Result<()> {
        let mut pipeline = pipe();
        for member in &room.members {
            pipeline.hincr(key(member), room.number, 1).ignore();
        }
        Ok(pipeline.exec_async(&mut self.0.clone()).await?)
    }
}
