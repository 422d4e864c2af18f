//! Which service or which files a command is about.

use std::path::PathBuf;

use clap::Args;

use crate::service::{Found, Service};
use crate::settings::Settings;

/// The part of a command line that says so.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The settings file, the one of the service; variables and defaults apply as for serve
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The service's operator listener, such as http://127.0.0.1:9090; found by itself where data_dir is
    #[arg(long, value_name = "URL")]
    pub(crate) operator: Option<String>,
}

impl Place {
    /// The service that is running or, if none is, the data directory, which this process has then.
    pub(crate) fn find(&self, settings: &Settings) -> anyhow::Result<Found> {
        Service::find(settings, self.operator.as_deref())
    }
}
