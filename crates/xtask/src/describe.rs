//! `cargo xtask describe`: writes the documents that the code generates.

use anyhow::Result;

use crate::cargo::{cargo, pass};

/// The tests that compare a document with what the code makes of it write it anew when they are told to: so nothing can
/// be written that is not also compared.
const TESTS: [[&str; 2]; 2] = [["events", "codec"], ["query", "http"]];

pub(crate) fn run() -> Result<()> {
    for [package, tests] in TESTS {
        let mut command = cargo(["test", "--quiet", "--package", package, "--test", tests, "--"]);
        pass(command.args(["as_they_are_made", "as_it_is_made"]).env("UPDATE_DOCS", "1"))?;
    }
    Ok(())
}
