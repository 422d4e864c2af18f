//! Times that something took, as percentiles.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::load;
use crate::plot::Curve;

/// What is told of all times, and how it is called.
const SHARES: [(f64, &str); 5] =
    [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (1.0, "most")];
/// Of which percentile busy times are set against quiet ones.
const COMPARED_SHARE: f64 = 0.99;

pub(super) fn labels() -> Vec<String> {
    SHARES.map(|(_, label)| label.to_owned()).into()
}

/// Of a table whose rows are about different `cases`.
pub(super) fn head(cases: &str) -> String {
    format!(
        "| {cases} | milliseconds | {} | 99 % against quiet |\n|---:|---|---:|---:|---:|---:|---:|---:|",
        labels().join(" | ")
    )
}

/// Ascending, and at least one.
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn new(mut times: Vec<Duration>) -> Result<Self> {
        ensure!(!times.is_empty(), "nothing was measured");
        times.sort_unstable();
        Ok(Self(times))
    }

    fn percentile(&self, share: f64) -> f64 {
        load::percentile(&self.0, share).as_secs_f64() * 1e3
    }

    /// The percentile by which times are set against others.
    pub(super) fn compared(&self) -> Duration {
        load::percentile(&self.0, COMPARED_SHARE)
    }

    pub(super) fn row(&self, case: &str, what: &str, against: Option<&Self>) -> String {
        let times = SHARES.map(|(share, _)| format!("{:.2}", self.percentile(share)));
        let ratio = against.map_or(String::new(), |quiet| {
            format!("**{:.2}**", self.percentile(COMPARED_SHARE) / quiet.percentile(COMPARED_SHARE))
        });
        format!("\n| {case} | {what} | {} | {ratio} |", times.join(" | "))
    }

    /// Milliseconds.
    pub(super) fn curve(&self, name: String) -> Curve {
        Curve { name, points: SHARES.map(|(share, _)| [self.percentile(share); 3]).into() }
    }
}
