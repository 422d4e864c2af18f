//! `cargo xtask bench`: what the program `bench` does, and the micro-benchmarks, which cargo itself runs.

use anyhow::Result;

use crate::cargo::{cargo, pass};
use crate::program::{self, Arguments};

const MICRO: &str = "micro";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments.arguments.split_first() {
        Some((first, rest)) if first == MICRO => {
            pass(cargo(["bench", "--package", "bench", "--bench", MICRO, "--"]).args(rest))
        }
        _ => program::run("bench", arguments),
    }
}
