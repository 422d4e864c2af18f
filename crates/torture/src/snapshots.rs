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

impl Damage {
    const ALL: [Self; 11] = [
        Self::Bit,
        Self::Zeros,
        Self::Noise,
        Self::Swapped,
        Self::Tail,
        Self::Longer,
        Self::Mixed,
        Self::Renamed,
        Self::Emptied,
        Self::Gone,
        Self::New,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Bit => "a bit flipped",
            Self::Zeros => "a range zeroed",
            Self::Noise => "a range overwritten",
            Self::Swapped => "two blocks swapped",
            Self::Tail => "the tail cut",
            Self::Longer => "more at the end",
            Self::Mixed => "the front of one, the tail of another",
            Self::Renamed => "an older one under the newest's name",
            Self::Emptied => "empty",
            Self::Gone => "gone",
            Self::New => "half of one left behind as `.snapshot.new`",
        }
    }

    /// Does it to a snapshot; `other` is another one.
    fn spoil(self, file: &Path, other: &Path, random: &mut Rng) -> io::Result<()> {
        let mut bytes = fs::read(file)?;
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
                let other = fs::read(other)?;
                bytes.truncate(place.min(other.len()));
                bytes.extend_from_slice(&other[bytes.len()..]);
            }
            Self::Renamed => bytes = fs::read(other)?,
            Self::Emptied => bytes.clear(),
            Self::Gone => return fs::remove_file(file),
            Self::New => return fs::write(file.with_extension("snapshot.new"), &bytes[..place]),
        }
        fs::write(file, bytes)
    }
}

/// The smallest piece that devices write in one.
const SECTOR: usize = 512;

/// Damages snapshots in as many runs as that.
pub fn snapshots(plan: &Plan, amount: Amount, size: Size) -> Report {
    let mut teller = Teller::new("snapshots");
    let mut report = Report::new("Damaged snapshots", &Tally::COLUMNS);
    match attempt(|| Base::make(plan, size, &mut teller)) {
        Err(what) => report.wrong.push(format!("seed {}: {what}", plan.seed)),
        Ok(base) => {
            let outcome = in_parallel(plan, amount, &mut teller, &Damage::ALL.map(Damage::name), |number| {
                let mut random = random_of(plan, number);
                let kind = Damage::ALL[number % Damage::ALL.len()];
                one(&base, plan, kind, &mut random)
            });
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

fn one(base: &Base, plan: &Plan, kind: Damage, random: &mut Rng) -> Run {
    let state = &base.states()[random.usize(..2)];
    let mut service = match base.service(&plan.executable, state) {
        Ok(service) => service,
        Err(error) => return Run::failed(kind.name(), error),
    };
    let data_dir = service.data_dir();
    let what = lose_store(&data_dir, random).expect("files can be removed");
    let found = snapshots_of(&data_dir);
    let originals = snapshots_of(state);
    // The newest most often; now and then every one, and everything has to be counted again.
    let spoilt = if random.u32(..6) == 0 { found.len() } else { 1 };
    for (place, file) in found.iter().take(spoilt).enumerate() {
        let other = (place + 1 + random.usize(..found.len() - 1)) % found.len();
        kind.spoil(file, &originals[other], random).expect("files can be written");
    }
    let said = listen(&mut service, &base.expected);
    // That the store is gone is noticed in any case; what counts is whether the snapshot's damage is.
    let is_detected = |said: &Said| said.complained_of(complaints::SNAPSHOT);
    let said = said.and_then(|said| match said.complained_of(complaints::RECOUNT) && spoilt < found.len() {
        true => Err("everything was counted anew, though an older snapshot is whole".to_owned()),
        false => Ok(said),
    });
    Run::of(kind.name(), said, is_detected, || {
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
            fs::write(data_dir.join("marker"), [0; SECTOR])?;
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
