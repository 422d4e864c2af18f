//! One kill after the other.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tests::Service;
use xtask::Signal;

use super::Kills;
use super::typical::Typical;
use crate::chat::Chat;
use crate::complaints::{self, complaints};
use crate::directory::generation;
use crate::examination::Users;
use crate::phase::{self, Phase};
use crate::plan::{Amount, Plan};
use crate::power::Power;

/// Everybody's badge is asked for after one kill of so many.
const ALL_USERS_EVERY: usize = 50;
/// The nats-server is killed beside one kill of so many.
const NATS_KILL_EVERY: usize = 10;
/// A snapshot is written in peace after one kill of so many, so that a recovery has one that is not old.
const SNAPSHOT_EVERY: usize = 10;
/// At least one kill of so many falls into each phase.
const SHARE_OF_A_PHASE: usize = 10;
/// So often at most the service dies in a row while it opens its store.
const MOST_OPENINGS: usize = 3;

pub(super) struct Torture {
    pub(super) chat: Chat,
    events: usize,
    /// Cut at each kill, if it is watched.
    pub(super) power: Option<Power>,
    pub(super) typical: Typical,
    /// By phase: kills after each of which the service was examined.
    pub(super) killed: [usize; Phase::ALL.len()],
    /// Kills that only lead to the next one.
    pub(super) more_kills: usize,
    pub(super) nats_kills: usize,
    pub(super) recoveries: u64,
    /// Stores that were not as they were committed, though nobody had damaged them.
    pub(super) unusable: BTreeMap<String, usize>,
    pub(super) all_users: usize,
}

/// What processes said before they died.
struct Death {
    /// The last of them.
    log: String,
    /// What it had called durable by then.
    durable: Option<u64>,
    /// Those before it, which died of the same aim.
    before: Vec<String>,
    /// Whether one of them left files of which some pages are old and some are new.
    is_torn: bool,
}

impl Torture {
    pub(super) fn new(plan: &Plan, kills: Kills, power: Option<Power>) -> Self {
        Self {
            chat: Chat::new(plan.executable.clone(), plan.seed, kills.scale),
            events: kills.events,
            power,
            typical: Typical::default(),
            killed: [0; Phase::ALL.len()],
            more_kills: 0,
            nats_kills: 0,
            recoveries: 0,
            unusable: BTreeMap::new(),
            all_users: 0,
        }
    }

    pub(super) fn begin(&mut self) -> Result<(), String> {
        self.chat.draw_settings();
        launch(&mut self.chat.service, self.power.as_ref());
        self.chat.service.listening();
        let events = self.events;
        self.chat.under_load(events, 0, |_, _| ());
        self.chat.examine(Users::Sample)?;
        self.snapshot()
    }

    pub(super) fn total(&self) -> usize {
        self.killed.iter().sum()
    }

    /// A phase that was missed is aimed at again, but not for ever.
    pub(super) fn goes_on(&self, amount: Amount) -> bool {
        let is_short = self.total() < amount.runs || self.missing(amount.runs).next().is_some();
        is_short && self.total() < amount.runs * 2 && amount.has_time()
    }

    /// Each phase, as often as it needs one more kill.
    fn missing(&self, runs: usize) -> impl Iterator<Item = Phase> {
        let least = runs / SHARE_OF_A_PHASE;
        let missing = Phase::ALL.into_iter().map(move |phase| (phase, self.killed[phase as usize]));
        missing.flat_map(move |(phase, killed)| (killed..least).map(move |_| phase))
    }

    fn aim(&mut self, runs: usize) -> Phase {
        let missing: Vec<Phase> = self.missing(runs).collect();
        let total = self.total();
        let random = &mut self.chat.random;
        if !missing.is_empty() && missing.len() + total >= runs {
            return missing[random.usize(..missing.len())];
        }
        match random.u32(..100) {
            0..46 => Phase::Running,
            46..64 => Phase::Open,
            64..82 => Phase::Snapshot,
            _ => Phase::Recovery,
        }
    }

    /// One kill: under load, a new start while the load goes on, a pause, an examination.
    pub(super) fn next(&mut self, runs: usize) -> Result<(), String> {
        let aim = self.aim(runs);
        let begin = self.chat.random.usize(..self.events);
        let is_with_nats = self.chat.random.usize(..NATS_KILL_EVERY) == 0;
        let first = if is_with_nats { self.kill_nats(begin) } else { None };
        let (typical, power, more_kills) = (&self.typical, &mut self.power, &mut self.more_kills);
        let death = self.chat.under_load(self.events, begin, |service, random| match aim {
            Phase::Running => {
                thread::sleep(Duration::from_millis(random.u64(..20)));
                die(service, power.as_mut(), random)
            }
            Phase::Snapshot => {
                let before = count(service, Phase::Snapshot);
                service.signal(Signal::USR1);
                reach(service, Phase::Snapshot, before, typical, random);
                die(service, power.as_mut(), random)
            }
            Phase::Open => {
                let mut death = die(service, power.as_mut(), random);
                for _ in 0..random.usize(1..=MOST_OPENINGS) {
                    *more_kills += 1;
                    launch(service, power.as_ref());
                    reach(service, Phase::Open, 0, typical, random);
                    death = death.followed_by(die(service, power.as_mut(), random));
                }
                death
            }
            Phase::Recovery => {
                let death = die(service, power.as_mut(), random);
                *more_kills += 1;
                damage(&service.data_dir());
                launch(service, power.as_ref());
                reach(service, Phase::Recovery, 0, typical, random);
                death.followed_by(die(service, power.as_mut(), random))
            }
        });
        self.typical.learn(&death.log);
        self.killed[phase::last(&death.log) as usize] += 1;
        let death = match first {
            Some(first) => first.followed_by(death),
            None => death,
        };
        self.revive(&death)?;
        let mut logs = death.before;
        logs.extend([death.log, self.chat.service.printed()]);
        self.heed(&logs.join("\n"), aim == Phase::Recovery, death.is_torn)
    }

