//! `cargo xtask bench` and `cargo xtask torture`: builds the service and what is to be done with it, and does it.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::cargo::{cargo, pass};

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// For the program of the same name; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}

/// With the release profile, as the service is deployed: it is as fast as it is there, and its phases as short. What was built
/// with the service is run as it is: built alone, it would be built again, with the features that it needs itself.
pub(crate) fn run(program: &str, arguments: &Arguments) -> Result<()> {
    pass(&mut cargo(["build", "--release", "--package", "tallymark", "--package", program]))?;
    let mut command = Command::new(xtask::target().join("release").join(program));
    pass(command.args(&arguments.arguments).current_dir(xtask::root()).stdin(Stdio::null()))
}
