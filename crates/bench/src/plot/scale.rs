//! How long a value is, and what is written at an axis.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::side_by_side::grouped;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From 0.
    Linear,
    /// For what differs by powers of ten. All values are above 0.
    Logarithmic,
}

/// About so many values at an axis.
const TICKS: f64 = 8.0;

impl Scale {
    /// Where a value is.
    pub(super) fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.log10(),
        }
    }

    fn value(self, position: f64) -> f64 {
        match self {
            Self::Linear => position,
            Self::Logarithmic => 10_f64.powf(position),
        }
    }
}

/// Positions, and what is written at some of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) range: Range<f64>,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// For these values, with a little more room than they need.
    pub(super) fn of_values(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let around = |(least, most): (f64, f64), value: f64| (least.min(value), most.max(value));
        let (least, most) = values.fold((f64::MAX, f64::MIN_POSITIVE), around);
        let most = most * 1.05;
        let (range, step) = match scale {
            Scale::Linear => (0.0..most, step(most / TICKS)),
            Scale::Logarithmic => (least.log10().floor()..most.log10().ceil(), 1.0),
        };
        let positions = (0..).map(|tick| range.start + f64::from(tick) * step);
        let ticks = positions
            .take_while(|position| *position <= range.end)
            .map(|position| (position, number(scale.value(position))))
            .collect();
        Self { range, ticks }
    }

    /// One place for each of these, 0, 1, 2, ….
    pub(super) fn of_places(labels: impl ExactSizeIterator<Item = String>) -> Self {
        let ticks: Vec<_> = (0..).map(f64::from).zip(labels).collect();
        let last = ticks.last().map_or(0.0, |(place, _)| *place);
        Self { range: -0.5..last + 0.5, ticks }
    }
}

/// Without what arithmetic adds behind the digits that count.
fn number(value: f64) -> String {
    let digits = format!("{value:.6}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    digits.parse().map_or_else(|_| digits.to_owned(), grouped)
}

/// The next of …, 0.1, 0.2, 0.5, 1, 2, 5, … that is not smaller.
fn step(least: f64) -> f64 {
    let decade = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * decade);
    steps.into_iter().find(|step| *step >= least).unwrap_or(10.0 * decade)
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    #[allow(clippy::cast_possible_truncation, reason = "a pixel of a picture that is far below 2^31 wide")]
    fn map(&self, position: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (position - self.range.start) / (self.range.end - self.range.start);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(position, _)| *position).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(position: &f64) -> String {
        number(*position)
    }

    fn format_ext(&self, position: &f64) -> String {
        let found = self.ticks.iter().find(|(tick, _)| tick == position);
        found.map_or_else(String::new, |(_, label)| label.clone())
    }
}
