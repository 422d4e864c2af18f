//! What faults do. None of it needs the service, so that a fault can happen in the midst of any of
//! the service's operations.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use store::simulated::{Death, Dice, Disk, Harm, Loss, Stage};

use super::fault::Fault;
use super::nats::{Nats, State};
use super::stream::Stream;

/// So many streams that were lost can be put back.
const BACKUPS: usize = 4;

#[derive(Debug, Default)]
struct Notes {
    harmed_snapshots: BTreeSet<u64>,
    in_the_way: Vec<PathBuf>,
    backups: Vec<Stream>,
    /// A whole snapshot that the operator has elsewhere, and its sequence.
    copied_snapshot: Option<(u64, Vec<u8>)>,
    full_until: Option<Duration>,
    /// The identity of the stream can't be told by its messages everywhere, because the operator
    /// accepted a loss.
    is_lenient: bool,
}

/// Cheap to clone, and can be sent to wherever the fault happens.
#[derive(Debug, Clone)]
pub(super) struct Hands {
    pub(super) disk: Disk,
    pub(super) nats: Nats,
    notes: Arc<Mutex<Notes>>,
}

impl Hands {
    pub(super) fn new(disk: Disk, nats: Nats) -> Self {
        Self { disk, nats, notes: Arc::default() }
    }

    /// Says whether anything happened.
    pub(super) fn strike(&self, fault: Fault, dice: &mut Dice) -> bool {
        let mut nats = self.nats.lock();
        let now = nats.now;
        match fault {
            Fault::Reconnected => nats.reconnect(),
            Fault::Disconnected => {
                nats.away_until = Some(now + Duration::from_millis(dice.between(500, 60_000)));
            }
            Fault::ConsumerGone => nats.end_consumer(),
            Fault::NoAnswers => {
                nats.silent_until = Some(now + Duration::from_millis(dice.between(500, 30_000)));
            }
            Fault::Undeliverable => {
                let Some(number) = undelivered(&nats, dice) else { return false };
                nats.undeliverable.entry(number).or_default();
            }
            Fault::MessageDeleted
            | Fault::Purged
            | Fault::TailLost
            | Fault::TailReplaced
            | Fault::RecreatedShorter
            | Fault::RecreatedLonger
            | Fault::RestoredCopy
            | Fault::StreamDeleted => return self.strike_stream(&mut nats, fault, dice),
            Fault::PowerCutEverywhere => {
                let lost = *dice.pick(&[Fault::TailLost, Fault::TailReplaced]);
                self.strike_stream(&mut nats, lost, dice);
                nats.reconnect();
                self.die(Loss::PowerCut, dice);
            }
            _ => {
                drop(nats);
                return self.strike_disk(fault, dice);
            }
        }
        true
    }

    /// The process dies.
    pub(super) fn die(&self, loss: Loss, dice: &mut Dice) {
        self.disk.die(Death { loss, dice: dice.fork() }).expect("the directory can be copied");
    }

    fn strike_stream(&self, nats: &mut State, fault: Fault, dice: &mut Dice) -> bool {
        let is_lenient = self.notes.lock().is_lenient;
        let Some(mut stream) = nats.stream.clone() else { return false };
        let last = stream.last;
        let identity = nats.number();
        let is_possible = match fault {
            // With its beginning gone, too little is left to tell an altered stream.
            Fault::Purged | Fault::MessageDeleted => !stream.is_altered,
            Fault::TailLost | Fault::TailReplaced => !stream.is_purged && !is_lenient && last > 0,
            Fault::RecreatedShorter | Fault::RecreatedLonger => !is_lenient,
            _ => true,
        };
        if !is_possible {
            return false;
        }
        self.back_up(&stream);
        let in_flight = dice.below(8);
        match fault {
            Fault::MessageDeleted => {
                // Often the one by which the stream is known again, when all is applied.
                let earliest = match dice.below(10) {
                    0..3 => last,
                    3..8 => last.saturating_sub(15),
                    _ => 0,
                };
                stream.delete(dice.between(earliest, last).max(stream.first));
                nats.changes += 1;
                nats.stream = Some(stream);
                return true;
            }
            Fault::Purged => {
                let earliest = if dice.chance(50) { last.saturating_sub(15) } else { 0 };
                stream.purge(dice.between(earliest, last));
                nats.changes += 1;
                nats.stream = Some(stream);
                return true;
            }
            Fault::TailLost | Fault::TailReplaced => {
                stream.truncate(last - dice.between(1, last.min(25)));
                nats.replace(Some(stream), in_flight);
                if fault == Fault::TailReplaced {
                    nats.publish(dice.between(1, 40));
                }
            }
            Fault::RestoredCopy => {
                stream.created_ns += i64::try_from(identity).unwrap_or(1);
                if dice.chance(30) && !stream.is_purged && !is_lenient {
                    stream.truncate(last - dice.below(last.min(10) + 1));
                }
                nats.replace(Some(stream), in_flight);
                nats.publish(dice.below(10));
            }
            Fault::StreamDeleted => nats.replace(None, in_flight),
            _ => {
                let created = Stream::new(identity, stream.created_ns + i64::try_from(identity).unwrap_or(1));
                nats.replace(Some(created), in_flight);
                let again = match fault {
                    Fault::RecreatedLonger => last,
                    _ => dice.below(last.min(40) + 1),
                };
                nats.publish_again(stream.newest.as_ref(), again);
                if fault == Fault::RecreatedLonger {
                    nats.publish(dice.between(1, 20));
                }
                if let Some(stream) = &mut nats.stream {
                    stream.is_altered = true;
                }
            }
        }
        if dice.chance(50) {
            nats.reconnect();
        }
        true
    }

