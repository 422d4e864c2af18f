//! How many instructions the few things take that are done for every event and every badge. Unlike times they
//! are the same on a busy machine, so that a few percent more are seen.

use std::collections::BTreeMap;
use std::env::{self, consts::ARCH};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use bench::operations::{Asker, Format, Posts, PublishedPost, TAGS};
use bench::scratch;
use clap::ValueEnum;

/// The kind of processor that the recorded instructions are of.
const RECORDED_ARCH: &str = "x86_64";
const HEAD: &str = "\
# Instructions of one operation, x86-64, release profile, with the compiler of rust-toolchain.toml.
# Written by `cargo xtask bench instructions --record`; `cargo xtask bench instructions` fails where it
# counts over 5 % more.
";
/// What a counter may be above what is recorded.
const MOST_ABOVE: f64 = 1.05;
/// Below this part of what is recorded, it is time to record again.
const MUCH_BELOW: f64 = 0.95;
/// Each operation is repeated so many times, and in another run twice as many: the difference has neither the
/// start of the program nor the preparation in it.
const TIMES: u64 = 20_000;
const ROOMS: NonZero<usize> = NonZero::new(50).expect("50 is not 0");

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Operation {
    DecodePost,
    ApplyPost,
    /// Over 50 rooms, and so is the next one
    Badge,
    BadgeWithTwoTags,
}

impl Operation {
    /// As on the command line and in the file.
    fn name(self) -> String {
        self.to_possible_value().expect("no operation is hidden").get_name().to_owned()
    }
}

type Counts = BTreeMap<Operation, u64>;

/// What valgrind counts.
pub(crate) fn repeat(operation: Operation, times: u64) -> Result<()> {
    match operation {
        Operation::DecodePost => {
            let post = PublishedPost::new(Format::MessagePack)?;
            (0..times).for_each(|_| post.decode());
        }
        Operation::ApplyPost => {
            let mut posts = Posts::new()?;
            (0..times).try_for_each(|_| posts.apply_next())?;
        }
        Operation::Badge => ask(&[], times)?,
        Operation::BadgeWithTwoTags => ask(&TAGS, times)?,
    }
    Ok(())
}

fn ask(tags: &[&str], times: u64) -> Result<()> {
    let asker = Asker::new(ROOMS)?;
    (0..times).for_each(|_| {
        std::hint::black_box(asker.badge(tags));
    });
    Ok(())
}

pub(crate) fn record() -> Result<()> {
    let counts = count_all()?.context("there is nothing to record")?;
    fs::write(file(), written(&counts))?;
    Ok(writeln!(io::stdout(), "{} has them", file().display())?)
}

pub(crate) fn check() -> Result<()> {
    let recorded =
        fs::read_to_string(file()).with_context(|| format!("{} can't be read", file().display()))?;
    let recorded = read(&recorded)?;
    let Some(counts) = count_all()? else { return Ok(()) };
    let more = compared(&counts, &recorded)?;
    ensure!(
        more.is_empty(),
        "more instructions than recorded: {}. Take them away again, or `--record` them and say in the commit \
         what they are for",
        more.join(", ")
    );
    Ok(())
}

/// The names of what takes more than it may.
fn compared(counts: &Counts, recorded: &Counts) -> Result<Vec<String>> {
    let mut more = Vec::new();
    for (operation, count) in counts {
        let name = operation.name();
        let recorded =
            recorded.get(operation).with_context(|| format!("no instructions of {name} are recorded"))?;
        #[allow(clippy::cast_precision_loss, reason = "instructions of one operation are far below 2^52")]
        let ratio = *count as f64 / *recorded as f64;
        let verdict = match ratio {
            above if above > MOST_ABOVE => "too many",
            below if below < MUCH_BELOW => "fewer: `--record` them",
            _ => "as recorded",
        };
        writeln!(
            io::stdout(),
            "{name}: {count} instructions, {recorded} recorded, ratio {ratio:.3}: {verdict}"
        )?;
        if ratio > MOST_ABOVE {
            more.push(name);
        }
    }
    Ok(more)
}

/// `None` where they can't be counted, with a line that says why.
fn count_all() -> Result<Option<Counts>> {
    if ARCH != RECORDED_ARCH {
        writeln!(io::stdout(), "Skipped: instructions are counted on {RECORDED_ARCH}, and this is {ARCH}.")?;
        return Ok(None);
    }
    let found = Command::new("valgrind").arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).status();
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            writeln!(io::stdout(), "Skipped: valgrind (Debian's package valgrind) is not installed.")?;
            return Ok(None);
        }
        found => ensure!(found?.success(), "valgrind does not run"),
    }
    let count = |operation: &Operation| Ok((*operation, count(*operation)?));
    Operation::value_variants().iter().map(count).collect::<Result<_>>().map(Some)
}

/// Of one operation.
fn count(operation: Operation) -> Result<u64> {
    let (once, twice) = (count_run(operation, TIMES)?, count_run(operation, 2 * TIMES)?);
    let name = operation.name();
    ensure!(twice > once, "{name}: {twice} instructions for twice as much as {once} were for");
    Ok((twice - once) / TIMES)
}

/// Of this program from its start to its end.
fn count_run(operation: Operation, times: u64) -> Result<u64> {
    let directory = scratch::directory()?;
    let found = directory.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", found.display())])
        .arg(env::current_exe()?)
        .args(["repeat", &operation.name(), &times.to_string()])
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "valgrind: {}", String::from_utf8_lossy(&output.stderr));
    let found = fs::read_to_string(found)?;
    let total = found.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("callgrind wrote no totals")?.trim().parse()?)
}

fn file() -> PathBuf {
    xtask::root().join("crates/bench/instructions.txt")
}

fn written(counts: &Counts) -> String {
    counts.iter().fold(HEAD.to_owned(), |mut text, (operation, count)| {
        writeln!(text, "{} {count}", operation.name()).expect("a string takes everything");
        text
    })
}

fn read(text: &str) -> Result<Counts> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let count = |line: &str| {
        let Some((name, count)) = line.split_once(' ') else { bail!("`{line}` is no name and a number") };
        let operation = Operation::from_str(name, false).map_err(anyhow::Error::msg)?;
        Ok((operation, count.parse().with_context(|| format!("`{line}`: no number of instructions"))?))
    };
    lines.map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let counts = Counts::from([(Operation::DecodePost, 812), (Operation::ApplyPost, 1_490)]);
        assert_eq!(read(&written(&counts)).unwrap(), counts);
        assert!(read("decode-post").is_err());
        assert!(read("decode-boats 3").is_err());
        assert!(read("decode-post many").is_err());
    }

    #[test]
    fn over_a_twentieth_more_is_too_many() {
        let recorded = Counts::from([(Operation::DecodePost, 1_000), (Operation::ApplyPost, 1_000)]);
        let counts = Counts::from([(Operation::DecodePost, 1_050), (Operation::ApplyPost, 1_051)]);
        assert_eq!(compared(&counts, &recorded).unwrap(), ["apply-post"]);
        assert!(compared(&counts, &Counts::new()).is_err());
    }

    #[test]
    fn all_operations_are_recorded() {
        let recorded = read(&fs::read_to_string(file()).unwrap()).unwrap();
        assert_eq!(recorded.into_keys().collect::<Vec<_>>(), Operation::value_variants());
    }
}
