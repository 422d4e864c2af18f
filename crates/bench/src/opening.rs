//! Opening a store as a restart does: each time in a process of its own.

use std::env;
use std::ffi::OsStr;
use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bench::counted::{ID_CACHE_BYTES, SLED_CACHE_BYTES, options};
use clap::ValueEnum;
use store::{Database as _, Metrics, Sled, Store};

use crate::side_by_side::Sample;

/// What is done with a store.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Opening {
    /// Sled reads all rows, and nothing is done with them
    Scan,
    /// The store is opened
    Open,
}

/// The memory that the machine has free when an opening begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FreeMemory {
    /// As it happens to be: what was free for a while may have gone back to the host of a virtual machine, and come from
    /// there again at a tenth of the speed.
    AsItIs,
    /// All that is needed was in use until now.
    JustFreed,
}

/// More than either takes.
const BYTES_IN_USE: usize = 512 << 20;
/// The kernel gives memory back two seconds after it got free; what is freed when that is done has two seconds more.
const GIVING_BACK: Duration = Duration::from_secs(3);

/// This program once more, which waits for its input to end.
fn start(arguments: &[&OsStr]) -> Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    Ok(command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
}

/// What the process printed; its input ends here. What went wrong it says itself.
fn finish(process: Child, what: &str) -> Result<String> {
    let output = process.wait_with_output()?;
    ensure!(output.status.success(), "`bench {what}` ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// In the other process: has memory in use, in the large pages that an opening gets, until the input ends.
pub(crate) fn use_memory() -> Result<()> {
    let in_use = vec![1_u8; BYTES_IN_USE];
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(black_box(in_use));
    Ok(())
}

impl Opening {
    /// How long it takes, in another process, and that it finds as much as `is_right` wants.
    pub(crate) fn sample(
        self,
        data_dir: &Path,
        memory: FreeMemory,
        is_right: impl Fn(u64) -> bool,
    ) -> Result<Sample> {
        let value = self.to_possible_value().context("nothing is hidden")?;
        let name = value.get_name();
        let opening = start(&["opening".as_ref(), name.as_ref(), data_dir.as_ref()])?;
        if let FreeMemory::JustFreed = memory {
            let using = start(&["use-memory".as_ref()])?;
            sleep(GIVING_BACK);
            finish(using, "use-memory")?;
        }
        let printed = finish(opening, "opening")?;
        let (nanoseconds, found) = printed.trim_end().split_once(' ').context("two numbers")?;
        ensure!(is_right(found.parse()?), "`bench opening {name}` found {found}, which can't be all");
        Ok(Sample { count: 1, time: Duration::from_nanos(nanoseconds.parse()?) })
    }

    /// In the other process: does it when the input ends, and prints the nanoseconds it took and how many bytes, or memberships,
    /// it found.
    pub(crate) fn run(self, data_dir: &Path) -> Result<()> {
        io::stdin().read_to_end(&mut Vec::new())?;
        let start = Instant::now();
        let found = match self {
            Self::Scan => {
                let rows = Sled { cache_bytes: SLED_CACHE_BYTES }.open(&generation(data_dir)?)?;
                let lengths = rows.scan(&[]).map(|row| row.map(|(key, row)| (key.len() + row.len()) as u64));
                lengths.sum::<Result<u64, _>>()?
            }
            Self::Open => {
                let options = options(data_dir, 10_000, ID_CACHE_BYTES);
                let (_store, counters) = Store::open(&options, &Metrics::default())?;
                counters.membership_count()
            }
        };
        let time = start.elapsed();
        Ok(writeln!(io::stdout(), "{} {found}", time.as_nanos())?)
    }
}

/// The directory of the one generation.
pub(crate) fn generation(data_dir: &Path) -> Result<PathBuf> {
    let directory = data_dir.join("generations");
    let no_store = || format!("there is no store in {}", directory.display());
    let mut generations = std::fs::read_dir(&directory).with_context(no_store)?;
    Ok(generations.next().with_context(no_store)??.path())
}
