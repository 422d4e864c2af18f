//! A rebuild beside the service: what those who ask notice of it, of its activation and of taking that back.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bench::counted::TENANT;
use events::{Body, Event, Tenant};
use serde_json::Value;
use tests::{Nats, Recount};

use super::load::{self, End, Read};
use super::service::{Service, requests, token};
use super::times::{self, Times};
use super::visible::{READS_A_SECOND, publish};
use super::world::{self, GROUPS, TAGS};
use crate::Scale;
use crate::side_by_side::{Table, grouped};

/// What there is to be counted anew, beside everybody's joining.
const POSTS: usize = 1_200_000;
const EVENTS_A_SECOND: usize = 1_000;
/// At so many events a second at the most.
const RATE: &str = "40000";
/// All badges are compared with a recount so often.
const WINDOW: Duration = Duration::from_secs(10);
const QUIET_WINDOWS: usize = 3;

/// The service, those who ask, and who judges.
struct Scene {
    service: Service,
    recount: Recount,
    /// Of posts and reads, so many are published.
    published: usize,
    window: Duration,
    checked: usize,
}

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let mut service = Service::start()?;
    let mut recount = Recount::new(oracle::Policies::default());
    world::events().for_each(|body| hear(&mut recount, body));
    let published = world::HISTORY_POSTS.max(scale.of(POSTS));
    (0..world::HISTORY_POSTS).for_each(|number| hear(&mut recount, world::post(number)));
    let more = world::HISTORY_POSTS..published;
    service.nats().publish_all(more.clone().map(|number| world::message(&traffic(number))));
    more.for_each(|number| hear(&mut recount, traffic(number)));
    service.wait_for_all();
    let mut scene = Scene { service, recount, published, window: WINDOW.mul_f64(scale.scale), checked: 0 };

    let mut quiet = Vec::new();
    for _ in 0..QUIET_WINDOWS {
        quiet.append(&mut scene.busy()?);
    }
    let counting = scene.begin(&["rebuild", "--rate", RATE, "--json"]);
    let mut beside = Vec::new();
    while !counting.is_finished() {
        beside.append(&mut scene.busy()?);
    }
    let (report, time) = ended(counting)?;
    let report: Value = serde_json::from_slice(&report.stdout).context("a report is JSON")?;
    let counted = report["applied_sequence"].as_u64().context("a report says how far")?;
    ensure!(report["diff"]["users_changed"] == 0, "the rebuild found other counts: {report}");
    let generation = report["generation"].as_u64().context("a report names the generation")?.to_string();

    let activating = scene.begin(&["generations", "activate", &generation]);
    let at_activation = scene.busy()?;
    ended(activating)?;
    let rolling_back = scene.begin(&["generations", "rollback"]);
    let at_rollback = scene.busy()?;
    ended(rolling_back)?;

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "for people"
    )]
    let rate = (counted as f64 / time.as_secs_f64()) as usize;
    let quiet = times_of(quiet)?;
    let mut rows = times::head("events a second")
        + &quiet.row(&grouped(EVENTS_A_SECOND), "a badge, with events and commits", None);
    for (what, reads) in [
        ("a badge, beside a rebuild", beside),
        ("a badge, while the new counts take the place of the old", at_activation),
        ("a badge, while the old ones take it back", at_rollback),
    ] {
        rows += &times_of(reads)?.row(&grouped(EVENTS_A_SECOND), what, Some(&quiet));
    }
    let notes = vec![
        format!(
            "{} badges a second of users with {} rooms. The rebuild counted {} events, {} a second from its start to its end (promised: \
             30,000), and compared {} memberships: no user changed. Every badge asked for was given. Every {} s the load paused, and the badges of \
             all users, without a tag and with one, were those of a recount: {} badges.",
            grouped(READS_A_SECOND),
            GROUPS[1].rooms,
            grouped(usize::try_from(counted)?),
            grouped(rate),
            report["diff"]["memberships_compared"],
            scene.window.as_secs(),
            grouped(scene.checked),
        ),
        rows,
        "Promised: the 99th percentile beside a rebuild is below 3 times that without.".to_owned(),
    ];
    Ok(Table { notes, ..Table::new("Beside a rebuild") })
}

/// Of five events, four are posts; with the fifth somebody reads a whole room.
fn traffic(number: usize) -> Body<'static> {
    if number % 5 == 4 { world::read(number / 5) } else { world::post(number) }
}

fn hear(recount: &mut Recount, body: Body<'_>) {
    recount.hear(&Event { tenant: Tenant::new(TENANT).expect("it is one"), body });
}

fn times_of(reads: Vec<Read>) -> Result<Times> {
    Times::new(reads.into_iter().map(|read| read.latency).collect())
}

type Begun = thread::JoinHandle<Result<(Output, Duration)>>;

fn ended(begun: Begun) -> Result<(Output, Duration)> {
    begun.join().unwrap_or_else(|_| bail!("who waited for a command panicked"))
}

impl Scene {
    /// Reads and events for a while, then a pause in which everything is compared. A badge that is not given is an error.
    fn busy(&mut self) -> Result<Vec<Read>> {
        let requests = requests(GROUPS[1], &[], token);
        let (address, url) = (self.service.address(), self.service.nats().url());
        let first = self.published;
        let last = self.service.nats().last_sequence(Nats::STREAM);
        let (event, done) = (|number| traffic(first + number), AtomicBool::new(false));
        let (reads, sent) = thread::scope(|scope| {
            let publishing = scope.spawn(|| publish(&url, last, EVENTS_A_SECOND, &event, &done));
            let reads = load::paced(address, &requests, READS_A_SECOND, &End::After(self.window));
            done.store(true, Ordering::Relaxed);
            let sent = publishing.join().expect("publishing does not panic");
            anyhow::Ok((reads?, sent?.len()))
        })?;
        (first..first + sent).for_each(|number| hear(&mut self.recount, traffic(number)));
        self.published += sent;
        self.service.wait_for_all();
        let tag_sets = [vec![], vec![TAGS[0]]];
        self.recount.check(self.service.service(), TENANT, &[], &tag_sets);
        self.checked += tag_sets.len() * self.recount.users(TENANT).len();
        Ok(reads)
    }

    /// A command of the operator's, as it is deployed.
    fn begin(&self, arguments: &[&str]) -> Begun {
        let mut command = Command::new(xtask::target().join("release/tallymark"));
        let file = self.service.service().settings_file();
        command
            .args(arguments)
            .arg("--config")
            .arg(&file)
            .current_dir(file.parent().expect("it is in a directory"));
        thread::spawn(move || {
            let start = Instant::now();
            let output = command.output()?;
            let time = start.elapsed();
            ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
            Ok((output, time))
        })
    }
}
