//! What happens when nothing goes wrong, and how the service is brought to where something is to.

use std::sync::Arc;
use std::time::Duration;

use store::simulated::{Death, Event, Loss, Stage, Trap};

use super::fault::Phase;
use super::world::{Check, World};
use crate::applier::Work;

/// So often something is tried until the service is where it is wanted.
const TRIES: u32 = 60;

impl World {
    /// One thing that happens every day.
    pub(super) fn ordinary(&mut self) -> Check {
        let dice = &mut self.dice.fork();
        if self.process.is_none() && dice.chance(70) {
            return self.begin();
        }
        match dice.below(100) {
            0..30 => self.publish(dice.between(1, 12)),
            30..62 => self.deliver(dice.between(1, 20)),
            62..78 => self.pass(Duration::from_millis(dice.between(10, 400))),
            78..89 => self.write(),
            89..94 => self.send_dead_letters(dice),
            94..96 => self.want_snapshot(),
            96..98 => self.wait(Duration::from_secs(dice.between(1, 45))),
            98 => self.stop(),
            _ => {
                // The puller is quicker than the applier.
                self.hands.nats.lock().deliver(10);
                self.publish(3)
            }
        }
    }

    pub(super) fn publish(&mut self, count: u64) -> Check {
        self.note(|| format!("{count} messages are published"));
        self.hands.nats.lock().publish(count);
        Ok(())
    }

    pub(super) fn deliver(&mut self, count: u64) -> Check {
        self.note(|| format!("up to {count} messages are delivered"));
        self.hands.nats.lock().deliver(count);
        self.pump()
    }

    pub(super) fn want_snapshot(&mut self) -> Check {
        self.note(|| "a snapshot is asked for".to_owned());
        self.turn(Some(Work::Snapshot))
    }

    /// Time passes, and the service does its work.
    pub(super) fn wait(&mut self, time: Duration) -> Check {
        self.note(|| format!("{} s pass", time.as_secs()));
        let end = self.now() + time;
        while self.now() < end {
            self.pass(Duration::from_millis(1_500))?;
            self.write()?;
            if self.dice.chance(50) {
                self.hands.nats.lock().deliver(20);
            }
        }
        Ok(())
    }

    /// What the running service is doing; `None` if it is not running.
    pub(super) fn phase(&mut self) -> Option<Phase> {
        let process = self.process.as_mut()?;
        Some(match process.store().next_step() {
            Some(Stage::Committing) => Phase::Committing,
            Some(_) => Phase::Snapshotting,
            None if !process.has_session() => Phase::Connecting,
            None if process.not_ready().is_some() => Phase::CatchingUp,
            None => Phase::Live,
        })
    }

    /// Brings the running service to a phase. Says whether it is there.
    pub(super) fn reach(&mut self, phase: Phase) -> Result<bool, String> {
        match phase {
            Phase::CatchingUp => {
                self.leave()?;
                let count = self.dice.between(25, 60);
                self.publish(count)?;
                self.begin()?;
            }
            Phase::Committing | Phase::Snapshotting => {
                self.reach(Phase::Live)?;
                self.publish(12)?;
                self.deliver(6)?;
            }
            _ => {}
        }
        for attempt in 0..TRIES {
            self.begin()?;
            if self.phase() == Some(phase) {
                return Ok(true);
            }
            self.approach(phase, attempt)?;
        }
        Ok(false)
    }

    fn approach(&mut self, phase: Phase, attempt: u32) -> Check {
        let is_unreachable = !self.hands.nats.lock().is_reachable();
        match self.phase() {
            None => {}
            _ if is_unreachable => self.pass(Duration::from_millis(1_500))?,
            Some(Phase::Connecting) if attempt % 8 == 7 => self.mend()?,
            Some(Phase::Committing | Phase::Snapshotting) => self.write()?,
            Some(Phase::Connecting) => self.pass(Duration::from_millis(400))?,
            Some(Phase::CatchingUp) if phase == Phase::CatchingUp => self.pump()?,
            Some(Phase::Live) if phase == Phase::Snapshotting => self.want_snapshot()?,
            Some(Phase::Live) if phase == Phase::Committing => {
                self.pass(Duration::from_millis(300))?;
                self.deliver(2)?;
                self.publish(2)?;
            }
            _ => self.deliver(20)?,
        }
        Ok(())
    }

    /// The process ends, in one way or the other.
    pub(super) fn leave(&mut self) -> Check {
        if self.process.is_none() {
            return Ok(());
        }
        match self.dice.below(6) {
            0 => self.stop(),
            1 => {
                self.kill(Loss::PowerCut);
                self.bury("the power was cut")
            }
            2 => {
                self.kill(Loss::Killed);
                self.bury("killed")
            }
            _ => self.leave_while_committing(),
        }
    }

    /// What is then found may not be synced, for all that the next process knows.
    fn leave_while_committing(&mut self) -> Check {
        if self.reach(Phase::Committing)? {
            let event = Event::Death(Death { loss: Loss::Killed, dice: self.dice.fork() });
            let after = self.dice.below(3);
            self.hands.disk.arm(Trap { stage: Stage::Committing, after, event, sprung: Arc::default() });
            self.write()?;
            self.hands.disk.disarm();
        }
        if self.process.is_none() {
            return Ok(());
        }
        self.kill(Loss::Killed);
        self.bury("killed")
    }
}
