//! Small programs under the watch: what is left of their files when the power goes off.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "an unwrap that fails is a test that fails; a program prints"
)]

mod chance;
mod child;
mod kills;
mod program;
mod rules;
mod shadow;
