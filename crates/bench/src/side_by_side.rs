//! A B A B …: what two things cost, as a ratio taken in one run.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

use crate::plot::{self, Plot};

/// How much was done, and in what time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) count: usize,
    pub(crate) time: Duration,
}

impl Sample {
    #[allow(clippy::cast_precision_loss, reason = "a count of things done is far below 2^52")]
    fn seconds_each(self) -> f64 {
        self.time.as_secs_f64() / self.count as f64
    }

    /// So many a second.
    pub(crate) fn rate(self) -> f64 {
        self.seconds_each().recip()
    }
}

/// What the ratio compares, and which way is good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    /// Cost of B over cost of A, at most so much.
    CostAtMost(f64),
    /// Cost of B over cost of A; nothing is promised of it.
    Cost,
    /// Rate of B over rate of A, at least so much.
    RateAtLeast(f64),
    /// Rate of B over rate of A; nothing is promised of it.
    Rate,
}

impl Bar {
    fn promised(self) -> Option<f64> {
        match self {
            Self::CostAtMost(bound) | Self::RateAtLeast(bound) => Some(bound),
            Self::Cost | Self::Rate => None,
        }
    }

    fn ratio(self, a: Sample, b: Sample) -> f64 {
        match self {
            Self::CostAtMost(_) | Self::Cost => b.seconds_each() / a.seconds_each(),
            Self::RateAtLeast(_) | Self::Rate => b.rate() / a.rate(),
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CostAtMost(most) => write!(formatter, "cost ≤ {most}"),
            Self::RateAtLeast(least) => write!(formatter, "rate ≥ {least}"),
            Self::Cost => formatter.write_str("cost"),
            Self::Rate => formatter.write_str("rate"),
        }
    }
}

/// One row: B against A.
#[derive(Debug)]
pub(crate) struct Comparison {
    what: String,
    a: Vec<Sample>,
    b: Vec<Sample>,
    bar: Bar,
}

impl Comparison {
    /// Takes `rounds` samples of A and of B in turn, after one of each that does not count.
    pub(crate) fn run(
        what: &str,
        bar: Bar,
        rounds: usize,
        mut a: impl FnMut() -> Result<Sample>,
        mut b: impl FnMut() -> Result<Sample>,
    ) -> Result<Self> {
        a()?;
        b()?;
        let mut comparison = Self { what: what.to_owned(), a: Vec::new(), b: Vec::new(), bar };
        for _ in 0..rounds.max(1) {
            comparison.a.push(a()?);
            comparison.b.push(b()?);
        }
        Ok(comparison)
    }

    /// Smallest, median and largest.
    pub(crate) fn ratios(&self) -> [f64; 3] {
        spread(self.a.iter().zip(&self.b).map(|(a, b)| self.bar.ratio(*a, *b)))
    }
}

fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    spread(values)[1]
}

/// A number in groups of three digits.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}

/// The median of one side, to give the ratio its scale; only the ratio is to be quoted.
fn shown(bar: Bar, samples: &[Sample]) -> String {
    let median = median(samples.iter().map(|sample| sample.seconds_each()));
    match bar {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of this world is far below 2^52"
        )]
        Bar::RateAtLeast(_) | Bar::Rate => format!("{}/s", grouped(median.recip().round() as usize)),
        Bar::CostAtMost(_) | Bar::Cost if median < 1e-3 => format!("{:.0} ns", median * 1e9),
        Bar::CostAtMost(_) | Bar::Cost => format!("{:.1} ms", median * 1e3),
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [least, median, most] = self.ratios();
        let (a, b) = (shown(self.bar, &self.a), shown(self.bar, &self.b));
        write!(
            formatter,
            "| {} | {a} | {b} | **{median:.3}** | {least:.3} | {most:.3} | {} |",
            self.what, self.bar
        )
    }
}

/// One benchmark's rows, as Markdown.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) comparisons: Vec<Comparison>,
    /// Sentences with figures that are no ratios.
    pub(crate) notes: Vec<String>,
    /// Of what is in the rows and the sentences.
    pub(crate) plots: Vec<Plot>,
}

impl Table {
    /// Without any rows.
    pub(crate) fn new(title: &'static str) -> Self {
        Self { title, comparisons: Vec::new(), notes: Vec::new(), plots: Vec::new() }
    }

    /// All ratios, with what is promised of them.
    pub(crate) fn ratios(&self) -> Vec<plot::Ratio> {
        let ratio = |row: &Comparison| plot::Ratio {
            what: row.what.clone(),
            spread: row.ratios(),
            promised: row.bar.promised(),
        };
        self.comparisons.iter().map(ratio).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "### {}\n", self.title)?;
        if !self.comparisons.is_empty() {
            writeln!(formatter, "| B against A | A | B | ratio, median | min | max | ratio of |")?;
            writeln!(formatter, "|---|---:|---:|---:|---:|---:|---|")?;
        }
        for comparison in &self.comparisons {
            writeln!(formatter, "{comparison}")?;
        }
        for note in &self.notes {
            writeln!(formatter, "\n{note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(bar: Bar, a: [u64; 3], b: [u64; 3]) -> Comparison {
        let samples = |seconds: [u64; 3]| {
            let sample = |seconds| Ok(Sample { count: 2, time: Duration::from_secs(seconds) });
            let mut samples = [99].into_iter().chain(seconds).map(sample);
            move || samples.next().expect("one sample to begin with, then three")
        };
        Comparison::run("", bar, 3, samples(a), samples(b)).expect("every sample is fine")
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 12, 123, 1_234, 1_000_000].map(grouped), ["0", "12", "123", "1,234", "1,000,000"]);
    }

    #[test]
    fn each_sample_is_set_against_the_one_before_it() {
        let (a, b) = ([1, 2, 10], [3, 4, 10]);
        assert_eq!(comparison(Bar::CostAtMost(1.5), a, b).ratios(), [1.0, 2.0, 3.0]);
        assert_eq!(comparison(Bar::RateAtLeast(0.5), b, a).ratios(), [1.0, 2.0, 3.0]);
    }
}
