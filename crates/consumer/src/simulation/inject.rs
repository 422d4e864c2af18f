//! Faults, each where it is wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::simulated::{Death, Dice, Event, Loss, Stage, Trap};

use super::fault::{Fault, Phase};
use super::world::{Ambush, Check, FENCED_WITHIN, World};

/// So often time passes until messages are read by hand.
const READING_BY_HAND: u32 = 40;

impl World {
    /// Brings about that the fault happens in that phase, if it can be brought about.
    pub(super) fn inject(&mut self, fault: Fault, phase: Phase) -> Check {
        self.note(|| format!("=== {fault:?} while {phase:?}"));
        self.has_met_file = false;
        if fault == Fault::AllDamaged && self.dice.chance(50) {
            // What is lost then can't be counted again.
            self.hands.strike(Fault::Purged, &mut self.dice);
        }
        self.bring_about(fault, phase)?;
        if fault == Fault::FileInTheWay && self.has_met_file {
            self.happened(fault, phase);
        }
        Ok(())
    }

    fn bring_about(&mut self, fault: Fault, phase: Phase) -> Check {
        match phase {
            Phase::Opening | Phase::Loading | Phase::Recovering => self.inject_into_opening(fault, phase),
            Phase::Connecting => {
                self.reach(Phase::Live)?;
                self.ambush = Some(Ambush { fault, after: self.dice.below(7), is_by_hand: false });
                self.hands.nats.lock().reconnect();
                self.pump()
            }
            Phase::ByHand => self.inject_into_reading_by_hand(fault),
            Phase::CatchingUp | Phase::Live | Phase::Committing | Phase::Snapshotting => {
                if self.reach(phase)? { self.inject_into_running(fault, phase) } else { Ok(()) }
            }
            Phase::Stopping => self.inject_into_stopping(fault),
        }
    }

    pub(super) fn happened(&mut self, fault: Fault, phase: Phase) {
        self.note(|| format!("!!! {fault:?} while {phase:?}"));
        self.coverage.note(fault, phase);
    }

    /// Some faults happen only when what was prepared is met.
    fn struck(&mut self, fault: Fault, phase: Phase) {
        if !matches!(fault, Fault::Undeliverable | Fault::FileInTheWay) {
            self.happened(fault, phase);
        }
    }

    /// The fault happens now.
    pub(super) fn strike(&mut self, fault: Fault, phase: Phase) -> Check {
        let mut dice = self.dice.fork();
        if self.hands.strike(fault, &mut dice) {
            self.struck(fault, phase);
        }
        if self.hands.disk.is_dead() { self.bury("it was killed") } else { Ok(()) }
    }

    /// What the disk does for this fault, at the operation where it is to happen; and whether it did.
    fn event(&mut self, fault: Fault, stage: Stage) -> (Event, Option<Arc<AtomicBool>>) {
        let mut dice = self.dice.fork();
        let death = |loss, dice: Dice| Event::Death(Death { loss, dice });
        let event = match fault {
            Fault::Killed => death(Loss::Killed, dice),
            Fault::PowerCut => death(Loss::PowerCut, dice),
            Fault::TornPowerCut => death(Loss::Torn, dice),
            Fault::OperationFails => Event::Failure(dice),
            Fault::OperationPanics => Event::Panic,
            Fault::OpeningRefused => Event::Refusal,
            Fault::OpeningHangs => Event::Hang,
            // The disk is asked for space then, and the service waits for it.
            Fault::DiskFull if matches!(stage, Stage::Opening | Stage::Recovering) => Event::Full,
            _ => {
                let has_happened = Arc::new(AtomicBool::new(false));
                let (hands, flag) = (self.hands.clone(), has_happened.clone());
                let strike = move || flag.store(hands.strike(fault, &mut dice), Ordering::SeqCst);
                return (Event::Other(Box::new(strike)), Some(has_happened));
            }
        };
        (event, None)
    }

    /// Does what has operations in that stage, and notes whether the fault happened at one of them.
    fn trap(
        &mut self,
        (fault, phase): (Fault, Phase),
        stage: Stage,
        after: u64,
        act: impl FnOnce(&mut Self) -> Check,
    ) -> Check {
        let (event, flag) = self.event(fault, stage);
        let is_sprung = Arc::new(AtomicBool::new(false));
        let (sprung, disk) = (is_sprung.clone(), self.hands.disk.clone());
        disk.arm(Trap { stage, after, event, sprung });
        let acted = act(self);
        self.hands.disk.disarm();
        let has_happened = flag.is_none_or(|flag| flag.load(Ordering::SeqCst));
        if is_sprung.load(Ordering::SeqCst) && has_happened {
            self.struck(fault, phase);
        }
        acted
    }

