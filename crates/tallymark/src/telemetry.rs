//! Log lines on standard error, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Starts writing log lines of what is wrong: for commands, which have their own words for the rest.
pub(crate) fn start_quietly() {
    let builder = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(EnvFilter::new("warn"));
    builder.with_ansi(io::stderr().is_terminal()).init();
}

/// Starts writing log lines. To be called once.
pub(crate) fn start(log: &Log) {
    let builder =
        tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(EnvFilter::new(&log.filter));
    match log.format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