    fn strike_disk(&self, fault: Fault, dice: &mut Dice) -> bool {
        let data_dir = self.disk.data_dir();
        match fault {
            Fault::Killed => self.die(Loss::Killed, dice),
            Fault::PowerCut => self.die(Loss::PowerCut, dice),
            Fault::TornPowerCut => self.die(Loss::Torn, dice),
            Fault::Interrupted => {
                let interrupted = store::opening_interrupted(&data_dir);
                interrupted.expect("the marker can be read");
                self.die(Loss::Killed, dice);
            }
            Fault::RowFlipped => return self.disk.harm(Harm::Flipped, dice).is_some(),
            Fault::RowRemoved => return self.disk.harm(Harm::Removed, dice).is_some(),
            Fault::OldRow => return self.disk.harm(Harm::Old, dice).is_some(),
            Fault::SnapshotDamaged => return self.damage_snapshot(dice),
            Fault::MarkerDamaged => self.damage_marker(dice),
            Fault::AllDamaged => {
                self.damage_marker(dice);
                for (sequence, path) in self.snapshots(".snapshot") {
                    self.damage(sequence, &path, dice);
                }
            }
            Fault::CurrentDamaged => {
                let current = data_dir.join("current");
                if !current.exists() {
                    return false;
                }
                match dice.below(3) {
                    0 => fs::remove_file(current),
                    1 => fs::write(current, ""),
                    _ => fs::write(current, "99999\n"),
                }
                .expect("current can be written");
            }
            Fault::DiskFull => {
                self.disk.set_free_bytes(0);
                let until = self.nats.lock().now + Duration::from_millis(dice.between(500, 20_000));
                self.notes.lock().full_until = Some(until);
            }
            Fault::OpeningKills => self.disk.make_deadly(),
            Fault::FileInTheWay => return self.put_in_the_way(dice),
            _ => return false,
        }
        true
    }

    fn damage_marker(&self, dice: &mut Dice) {
        self.disk.doubt();
        let junk = [&b"opened\n"[..], &[0; 512], &[0xff; 100], b"closed"];
        let generations = fs::read_dir(self.disk.data_dir().join("generations"));
        for generation in generations.into_iter().flatten().flatten() {
            let marker = generation.path().join("marker");
            if marker.exists() {
                fs::write(marker, dice.pick(&junk)).expect("the marker can be written");
            }
        }
    }

    fn damage_snapshot(&self, dice: &mut Dice) -> bool {
        let mut snapshots = self.snapshots(".snapshot");
        snapshots.sort();
        let Some((sequence, path)) = (if dice.chance(70) {
            snapshots.pop()
        } else {
            let place = dice.place(snapshots.len());
            snapshots.get(place).cloned()
        }) else {
            return false;
        };
        self.damage(sequence, &path, dice);
        true
    }

    fn damage(&self, sequence: u64, path: &Path, dice: &mut Dice) {
        self.notes.lock().harmed_snapshots.insert(sequence);
        let mut bytes = fs::read(path).expect("a snapshot can be read");
        let place = dice.place(bytes.len());
        match dice.below(4) {
            0 => bytes[place] ^= 1 << dice.below(8),
            1 => bytes.truncate(place),
            2 => bytes[place..].iter_mut().take(64).for_each(|byte| *byte = !*byte),
            _ => return fs::remove_file(path).expect("a snapshot can be removed"),
        }
        fs::write(path, bytes).expect("a snapshot can be written");
    }

