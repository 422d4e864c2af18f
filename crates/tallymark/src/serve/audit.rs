//! The audit: now and then a few users are recounted from the log, and compared.

mod metrics;

use std::io;
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use consumer::Log;
use counters::{Account, Counters, UserIndex};
use futures::TryStreamExt as _;
use recount::{Bounds, Captured, Outcome, Recount, Scope, Start};

use super::live::Live;
use crate::pass::open_log;
use crate::settings::{self, Nats};

pub(super) use metrics::Metrics;

/// Users of one pass have so many memberships together at the most, but for the first.
const MOST_ROOMS: usize = 20_000;
/// So many indexes are tried for each user: some belong to nobody.
const DRAWS: usize = 20;
/// How often to look whether the pass is ahead of its time.
const STEP_EVENTS: u64 = 256;
/// Differences that are logged one by one.
const SHOWN: usize = 10;
/// What gives way to all else has this niceness.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// What an audit needs.
pub(super) struct Audit {
    pub(super) nats: Nats,
    pub(super) settings: settings::Audit,
    pub(super) options: store::Options,
    pub(super) live: Live,
    pub(super) metrics: Metrics,
    pub(super) random: fastrand::Rng,
}

impl Audit {
    /// Passes one after the other for as long as the process lives, on a thread of their own that gives way to all others.
    pub(super) fn start(mut self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            // Elsewhere it is the whole process that would give way.
            #[cfg(target_os = "linux")]
            if let Err(error) = rustix::process::nice(NICENESS) {
                tracing::debug!(%error, "the audit can't give way");
            }
            runtime.block_on(async {
                loop {
                    tokio::time::sleep(self.settings.interval).await;
                    self.pass_counted().await;
                }
            });
        };
        thread::Builder::new().name("audit".to_owned()).spawn(run)?;
        Ok(())
    }

    async fn pass_counted(&mut self) {
        match self.pass().await {
            Ok(Some(outcome)) => {
                self.metrics.passed(&outcome);
                tell(&outcome);
            }
            Ok(None) => {}
            Err(error) => {
                self.metrics.failures.inc();
                tracing::warn!(error = format!("{error:#}"), "the audit could not recount");
            }
        }
    }

    /// One pass; `None` if there is nothing to compare, or what there is can't be trusted anyway.
    async fn pass(&mut self) -> anyhow::Result<Option<Outcome>> {
        if !self.is_ready() {
            return Ok(None);
        }
        let (mut random, users) = (self.random.fork(), self.settings.users);
        let sampled =
            self.live.see(move |counters| (counters.applied(), sample(counters, users, &mut random)));
        let (sequence, accounts) = sampled.await.map_err(anyhow::Error::msg)?;
        if accounts.is_empty() {
            return Ok(None);
        }
        let mut captured = Captured::new();
        captured.add(sequence, &accounts);
        let outcome = self.recount(sequence, captured).await?;
        // What was found of a stream that is not the one that was counted is no drift.
        Ok(Some(outcome).filter(|_| self.is_ready()))
    }

    fn is_ready(&self) -> bool {
        self.live.status().snapshot(SystemTime::now()).not_ready.is_none()
    }

    async fn recount(&self, sequence: u64, captured: Captured) -> anyhow::Result<Outcome> {
        let Self { settings, nats, options, .. } = self;
        let log: Log = open_log(nats, "tallymark audit").await?;
        let bounds = log.bounds().await?;
        if bounds.last < sequence {
            bail!("the stream ends at sequence {}, and the counts reach to {sequence}", bounds.last);
        }
        let scope = Scope::some(captured.users(), captured.rooms());
        let snapshots = if bounds.first > 1 {
            let snapshots = store::snapshots_in(&options.data_dir);
            snapshots.with_context(|| format!("no snapshots in {}", options.data_dir.display()))?
        } else {
            Vec::new()
        };
        let start =
            Start::choose(bounds.first, sequence, snapshots, options.policies, &scope, settings.messages)?;
        let most = Bounds { messages: settings.messages };
        let mut recount = Recount::new(start, nats.subject_prefix.clone(), scope, captured, most);
        let mut messages = pin!(log.read(recount.first(), recount.last()));
        let (start, mut heard) = (Instant::now(), 0);
        while let Some(message) = messages.try_next().await? {
            recount.hear(message.sequence, message.stored_ms, &message.subject, &message.body);
            heard += 1;
            if heard % STEP_EVENTS == 0 {
                let due = start + Duration::from_secs_f64(heard as f64 / settings.events_per_second as f64);
                tokio::time::sleep_until(due.into()).await;
            }
        }
        Ok(recount.finish())
    }
}