    fn inject_into_opening(&mut self, fault: Fault, phase: Phase) -> Check {
        if phase == Phase::Recovering && self.process.is_none() {
            self.begin()?;
        }
        if phase == Phase::Recovering && self.dice.chance(70) && self.reach(Phase::Snapshotting)? {
            self.write()?;
        }
        self.leave()?;
        if self.dice.chance(60) {
            let count = self.dice.between(1, 30);
            self.publish(count)?;
        }
        self.prepare_opening(fault, phase);
        let is_at_rest = phase == Phase::Opening
            && (fault == Fault::OpeningKills
                || (Fault::RowFlipped..=Fault::CurrentDamaged).contains(&fault) && self.dice.chance(70));
        if is_at_rest {
            self.strike(fault, phase)?;
            return self.begin();
        }
        let stage = match phase {
            Phase::Opening => Stage::Opening,
            Phase::Loading => Stage::Loading,
            _ => Stage::Recovering,
        };
        self.opening_hangs = fault == Fault::OpeningHangs;
        // So many operations there are before the last one.
        let after = match (fault, stage) {
            (Fault::OpeningRefused | Fault::OpeningHangs | Fault::DiskFull, _) => 0,
            (Fault::OperationFails | Fault::OperationPanics | Fault::FileInTheWay, Stage::Opening) => 0,
            (_, Stage::Opening) => self.dice.below(2),
            (_, Stage::Loading) => self.dice.below(4),
            _ => self.dice.below(5),
        };
        self.trap((fault, phase), stage, after, Self::begin)?;
        if fault == Fault::Interrupted {
            // That says nothing against the store, however often it happens.
            self.openings = 0;
            if self.process.is_none() && self.dice.chance(75) {
                return self.inject_into_opening(fault, phase);
            }
        }
        Ok(())
    }

    /// A new store takes the place of the one that is there, or `current` is written again.
    fn prepare_opening(&mut self, fault: Fault, phase: Phase) {
        let first = match (fault, phase) {
            (_, Phase::Recovering) | (Fault::FileInTheWay, Phase::Opening) => Fault::MarkerDamaged,
            (Fault::FileInTheWay, _) => Fault::CurrentDamaged,
            _ => return,
        };
        self.note(|| format!("first {first:?}"));
        self.hands.strike(first, &mut self.dice);
    }

    /// A message comes that can't be delivered. Sessions end there, one after the other, until one reads it.
    fn inject_into_reading_by_hand(&mut self, fault: Fault) -> Check {
        if !self.reach(Phase::Live)? {
            return Ok(());
        }
        let count = self.dice.between(3, 12);
        self.publish(count)?;
        self.strike(Fault::Undeliverable, Phase::Live)?;
        self.ambush = Some(Ambush { fault, after: self.dice.below(6), is_by_hand: true });
        for _ in 0..READING_BY_HAND {
            self.deliver(20)?;
            self.pass(Duration::from_millis(300))?;
            if self.ambush.is_none() {
                break;
            }
        }
        self.ambush = None;
        Ok(())
    }

    /// Something is wrong with one of the next deliveries.
    fn spoil_deliveries(&mut self, fault: Fault, phase: Phase) -> Check {
        if fault == Fault::Undeliverable {
            return self.strike(fault, phase);
        }
        let dice = self.dice.fork();
        self.hands.nats.lock().twist = Some((fault, dice));
        Ok(())
    }

    fn inject_into_running(&mut self, fault: Fault, phase: Phase) -> Check {
        if fault.is_of_delivery() {
            self.publish(10)?;
            self.spoil_deliveries(fault, phase)?;
            let count = self.dice.between(2, 9);
            self.deliver(count)?;
            return self.finish_step(phase);
        }
        let is_in_operation = matches!(fault, Fault::OperationFails | Fault::OperationPanics);
        let stage = match phase {
            Phase::Committing => Stage::Committing,
            Phase::Snapshotting => Stage::Snapshotting,
            _ => Stage::Running,
        };
        if stage == Stage::Running && is_in_operation {
            return self.trap((fault, phase), stage, 0, |world| {
                for _ in 0..20 {
                    world.publish(4)?;
                    world.deliver(4)?;
                    if world.dice.chance(10) {
                        world.write()?;
                        let mut dice = world.dice.fork();
                        world.send_dead_letters(&mut dice)?;
                    }
                }
                Ok(())
            });
        }
        if stage == Stage::Running || !is_in_operation && self.dice.chance(40) {
            self.strike(fault, phase)?;
            if fault == Fault::FileInTheWay {
                return self.finish_step(phase);
            }
            // Nothing comes that would show it: the service has to look for itself.
            if fault.is_of_stream() && self.dice.chance(50) {
                self.wait(FENCED_WITHIN + Duration::from_secs(5))?;
            }
            return Ok(());
        }
        let after = self.dice.below(3);
        self.trap((fault, phase), stage, after, Self::write)
    }

    fn finish_step(&mut self, phase: Phase) -> Check {
        if matches!(phase, Phase::Committing | Phase::Snapshotting) { self.write() } else { Ok(()) }
    }

    fn inject_into_stopping(&mut self, fault: Fault) -> Check {
        if !self.reach(Phase::Live)? {
            return Ok(());
        }
        self.publish(20)?;
        self.deliver(8)?;
        if fault.is_of_delivery() {
            // What was delivered waits for the applier when the order to stop comes.
            self.spoil_deliveries(fault, Phase::Stopping)?;
            let met = {
                let mut nats = self.hands.nats.lock();
                nats.deliver(8);
                std::mem::take(&mut nats.met)
            };
            met.into_iter().for_each(|fault| self.happened(fault, Phase::Stopping));
            self.poll_puller()?;
            return self.stop();
        }
        if fault == Fault::FileInTheWay {
            // All that is applied is on the disk then, and a snapshot of it is yet to be written.
            for _ in 0..4 {
                self.pass(Duration::from_millis(300))?;
                self.write()?;
            }
        }
        if (fault == Fault::FileInTheWay || self.dice.chance(30))
            && !matches!(fault, Fault::OperationFails | Fault::OperationPanics)
        {
            self.strike(fault, Phase::Stopping)?;
            self.stop()?;
            return self.pass(Duration::from_millis(10));
        }
        let after = self.dice.below(6);
        self.trap((fault, Phase::Stopping), Stage::Stopping, after, Self::stop)
    }
}