    fn snapshots(&self, ending: &str) -> Vec<(u64, PathBuf)> {
        let entries = fs::read_dir(self.disk.data_dir().join("snapshots"));
        let paths = entries.into_iter().flatten().map(|entry| entry.expect("it is listed").path());
        let named = paths.filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(ending)?.parse().ok()?;
            Some((name, path))
        });
        named.collect()
    }

    /// A snapshot that was put aside though nothing happened to it.
    pub(super) fn unharmed_snapshot_aside(&self) -> Option<u64> {
        let notes = self.notes.lock();
        let aside = self.snapshots(".snapshot.damaged").into_iter().map(|(sequence, _)| sequence);
        aside.into_iter().find(|sequence| !notes.harmed_snapshots.contains(sequence))
    }

    /// Makes that a file can't be made that the service may make next.
    fn put_in_the_way(&self, dice: &mut Dice) -> bool {
        let data_dir = self.disk.data_dir();
        let snapshot = self.unfinished_snapshot(self.disk.announced());
        let path = match (self.disk.stage(), dice.below(3)) {
            (Stage::Opening, 0) => data_dir.join("quarantine"),
            (Stage::Opening, 1) | (Stage::Loading | Stage::Recovering, _) => data_dir.join("current.next"),
            _ => snapshot,
        };
        if path.exists() || path.parent().is_none_or(|parent| !parent.exists()) {
            return false;
        }
        let made = if path.ends_with("quarantine") { fs::write(&path, "") } else { fs::create_dir(&path) };
        made.expect("it can be made");
        let within = path.strip_prefix(&data_dir).expect("it lies there").to_owned();
        self.notes.lock().in_the_way.push(within);
        true
    }

    fn unfinished_snapshot(&self, sequence: u64) -> PathBuf {
        self.disk.data_dir().join("snapshots").join(format!("{sequence:020}.snapshot.new"))
    }

    /// Whether the snapshot of that sequence can't be made.
    pub(super) fn is_snapshot_hindered(&self, sequence: u64) -> bool {
        self.unfinished_snapshot(sequence).is_dir()
    }

    /// Whether something is in the way of a file.
    pub(super) fn is_anything_in_the_way(&self) -> bool {
        !self.notes.lock().in_the_way.is_empty()
    }

    /// Called when no process has the data directory.
    pub(super) fn clear_the_way(&self) {
        for within in std::mem::take(&mut self.notes.lock().in_the_way) {
            let path = self.disk.data_dir().join(within);
            // It may have been gone when the process died.
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }

    /// The operator copies the newest snapshot to another place.
    pub(super) fn copy_snapshot(&self) {
        let newest = self.snapshots(".snapshot").into_iter().max();
        let mut notes = self.notes.lock();
        if let Some((sequence, path)) =
            newest.filter(|(sequence, _)| !notes.harmed_snapshots.contains(sequence))
        {
            notes.copied_snapshot = Some((sequence, fs::read(path).expect("a snapshot can be read")));
        }
    }

    /// The copy comes back in place of a store in which nothing is counted. Says which it is.
    pub(super) fn put_snapshot_back(&self) -> Option<u64> {
        let (sequence, bytes) = self.notes.lock().copied_snapshot.clone()?;
        let path = self.disk.data_dir().join("snapshots").join(format!("{sequence:020}.snapshot"));
        fs::write(path, bytes).expect("a snapshot can be written");
        self.disk.doubt();
        Some(sequence)
    }

    fn back_up(&self, stream: &Stream) {
        let mut notes = self.notes.lock();
        notes.backups.insert(0, stream.clone());
        notes.backups.truncate(BACKUPS);
    }

    /// The streams that were lost, the last one first.
    pub(super) fn backups(&self) -> Vec<Stream> {
        self.notes.lock().backups.clone()
    }

    pub(super) fn become_lenient(&self) {
        self.notes.lock().is_lenient = true;
    }

    /// All that belongs to a data directory that is no more.
    pub(super) fn forget(&self) {
        let mut notes = self.notes.lock();
        notes.harmed_snapshots.clear();
        notes.backups.clear();
        notes.copied_snapshot = None;
    }

    pub(super) fn free_disk_if_due(&self) {
        let now = self.nats.lock().now;
        if self.notes.lock().full_until.is_some_and(|until| until <= now) {
            self.free_disk();
        }
    }

    pub(super) fn free_disk(&self) {
        self.notes.lock().full_until = None;
        self.disk.set_free_bytes(u64::MAX);
    }
}

/// A message that the consumer has not delivered yet.
fn undelivered(nats: &State, dice: &mut Dice) -> Option<u64> {
    let next = nats.consumer.as_ref().map_or(1, |consumer| consumer.next());
    let messages = &nats.stream.as_ref()?.messages;
    let candidates: Vec<u64> = messages.range(next..).take(10).map(|(_, message)| message.number).collect();
    candidates.get(dice.place(candidates.len())).copied()
}
