//! Damaged snapshots: the store is gone, and the newest snapshot, or every one, is not what was written.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use fastrand::Rng;

use crate::base::{Base, Size};
use crate::complaints;
use crate::directory::{generation, snapshots as snapshots_of};
use crate::examination::attempt;
use crate::plan::{Amount, Plan};
use crate::report::Report;
use crate::runs::{Run, in_parallel, random_of};
use crate::teller::Teller;
use crate::verdict::{Said, Tally, listen};

/// What happens to a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Bit,
    Zeros,
    Noise,
    Swapped,
    Tail,
    Longer,
    Mixed,
    Renamed,
    Emptied,
    Gone,
    New,
}

/// Every kind, what the table calls it, and whether it is noticed, always.
const KINDS: [(Damage, &str, bool); 11] = [
    (Damage::Bit, "a bit flipped", true),
    (Damage::Zeros, "a range zeroed", true),
    (Damage::Noise, "a range overwritten", true),
    (Damage::Swapped, "two blocks swapped", true),
    (Damage::Tail, "the tail cut", true),
    (Damage::Longer, "more at the end", true),
    (Damage::Mixed, "the front of one, the tail of another", true),
    (Damage::Emptied, "empty", true),
    // A whole snapshot all the same: what came later is read from the stream.
    (Damage::Renamed, "an older one under the newest's name", false),
    // As if it had never been there.
    (Damage::Gone, "gone", false),
    // It is no snapshot yet.
    (Damage::New, "half of one left behind as `.snapshot.new`", false),
];

impl Damage {
    /// Does it to a snapshot, so that something is not as it was; `other` is another one.
    fn spoil(self, file: &Path, other: &Path, random: &mut Rng) -> io::Result<()> {
        let before = fs::read(file)?;
        match self {
            Self::Gone => return fs::remove_file(file),
            Self::New => {
                let half = &before[..random.usize(..before.len())];
                return fs::write(file.with_extension("snapshot.new"), half);
            }
            _ => {}
        }
        let other = fs::read(other)?;
        for _ in 0..MOST_DRAWS {
            let mut bytes = before.clone();
            self.draw(&mut bytes, &other, random);
            if bytes != before {
                return fs::write(file, bytes);
            }
        }
        Err(io::Error::other(format!("nothing is changed after {MOST_DRAWS} attempts")))
    }

    /// Does it to the bytes of a snapshot, and perhaps changes nothing.
    fn draw(self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
        let place = random.usize(..bytes.len());
        let length = [1, 64, 4_096, 100_000][random.usize(..4)];
        let range = place..(place + length).min(bytes.len());
        match self {
            Self::Bit => bytes[place] ^= 1 << random.u32(..8),
            Self::Zeros => bytes[range].fill(0),
            Self::Noise => bytes[range].iter_mut().for_each(|byte| *byte = random.u8(..)),
            Self::Swapped => {
                let blocks = bytes.len() / SECTOR;
                let (one, two) = (random.usize(..blocks) * SECTOR, random.usize(..blocks) * SECTOR);
                (0..SECTOR).for_each(|offset| bytes.swap(one + offset, two + offset));
            }
            Self::Tail => bytes.truncate(place),
            Self::Longer => bytes.extend_from_within(..length.min(place)),
            Self::Mixed => {
                bytes.truncate(place.min(other.len()));
                bytes.extend_from_slice(&other[bytes.len()..]);
            }
            Self::Renamed => *bytes = other.to_vec(),
            // The others are no matter of bytes.
            Self::Emptied | Self::Gone | Self::New => bytes.clear(),
        }
    }
}

/// The smallest piece that devices write in one.
const SECTOR: usize = 512;
/// So often damage is drawn anew that changes nothing.
const MOST_DRAWS: usize = 1_000;

/// Damages snapshots in as many runs as that.
pub fn snapshots(plan: &Plan, amount: Amount, size: Size) -> Report {
    let mut teller = Teller::new("snapshots");
    let mut report = Report::new("Damaged snapshots", &Tally::COLUMNS);
    match attempt(|| Base::make(plan, size, &mut teller)) {
        Err(what) => report.wrong.push(format!("seed {}: {what}", plan.seed)),
        Ok(base) => {
            let names = KINDS.map(|(_, name, _)| name);
            let mut outcome =
                in_parallel(plan, amount, &mut teller, &names, |number| one(&base, plan, number));
            outcome.wrong.extend(base.no_letter_twice().err());
            let snapshots = snapshots_of(&base.states()[0]);
            let bytes =
                snapshots.first().and_then(|file| fs::metadata(file).ok()).map_or(0, |file| file.len());
            report.notes.push(format!(
                "each with {} snapshots, the newest of {} memberships and {bytes} bytes",
                snapshots.len(),
                base.memberships
            ));
            outcome.tell(plan, &mut report);
        }
    }
    report.took = teller.took();
    report
}

fn one(base: &Base, plan: &Plan, number: usize) -> Run {
    let mut random = random_of(plan, number);
    let (kind, name, is_noticed) = KINDS[number % KINDS.len()];
    let state = &base.states()[random.usize(..2)];
    let mut service = match base.service(&plan.executable, state) {
        Ok(service) => service,
        Err(error) => return Run::failed(name, error),
    };
    let data_dir = service.data_dir();
    let what = lose_store(&data_dir, &mut random).expect("files can be removed");
    let found = snapshots_of(&data_dir);
    let originals = snapshots_of(state);
    // The newest most often; now and then every one, and everything has to be counted again.
    let spoilt = if random.u32(..6) == 0 { found.len() } else { 1 };
    for (place, file) in found.iter().take(spoilt).enumerate() {
        let other = (place + 1 + random.usize(..found.len() - 1)) % found.len();
        kind.spoil(file, &originals[other], &mut random).expect("a snapshot can be damaged");
    }
    // That the store is gone is noticed in any case; what counts is whether the snapshot's damage is.
    let is_detected = |said: &Said| said.complained_of(complaints::SNAPSHOT);
    let said = listen(&mut service, &base.expected).and_then(|said| {
        if said.complained_of(complaints::RECOUNT) && spoilt < found.len() {
            return Err("everything was counted anew, though an older snapshot is whole".to_owned());
        }
        if is_noticed && !is_detected(&said) {
            return Err(format!("the damage was not noticed: {:?}", said.complaints));
        }
        Ok(said)
    });
    Run::of(name, said, is_detected, || {
        format!("{spoilt} snapshots, {what}; everything is in {}", service.keep().display())
    })
}

/// Makes a recovery necessary.
fn lose_store(data_dir: &Path, random: &mut Rng) -> io::Result<&'static str> {
    match random.u32(..4) {
        0 => {
            fs::remove_dir_all(data_dir.join("generations"))?;
            Ok("the store gone")
        }
        1 => {
            fs::remove_dir_all(data_dir.join("generations"))?;
            fs::remove_file(data_dir.join("current"))?;
            Ok("the store and its name gone")
        }
        2 => {
            fs::write(generation(data_dir).join("marker"), [0; SECTOR])?;
            Ok("the marker zeroed")
        }
        _ => {
            let db = generation(data_dir).join("db");
            let length = fs::metadata(&db)?.len();
            File::options().write(true).open(db)?.set_len(length / 3)?;
            Ok("two thirds of the database gone")
        }
    }
}