    /// The nats-server dies under load, and is gone for a while. Now and then the service dies meanwhile, and
    /// starts without one.
    fn kill_nats(&mut self, begin: usize) -> Option<Death> {
        self.nats_kills += 1;
        let (power, more_kills) = (&mut self.power, &mut self.more_kills);
        self.chat.nats_killed(self.events / 2, begin / 2, |service, random| {
            let death = random.bool().then(|| {
                *more_kills += 1;
                let death = die(service, power.as_mut(), random);
                launch(service, power.as_ref());
                service.listening();
                death
            });
            thread::sleep(Duration::from_millis(random.u64(..300)));
            death
        })
    }

    /// Neither a kill nor a power cut damages anything, unless unsynced pages are left by chance: sled
    /// writes over what it needs no more before the device has what it needs instead.
    fn heed(&mut self, log: &str, is_damaged: bool, is_torn: bool) -> Result<(), String> {
        for complaint in complaints(log) {
            let is_of_others =
                [complaints::SNAPSHOT, complaints::CURRENT].iter().any(|of| complaint.contains(of));
            let is_of_store = complaint.contains(complaints::STORE) && !is_damaged;
            let is_unusable = is_of_store && !complaint.contains(complaints::OPENINGS_DIED);
            if is_unusable {
                *self.unusable.entry(complaint.clone()).or_default() += 1;
            }
            if is_of_others || (is_unusable && !is_torn) {
                return Err(format!("a file is damaged, though nobody did it: {complaint}"));
            }
        }
        Ok(())
    }

    /// Starts the service again, and examines it.
    fn revive(&mut self, death: &Death) -> Result<(), String> {
        self.chat.draw_settings();
        launch(&mut self.chat.service, self.power.as_ref());
        self.chat.service.listening();
        let loaded = self.chat.service.loaded();
        let has_recovered = count(&self.chat.service, Phase::Recovery) > 0;
        if let Some(durable) = death.durable.filter(|durable| *durable > loaded && !has_recovered) {
            return Err(format!("{durable} was durable, and the store ends at {loaded}"));
        }
        let users = if self.total().is_multiple_of(ALL_USERS_EVERY) { Users::All } else { Users::Sample };
        self.all_users += usize::from(users == Users::All);
        self.chat.examine(users)?;
        self.recoveries += u64::from(has_recovered);
        if self.total().is_multiple_of(SNAPSHOT_EVERY) {
            self.snapshot()?;
        }
        self.typical.learn(&self.chat.service.printed());
        Ok(())
    }

    /// Lets the service write a snapshot in peace.
    fn snapshot(&mut self) -> Result<(), String> {
        let service = &mut self.chat.service;
        let before = count(service, Phase::Snapshot);
        service.signal(Signal::USR1);
        if !phase::begins(service, Phase::Snapshot, before) {
            return Err("SIGUSR1 begins no snapshot".to_owned());
        }
        tests::until("the snapshot's end", || match phase::last(&service.printed()) {
            Phase::Snapshot => Err("it goes on"),
            _ => Ok(()),
        });
        Ok(())
    }

    pub(super) fn how_far(&self) -> String {
        let of_phase = |phase: Phase| format!("{} {phase}", self.killed[phase as usize]);
        format!(
            "{} kills ({}), {} of the nats-server, {} events",
            self.total(),
            Phase::ALL.map(of_phase).join(", "),
            self.nats_kills,
            self.chat.heard.sequence()
        )
    }
}

impl Death {
    fn followed_by(mut self, next: Self) -> Self {
        self.before.push(self.log);
        self.before.extend(next.before);
        Self {
            before: self.before,
            is_torn: self.is_torn || next.is_torn,
            log: next.log,
            durable: next.durable,
        }
    }
}

fn launch(service: &mut Service, power: Option<&Power>) {
    if let Some(power) = power {
        power.watch(service);
    }
    service.launch();
}

fn die(service: &mut Service, power: Option<&mut Power>, random: &mut Rng) -> Death {
    let status = if service.is_listening() { service.status().ok() } else { None };
    let durable = status.and_then(|status| status["durable_sequence"].as_u64());
    let log = service.kill().printed;
    let is_torn = power.is_some_and(|power| power.cut(service, random));
    Death { log, durable, before: Vec::new(), is_torn }
}

/// How often a process has begun that phase.
fn count(service: &Service, phase: Phase) -> usize {
    phase::spans(&service.printed()).iter().filter(|span| span.phase == phase).count()
}

/// Waits until the phase has begun once more, and then for a moment within it.
fn reach(service: &mut Service, phase: Phase, before: usize, typical: &Typical, random: &mut Rng) {
    if phase::begins(service, phase, before) {
        thread::sleep(typical.moment(phase, random));
    }
}

/// Zeroes the middle half of the database's file, so that the next start has to recover.
fn damage(data_dir: &Path) {
    // After a kill during a recovery there may be no store.
    let Ok(file) = File::options().write(true).open(generation(data_dir).join("db")) else { return };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let zeros = vec![0; usize::try_from(length / 2).expect("a database fits into memory")];
    file.write_all_at(&zeros, length / 4).expect("a file can be written");
}
