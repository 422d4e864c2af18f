//! Heads and cursors in PostgreSQL: a post adds one to its room's head, a badge sums head less cursor over a
//! join.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::SinkExt as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Statement};
use xtask::Process;

use super::{Database, LOOK, Membership, PATIENCE, Peer, Room, free_port, installed, until_it_listens};

const USER: &str = "postgres";
const COPIED_AT_ONCE: usize = 1 << 16;

/// Debian keeps the servers of each version apart, and out of the path.
fn executable(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    places.sort();
    places.reverse();
    installed(name, &places)
}

/// Who runs the server: PostgreSQL does not run as root.
enum Owner {
    Us,
    Other { uid: u32, gid: u32 },
}

impl Owner {
    fn of_a_server() -> Result<Self> {
        if !rustix::process::getuid().is_root() {
            return Ok(Self::Us);
        }
        // Debian's package makes this user.
        let users = fs::read_to_string("/etc/passwd")?;
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let [_, _, uid, gid, ..] = *fields
            .into_iter()
            .find(|fields| fields.first() == Some(&USER))
            .context("there is no user postgres, and PostgreSQL does not run as root")?
        else {
            anyhow::bail!("/etc/passwd is not as expected");
        };
        Ok(Self::Other { uid: uid.parse()?, gid: gid.parse()? })
    }

    fn give(&self, path: &Path) -> Result<()> {
        if let Self::Other { uid, gid } = self {
            chown(path, Some(*uid), Some(*gid))?;
        }
        Ok(())
    }

    fn command(&self, executable: &Path, directory: &Path) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(executable);
        command.current_dir(directory);
        if let Self::Other { uid, gid } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }
}

/// One connection for many requests at once.
#[derive(Clone)]
pub(crate) struct Postgres {
    client: Arc<Client>,
    badge: Statement,
    post: Statement,
}

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS rooms (room bigint PRIMARY KEY, head bigint NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE IF NOT EXISTS memberships
        (member text, room bigint, cursor bigint NOT NULL, PRIMARY KEY (member, room) INCLUDE (cursor));";
const BADGE: &str = "SELECT coalesce(sum(head - cursor), 0)::bigint
    FROM memberships JOIN rooms USING (room) WHERE member = $1";
const SPACE: &str = "SELECT sum(pg_table_size(name))::bigint, sum(pg_indexes_size(name))::bigint
    FROM unnest(ARRAY['rooms', 'memberships']::regclass[]) AS name";
const POST: &str = "UPDATE rooms SET head = head + 1 WHERE room = $1";

impl Postgres {
    async fn copy(&self, into: &str, lines: &mut (dyn Iterator<Item = String> + Send)) -> Result<()> {
        let copied = self.client.copy_in::<_, Bytes>(&format!("COPY {into} FROM STDIN")).await?;
        let mut copied = pin!(copied);
        let mut text = String::new();
        for line in lines {
            text += &line;
            if text.len() > COPIED_AT_ONCE {
                copied.send(Bytes::from(std::mem::take(&mut text))).await?;
            }
        }
        copied.send(Bytes::from(text)).await?;
        copied.close().await?;
        Ok(())
    }
}

impl Peer for Postgres {
    fn database() -> Result<Option<Database>> {
        let Some((postgres, initdb)) = executable("postgres").zip(executable("initdb")) else {
            return Ok(None);
        };
        // The server runs as another user where this is root, who may not reach the build directory.
        let directory = tempfile::Builder::new().prefix("tallymark-bench-").tempdir()?;
        let data = directory.path().join("data");
        fs::create_dir(&data)?;
        let owner = Owner::of_a_server()?;
        owner.give(directory.path())?;
        owner.give(&data)?;
        let mut init = owner.command(&initdb, directory.path());
        let made =
            init.args(["--auth=trust", "--username", USER, "--no-sync", "--pgdata"]).arg(&data).output()?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let address = free_port()?;
        let mut command = owner.command(&postgres, directory.path());
        command
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-k", ""])
            // As fast as it gets: nothing waits for the disk, and all is in memory.
            .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "shared_buffers=1GB"])
            .args(["-c", "max_wal_size=4GB", "-c", "random_page_cost=1.0"])
            .stdin(Stdio::null());
        let log = directory.path().join("postgres.log");
        let mut process = Process::start("postgres", &mut command, &log)?;
        until_it_listens(&mut process, address)?;
        Ok(Some(Database { process, address, _directory: directory }))
    }

    async fn connect(server: SocketAddr) -> Result<Self> {
        let (host, port) = (server.ip(), server.port());
        let server = format!("host={host} port={port} user={USER}");
        let start = Instant::now();
        // It listens before it is ready.
        let (client, connection) = loop {
            match tokio_postgres::connect(&server, NoTls).await {
                Err(error)
                    if error.code() == Some(&SqlState::CANNOT_CONNECT_NOW) && start.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(LOOK).await;
                }
                connected => break connected?,
            }
        };
        // It ends with its client.
        tokio::spawn(connection);
        client.batch_execute(TABLES).await?;
        let (badge, post) = (client.prepare(BADGE).await?, client.prepare(POST).await?);
        Ok(Self { client: Arc::new(client), badge, post })
    }

    async fn load(&self, memberships: &mut (dyn Iterator<Item = Membership> + Send)) -> Result<()> {
        let mut rooms = std::collections::HashMap::new();
        let mut lines = memberships.map(|Membership { user, room, unread }| {
            let line = format!("{user}\t{room}\t0\n");
            rooms.insert(room, unread);
            line
        });
        self.copy("memberships (member, room, cursor)", &mut lines).await?;
        drop(lines);
        let mut lines = rooms.into_iter().map(|(room, head)| format!("{room}\t{head}\n"));
        self.copy("rooms (room, head)", &mut lines).await?;
        Ok(self.client.batch_execute("VACUUM ANALYZE").await?)
    }

    async fn badge(&self, user: &str) -> Result<u64> {
        let badge: i64 = self.client.query_one(&self.badge, &[&user]).await?.get(0);
        Ok(badge.try_into()?)
    }

    async fn bytes(&self, _database: &Database) -> Result<Vec<(&'static str, u64)>> {
        let row = self.client.query_one(SPACE, &[]).await?;
        let (tables, indexes) = (row.get::<_, i64>(0).try_into()?, row.get::<_, i64>(1).try_into()?);
        Ok(vec![("PostgreSQL, tables on disk", tables), ("PostgreSQL, indexes on disk", indexes)])
    }

    async fn post(&self, room: &Room) -> Result<()> {
        let updated = self.client.execute(&self.post, &[&i64::try_from(room.number)?]).await?;
        ensure!(updated == 1, "{updated} rooms were posted to");
        Ok(())
    }
}
