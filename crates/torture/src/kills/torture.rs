//! One kill after the other.

use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tests::Service;
use xtask::Signal;

use super::Kills;
use super::life::MOST_OPENINGS;
use super::lives::Lives;
use super::typical::Typical;
use crate::chat::Chat;
use crate::examination::{Users, attempt};
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
/// Phases that were missed are aimed at again, until there were so many times the kills asked for.
const MOST_TIMES: usize = 3;
/// So often at most a service is started that ends by itself on a store of which pages were left by chance.
const MOST_STARTS: usize = 5;

pub(super) struct Torture {
    pub(super) chat: Chat,
    events: usize,
    pub(super) lives: Lives,
    pub(super) typical: Typical,
    /// By phase: kills after each of which the service was examined.
    pub(super) killed: [usize; Phase::ALL.len()],
    /// Kills besides these, examined too, that left by chance some of what was not synced.
    pub(super) by_chance: usize,
    pub(super) nats_kills: usize,
    pub(super) recoveries: usize,
    pub(super) all_users: usize,
}

impl Torture {
    pub(super) fn new(plan: &Plan, kills: Kills, power: Option<Power>) -> Self {
        Self {
            chat: Chat::new(plan.executable.clone(), plan.seed, kills.scale),
            events: kills.events,
            lives: Lives::new(power),
            typical: Typical::default(),
            killed: [0; Phase::ALL.len()],
            by_chance: 0,
            nats_kills: 0,
            recoveries: 0,
            all_users: 0,
        }
    }

    pub(super) fn begin(&mut self) -> Result<(), String> {
        self.chat.draw_settings();
        self.lives.launch(&mut self.chat.service);
        self.chat.service.listening();
        let events = self.events;
        self.chat.under_load(events, 0, |_, _| ());
        self.chat.examine(Users::Sample)?;
        self.snapshot()
    }

    /// Nothing is published any more.
    pub(super) fn end(&mut self) -> Result<(), String> {
        self.chat.examine(Users::All)?;
        self.lives.heed(&self.chat.service.printed())
    }

    /// Kills that count.
    pub(super) fn total(&self) -> usize {
        self.killed.iter().sum()
    }

    /// All kills after each of which the service was examined.
    pub(super) fn examined(&self) -> usize {
        self.total() + self.by_chance
    }

    /// Kills that only led to the next one.
    pub(super) fn more_kills(&self) -> usize {
        self.lives.deaths - self.examined()
    }

    /// A phase that was missed is aimed at again, but not for ever.
    pub(super) fn goes_on(&self, amount: Amount) -> bool {
        let is_short = self.total() < amount.runs || self.missing(amount.runs).next().is_some();
        is_short && self.total() < amount.runs * MOST_TIMES && amount.has_time()
    }

    /// What was asked for and not done.
    pub(super) fn shortfalls(&self, runs: usize) -> Vec<String> {
        let least = runs / SHARE_OF_A_PHASE;
        let least_events = (runs * self.events) as u64;
        let phases =
            Phase::ALL.map(|phase| (format!("kills during {phase}"), self.killed[phase as usize], least));
        let phases = phases.map(|(what, found, expected)| (what, found as u64, expected as u64));
        let all = [
            ("kills".to_owned(), self.total() as u64, runs as u64),
            ("events".to_owned(), self.chat.heard.sequence(), least_events),
        ];
        let short = phases.into_iter().chain(all).filter(|(_, found, expected)| found < expected);
        short.map(|(what, found, expected)| format!("{found} {what}, expected {expected} at least")).collect()
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
        let begin = self.chat.random.usize(..Chat::before_the_mishap(self.events).max(1));
        let is_by_chance = self.lives.draw(&mut self.chat.random);
        self.chat.draw_settings();
        if self.chat.random.usize(..NATS_KILL_EVERY) == 0 {
            self.kill_nats(begin)?;
        }
        let (typical, lives) = (&self.typical, &mut self.lives);
        let log = self.chat.under_load(self.events, begin, |service, random| {
            let log = die_during(aim, service, lives, typical, random)?;
            lives.launch(service);
            Ok::<_, String>(log)
        })?;
        self.typical.learn(&log);
        if is_by_chance {
            self.by_chance += 1;
        } else {
            self.killed[phase::last(&log) as usize] += 1;
        }
        self.revive()
    }

    /// The nats-server dies under load, and is gone for a while. Now and then the service dies meanwhile, and
    /// starts without one.
    fn kill_nats(&mut self, begin: usize) -> Result<(), String> {
        self.nats_kills += 1;
        let lives = &mut self.lives;
        self.chat.nats_killed(self.events / 2, begin / 2, |service, random| {
            if random.bool() {
                lives.die(service, random)?;
                lives.launch(service);
                service.listening();
            }
            thread::sleep(Duration::from_millis(random.u64(..300)));
            Ok(())
        })
    }

    /// Examines the service, which was started a moment ago.
    fn revive(&mut self) -> Result<(), String> {
        for _ in 1..MOST_STARTS {
            let examined = attempt(|| self.examine());
            if examined.is_ok() || !self.lives.has_ended_excused(&mut self.chat.service) {
                return examined;
            }
            self.lives.die(&mut self.chat.service, &mut self.chat.random)?;
            self.lives.launch(&mut self.chat.service);
        }
        self.examine()
    }

    fn examine(&mut self) -> Result<(), String> {
        self.chat.service.listening();
        let loaded = self.chat.service.loaded();
        self.lives.heed(&self.chat.service.printed())?;
        self.lives.is_all_there(loaded)?;
        let number = self.examined();
        let users = if number.is_multiple_of(ALL_USERS_EVERY) { Users::All } else { Users::Sample };
        self.chat.examine(users)?;
        self.all_users += usize::from(users == Users::All);
        self.recoveries += usize::from(count(&self.chat.service, Phase::Recovery) > 0);
        if number.is_multiple_of(SNAPSHOT_EVERY) {
            self.snapshot()?;
        }
        let log = self.chat.service.printed();
        self.typical.learn(&log);
        self.lives.heed(&log)
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
            "{} kills ({}), {} more by chance, {} of the nats-server, {} events",
            self.total(),
            Phase::ALL.map(of_phase).join(", "),
            self.by_chance,
            self.nats_kills,
            self.chat.heard.sequence()
        )
    }
}

/// Kills the service in that phase, most often, and before if that has to be; returns the log of the last to die.
fn die_during(
    aim: Phase,
    service: &mut Service,
    lives: &mut Lives,
    typical: &Typical,
    random: &mut Rng,
) -> Result<String, String> {
    match aim {
        Phase::Running => thread::sleep(Duration::from_millis(random.u64(..20))),
        Phase::Snapshot => {
            let before = count(service, Phase::Snapshot);
            service.signal(Signal::USR1);
            reach(service, Phase::Snapshot, before, typical, random);
        }
        Phase::Open => {
            for _ in 0..random.usize(1..=MOST_OPENINGS) {
                lives.die(service, random)?;
                lives.launch(service);
                reach(service, Phase::Open, 0, typical, random);
            }
        }
        Phase::Recovery => {
            lives.die(service, random)?;
            lives.damage(&service.data_dir());
            lives.launch(service);
            reach(service, Phase::Recovery, 0, typical, random);
        }
    }
    lives.die(service, random)
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
