//! `cargo xtask torture`: builds what is to be tortured, and tortures it.

use anyhow::Result;

use crate::cargo::{cargo, pass};

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// For the program `torture`; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// With the release profile, as it is deployed: phases are as short as they are there, and a night is enough.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    pass(&mut cargo(["build", "--release", "--package", "tallymark", "--package", "torture"]))?;
    let mut torture = cargo(["run", "--quiet", "--release", "--package", "torture", "--"]);
    pass(torture.args(&arguments.arguments))
}
