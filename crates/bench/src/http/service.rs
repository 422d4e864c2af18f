//! The service as it is deployed, with everybody in it who asks.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use anyhow::Result;
use bench::counted::TENANT;
use bench::scratch;
use tests::{Nats, Settings};
use xtask::Signal;

use super::load::{self, Answered, Request};
use super::world::{self, Group, HISTORY_POSTS};
use crate::stream::Publisher;

const LOOK: Duration = Duration::from_millis(2);
const CONNECTIONS: usize = 64;
const SAMPLE: Duration = Duration::from_secs(2);
/// Posts are sent so often, as many as are due.
const POSTING_INTERVAL: Duration = Duration::from_millis(10);

/// A service of its own, with its nats-server.
pub(crate) struct Service {
    service: tests::Service,
    nats: Nats,
    /// To rooms of some size.
    posts: usize,
}

impl Service {
    /// Ready, and everything counted.
    pub(crate) fn start() -> Result<Self> {
        let nats = Nats::start();
        nats.publish_all(world::events().map(|body| world::message(&body)));
        nats.publish_all((0..HISTORY_POSTS).map(|number| world::message(&world::post(number))));
        let mut settings = Settings::new(&nats, &[TENANT]);
        settings.set("http.operator_token", "\"an operator\"");
        let mut service = tests::Service::at(settings, scratch::directory()?);
        service.executable = Some(xtask::target().join("release/tallymark"));
        service.restart();
        service.ready();
        Ok(Self { service, nats, posts: 0 })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.service.public().server()
    }

    pub(crate) fn service(&self) -> &tests::Service {
        &self.service
    }

    /// Waits until everything published is counted.
    pub(crate) fn wait_for_all(&mut self) {
        self.service.applied(self.nats.last_sequence(Nats::STREAM));
    }

    pub(crate) fn nats(&self) -> &Nats {
        &self.nats
    }

    /// Has a snapshot written; returns from when until when that took.
    pub(crate) fn snapshot(&mut self) -> Result<Range<Instant>> {
        let before = self.snapshots()?;
        let start = Instant::now();
        self.service.signal(Signal::USR1);
        // A directory: to ask the service would be work for it.
        while self.snapshots()?.is_subset(&before) {
            thread::sleep(LOOK);
        }
        Ok(start..Instant::now())
    }

    /// Those that are whole.
    fn snapshots(&self) -> Result<BTreeSet<OsString>> {
        let files = fs::read_dir(self.service.data_dir().join("snapshots"))?;
        let names: io::Result<BTreeSet<OsString>> = files.map(|file| Ok(file?.file_name())).collect();
        Ok(names?
            .into_iter()
            .filter(|name| Path::new(name).extension() == Some("snapshot".as_ref()))
            .collect())
    }

    /// Does something while so many messages a second are posted.
    pub(crate) fn while_posting<T>(&self, a_second: usize, act: impl FnOnce() -> T) -> T {
        let done = AtomicBool::new(false);
        let nats = &self.nats;
        thread::scope(|scope| {
            scope.spawn(|| post(nats, a_second, &done));
            let value = act();
            done.store(true, Ordering::Relaxed);
            value
        })
    }

    /// Makes the rooms of some size.
    pub(crate) fn add_sized_rooms(&mut self) {
        self.nats.publish_all(world::sized_room_events().map(|body| world::message(&body)));
        self.wait_for_all();
    }

    /// Posts so many messages to one of them, and waits until they are counted.
    pub(crate) fn post_to_sized_room(&mut self, place: usize, count: usize) -> Result<()> {
        let posts = self.posts..self.posts + count;
        self.posts = posts.end;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let last = runtime.block_on(async {
            let mut publisher = Publisher::connect(&self.nats.url()).await?;
            for number in posts {
                publisher.publish(&world::post_to(world::sized_room(place), number)).await?;
            }
            publisher.stored().await?;
            anyhow::Ok(publisher.last)
        })?;
        self.service.applied(last);
        Ok(())
    }
}

fn post(nats: &Nats, a_second: usize, done: &AtomicBool) {
    let start = Instant::now();
    let mut sent = 0;
    while !done.load(Ordering::Relaxed) {
        thread::sleep(POSTING_INTERVAL);
        let due = usize::try_from(start.elapsed().as_millis()).unwrap_or(usize::MAX) * a_second / 1_000;
        let posts = (sent..due).map(|number| world::message(&world::post(HISTORY_POSTS + number)));
        nats.publish_all(posts);
        sent = due;
    }
}

/// What a group's users ask for, all of them in turn.
pub(crate) fn requests(group: Group, tags: &[&str], token: impl Fn(&str) -> String) -> Arc<[Request]> {
    let tags: Vec<_> = tags.iter().map(|tag| format!("roomTags={tag}")).collect();
    let query = if tags.is_empty() { String::new() } else { format!("?{}", tags.join("&")) };
    let request = |user: usize| {
        let token = token(&group.user(user));
        let request = format!(
            "GET /me/badge{query} HTTP/1.1\r\nHost: badges.example\r\nIM-CLIENT-KEY: {TENANT}-client-key\r\n\
             IM-Authorization: Bearer {token}\r\n\r\n"
        );
        request.into_bytes().into_boxed_slice()
    };
    (0..group.users).map(request).collect()
}

/// The token by which the service knows a user.
pub(crate) fn token(user: &str) -> String {
    tests::token(TENANT, user)
}

/// The one load under which all servers are measured.
pub(crate) fn under_load(server: SocketAddr, requests: &Arc<[Request]>) -> Result<Answered> {
    load::run(server, requests, CONNECTIONS, SAMPLE)
}
