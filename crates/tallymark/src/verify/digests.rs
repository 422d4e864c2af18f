//! `tallymark verify --digest A B`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use recount::table;
use serde::Serialize;
use store::{read_generation, read_snapshot};

use crate::output::{print, print_json};
use crate::service::Found;
use crate::whose::current;

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Side {
    /// What is in use.
    Live,
    Generation(u64),
    Snapshot(PathBuf),
}

impl Side {
    fn parse(text: &str) -> anyhow::Result<Self> {
        if text == "live" || text == "current" {
            return Ok(Self::Live);
        }
        if let Ok(number) = text.parse() {
            return Ok(Self::Generation(number));
        }
        if Path::new(text).is_file() {
            return Ok(Self::Snapshot(text.into()));
        }
        bail!("{text:?} is no snapshot file: expected live, the number of a generation, or a snapshot file")
    }
}

/// One digest, and what it is of.
#[derive(Debug, Serialize)]
struct Digested {
    what: String,
    sequence: u64,
    digest: String,
}

#[derive(Serialize)]
struct Report<'a> {
    equal: bool,
    digests: &'a [Digested],
}

/// Prints both digests. Ends with an error unless they are equal.
pub(super) fn compare(
    found: Found,
    options: &store::Options,
    one: &str,
    other: &str,
    json: bool,
) -> anyhow::Result<()> {
    let sides = [Side::parse(one)?, Side::parse(other)?];
    let digests = [digested(&found, options, &sides[0])?, digested(&found, options, &sides[1])?];
    drop(found);
    let [one, other] = &digests;
    let is_same_sequence = one.sequence == other.sequence;
    let equal = is_same_sequence && one.digest == other.digest;
    if json {
        print_json(&Report { equal, digests: &digests })?;
    } else {
        let row = |digested: &Digested| {
            [digested.what.clone(), digested.sequence.to_string(), digested.digest.clone()]
        };
        print(&table(&[["OF", "SEQUENCE", "DIGEST"].map(str::to_owned), row(one), row(other)]))?;
    }
    match (equal, is_same_sequence) {
        (true, _) => Ok(()),
        (false, true) => bail!("the counts differ: run `tallymark verify` to see whose are right"),
        (false, false) => bail!(
            "they are of sequence {} and of sequence {}, and only counts of one sequence can be compared",
            one.sequence,
            other.sequence
        ),
    }
}

fn digested(found: &Found, options: &store::Options, side: &Side) -> anyhow::Result<Digested> {
    let of_generation = |number: u64, what: String| -> anyhow::Result<Digested> {
        let contents = read_generation(options, number)?;
        let (sequence, digest) = (contents.position.applied, contents.digest.to_string());
        Ok(Digested { what, sequence, digest })
    };
    let of_service = |status: &query::Status| -> anyhow::Result<Digested> {
        let store = status.store.as_ref().context("the service has not opened its store yet")?;
        let what = format!("the service, generation {}", store.generation);
        Ok(Digested { what, sequence: store.digest.sequence, digest: store.digest.value.clone() })
    };
    match (side, found) {
        (Side::Snapshot(path), _) => {
            let contents = read_snapshot(path, options.policies)?;
            let what = path.display().to_string();
            Ok(Digested { what, sequence: contents.position.applied, digest: contents.digest.to_string() })
        }
        (Side::Live, Found::Running(service)) => of_service(&service.get("/status")?),
        (Side::Live, Found::Files(_)) => {
            let number = current(options)?;
            of_generation(number, format!("generation {number}, in use"))
        }
        (Side::Generation(number), Found::Running(service)) => {
            let status: query::Status = service.get("/status")?;
            if status.store.as_ref().is_some_and(|store| store.generation == *number) {
                return of_service(&status);
            }
            of_generation(*number, format!("generation {number}"))
        }
        (Side::Generation(number), Found::Files(_)) => of_generation(*number, format!("generation {number}")),
    }
}