/// The accounts of some users, drawn at random.
fn sample(counters: &Counters, users: usize, random: &mut fastrand::Rng) -> Vec<Account> {
    let (mut accounts, mut rooms) = (Vec::new(), 0);
    let mut drawn = std::collections::HashSet::new();
    let all = counters.next_user().0;
    for _ in 0..users.saturating_mul(DRAWS) {
        if all == 0 || accounts.len() >= users || rooms >= MOST_ROOMS || drawn.len() >= all as usize {
            break;
        }
        let index = UserIndex(random.u32(..all));
        if drawn.insert(index)
            && let Some((tenant, user)) = counters.user_name(index)
        {
            let account = counters.account(tenant, user);
            rooms += account.rooms.len();
            accounts.push(account);
        }
    }
    accounts
}

fn tell(outcome: &Outcome) {
    let Outcome { users, memberships, left_out, differences, missed_rooms, .. } = outcome;
    tracing::debug!(users, memberships, left_out, "audited");
    for difference in differences.iter().take(SHOWN) {
        let recount::Difference { tenant, user, room, sequence, expected, found } = difference;
        let unread = |counts: &Option<recount::Counts>| {
            counts.as_ref().map_or_else(|| "no member".to_owned(), |counts| counts.unread.to_string())
        };
        let (expected, found) = (unread(expected), unread(found));
        tracing::error!(
            tenant,
            user,
            room,
            sequence,
            expected,
            found,
            "a count is not what the log says: run `tallymark verify` and `tallymark explain --history`"
        );
    }
    for (tenant, room) in missed_rooms.iter().take(SHOWN) {
        tracing::error!(tenant, room, "a membership is missing: run `tallymark verify`");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use counters::Policies;
    use events::{Body, Event, History, Id, RoomJoined, RoomLeft, Tenant};

    use super::*;

    fn id(text: String) -> Id<'static> {
        Id::new(text).unwrap()
    }

    /// So many users, each in so many rooms; every third has left them all again.
    fn counters(users: usize, rooms: usize) -> Counters {
        let mut counters = Counters::new(Policies::default());
        let tenant = Tenant::new("demo").unwrap();
        for room in 0..rooms {
            let room = || id(format!("r{room}"));
            let all = (0..users).map(|user| id(format!("u{user}"))).collect();
            let third = (0..users).step_by(3).map(|user| id(format!("u{user}"))).collect();
            let joined = RoomJoined { room: room(), users: all, history: History::None };
            for body in [Body::RoomJoined(joined), Body::RoomLeft(RoomLeft { room: room(), users: third })] {
                let event = Event { tenant, body };
                counters.apply(&event, counters.locate(&event), None, 0).unwrap();
            }
            // As a commit does: only then are the places of those who left free.
            counters.take_changes();
        }
        counters
    }

    #[test]
    fn each_user_is_drawn_once_at_the_most() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut drawn = |counters: &Counters, users| {
            let accounts = sample(counters, users, &mut random);
            let names: HashSet<String> = accounts.iter().map(|account| account.user.clone()).collect();
            assert_eq!(names.len(), accounts.len());
            assert!(accounts.iter().all(|account| !account.rooms.is_empty()));
            names.len()
        };
        assert_eq!(drawn(&counters(0, 0), 10), 0);
        assert_eq!(drawn(&counters(90, 1), 10), 10);
        assert_eq!(drawn(&counters(90, 1), 1_000), 60);
        assert_eq!(drawn(&counters(3, 15_000), 1_000), 2, "the second brings them to 30,000 rooms");
        assert_eq!(drawn(&counters(6, 15_000), 1_000), 2);
    }
}
