//! A real service under load, with the judge beside it.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use oracle::Policies;
use tests::{Nats, Service, Settings, home};

use crate::examination::{Users, examine};
use crate::heard::Heard;
use crate::load::{Load, Scale, TENANTS};
use crate::publisher::{Progress, Publisher};

/// Small, so that windows fill and ids are forgotten.
const MESSAGE_WINDOW: u32 = 200;

/// Everything that belongs to one service.
#[derive(Debug)]
pub(crate) struct Chat {
    /// The service.
    pub(crate) service: Service,
    /// Its nats-server.
    pub(crate) nats: Nats,
    /// The judge.
    pub(crate) heard: Heard,
    /// Where chance comes from, but for the load, which has its own.
    pub(crate) random: Rng,
    publisher: Option<Publisher>,
    load: Load,
    users: u32,
}

impl Chat {
    /// A chat that has not begun, and a service that is not started yet.
    pub(crate) fn new(executable: PathBuf, seed: u64, scale: Scale) -> Self {
        let nats = Nats::start();
        let mut settings = Settings::new(&nats, &TENANTS);
        settings.set("policy.message_window", &MESSAGE_WINDOW.to_string());
        // Snapshots are asked for, so that it is known when one is written.
        settings.set("store.snapshot_interval_s", "0");
        settings.set("store.reserve_bytes", "0");
        let mut service = Service::at(settings, home());
        service.executable = Some(executable);
        Self {
            service,
            nats,
            heard: Heard::new(Policies { message_window: MESSAGE_WINDOW, ..Policies::default() }),
            random: Rng::with_seed(seed ^ 0x5eed),
            publisher: None,
            load: Load::new(seed, scale),
            users: scale.users,
        }
    }

    /// Other settings for the next start, within what an operator might choose: how often is committed,
    /// and how much of the ids is in memory.
    pub(crate) fn draw_settings(&mut self) {
        let commit_interval = [1, 5, 25, 250][self.random.usize(..4)];
        let pending = [64 << 10, 1 << 20, 64 << 20][self.random.usize(..3)];
        let ids = [1 << 20, 8 << 20, 256 << 20][self.random.usize(..3)];
        self.service.settings.set("store.commit_interval_ms", &commit_interval.to_string());
        self.service.settings.set("store.pending_bytes", &pending.to_string());
        self.service.settings.set("store.id_cache_bytes", &ids.to_string());
    }

    /// How many of so many messages may be stored before a mishap. The rest is published when it is over, so
    /// that events arrive while the service starts again.
    pub(crate) fn before_the_mishap(length: usize) -> usize {
        length * 3 / 4
    }

    /// Publishes so many messages; meanwhile, once so many of them are stored, something happens to the service.
    /// The service need not run.
    pub(crate) fn under_load<T>(
        &mut self,
        length: usize,
        begin: usize,
        mishap: impl FnOnce(&mut Service, &mut Rng) -> T,
    ) -> T {
        let messages = self.load.piece(length);
        let progress = Progress::default();
        let url = self.nats.url();
        let publisher = self.publisher.get_or_insert_with(|| Publisher::connect(&url));
        let (service, random) = (&mut self.service, &mut self.random);
        let first = Self::before_the_mishap(length);
        let done = thread::scope(|scope| {
            let publishing = scope.spawn(|| publisher.publish(&messages, first, &progress));
            let _rest = Rest(&progress);
            wait_for(&progress, begin, || publishing.is_finished());
            mishap(service, random)
        });
        self.heard.made(messages);
        done
    }

    /// Publishes so many messages, and kills the nats-server once so many of them are stored. It starts again
    /// after a while, in which something happens to the service.
    pub(crate) fn nats_killed<T>(
        &mut self,
        length: usize,
        begin: usize,
        meanwhile: impl FnOnce(&mut Service, &mut Rng) -> T,
    ) -> T {
        let messages = self.load.piece(length);
        let progress = Progress::default();
        let url = self.nats.url();
        // What this publisher has not sent must not be sent to the next server.
        let mut publisher = self.publisher.take().unwrap_or_else(|| Publisher::connect(&url));
        let nats = &mut self.nats;
        thread::scope(|scope| {
            let publishing = scope.spawn(|| publisher.publish(&messages, length, &progress));
            wait_for(&progress, begin, || publishing.is_finished());
            nats.kill();
            progress.stop();
        });
        drop(publisher);
        let done = meanwhile(&mut self.service, &mut self.random);
        self.nats.restart();
        self.heard.made(messages);
        done
    }

    /// How many sorts of malformed messages the load has.
    pub(crate) fn malformed_sorts(&self) -> u64 {
        self.load.malformed_sorts() as u64
    }

    /// Lets the load pause, and examines the service, which has to run or to start just now.
    pub(crate) fn examine(&mut self, users: Users) -> Result<(), String> {
        self.heard.hear(&self.nats);
        examine(&mut self.service, &self.nats, &mut self.heard, (users, self.users), &mut self.random)
    }
}

/// What was held back of a load, published when this goes, even in a panic.
struct Rest<'a>(&'a Progress);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.0.go_on();
    }
}

fn wait_for(progress: &Progress, answered: usize, is_over: impl Fn() -> bool) {
    while progress.answered() < answered && !is_over() {
        thread::sleep(Duration::from_micros(500));
    }
}
