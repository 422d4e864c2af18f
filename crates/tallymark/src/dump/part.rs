//! Which part of the stream.

use clap::Args;
use consumer::{Bounds, Log, LogError};

use crate::rfc3339;

/// From where to where, by sequence or by the time at which the stream stored an event.
#[derive(Debug, Args)]
pub(super) struct Part {
    /// Begin with this stream sequence [default: the stream's first]
    #[arg(long, value_name = "N", conflicts_with = "from_time")]
    from_seq: Option<u64>,
    /// Begin with the first event stored at this time or later, for example 2026-01-31T08:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = rfc3339::parse)]
    from_time: Option<u64>,
    /// End with this stream sequence [default: the stream's last]
    #[arg(long, value_name = "N", conflicts_with = "until_time")]
    until_seq: Option<u64>,
    /// End with the last event stored at this time or before
    #[arg(long, value_name = "RFC3339", value_parser = rfc3339::parse)]
    until_time: Option<u64>,
}

impl Part {
    /// The first and the last sequence, both of them within what the stream has.
    pub(super) async fn sequences(&self, log: &Log) -> Result<(u64, u64), LogError> {
        let Bounds { first, last } = log.bounds().await?;
        let from = match (self.from_seq, self.from_time) {
            (Some(sequence), _) => sequence,
            (None, Some(0)) => first,
            (None, Some(time)) => log.sequence_at(time - 1).await? + 1,
            (None, None) => first,
        };
        let until = match (self.until_seq, self.until_time) {
            (Some(sequence), _) => sequence,
            (None, Some(time)) => log.sequence_at(time).await?,
            (None, None) => last,
        };
        Ok((from.max(1), until.min(last)))
    }
}
