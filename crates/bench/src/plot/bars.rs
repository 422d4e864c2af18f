//! Ratios as horizontal bars, in the order of the rows.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::scale::Axis;
use super::{Bars, CAPTION, COLOURS, GRID, INK, PROMISE, Scale, TEXT};

const ROW: u32 = 30;
const AROUND_ROWS: u32 = 130;
const LABELS: u32 = 400;
/// Half the height of a bar, of a promise, and of the ends of a spread, in rows.
const BAR: f64 = 0.3;
const PROMISED: f64 = 0.45;
const END: f64 = 0.12;

pub(super) fn height(bars: &Bars) -> u32 {
    AROUND_ROWS + ROW * u32::try_from(bars.bars.len()).unwrap_or(u32::MAX / ROW)
}

pub(super) fn draw(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    Bars { across, scale, bars }: &Bars,
) -> Result<()> {
    let values = bars.iter().flat_map(|bar| bar.spread.into_iter().chain(bar.promised));
    let values = Axis::of_values(*scale, values.chain([1.0]));
    // The first row is at the top.
    let rows = Axis::of_places(bars.iter().rev().map(|bar| bar.what.clone()));
    let base = match scale {
        Scale::Linear => values.range.start,
        Scale::Logarithmic => scale.position(1.0),
    };
    let height = rows.range.clone();
    let places: Vec<_> = rows.ticks.iter().rev().map(|(place, _)| *place).collect();
    let mut chart = ChartBuilder::on(area)
        .caption(title, CAPTION.into_font().color(&INK))
        .margin(12)
        // Half of what is written at the end of the axis.
        .margin_right(40)
        .x_label_area_size(50)
        .y_label_area_size(LABELS)
        .build_cartesian_2d(values, rows)?;
    let red = if bars.iter().any(|bar| bar.promised.is_some()) { "; red: promised" } else { "" };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(TEXT.into_font().color(&INK))
        .x_desc(format!("{across}; median, smallest and largest{red}"))
        .draw()?;
    for (bar, place) in bars.iter().zip(places) {
        let [least, median, most] = bar.spread.map(|value| scale.position(value));
        let rectangle = [(base, place - BAR), (median, place + BAR)];
        chart.draw_series([Rectangle::new(rectangle, COLOURS[4].filled())])?;
        let vertical = |at: f64, half: f64| vec![(at, place - half), (at, place + half)];
        let spread = [vec![(least, place), (most, place)], vertical(least, END), vertical(most, END)];
        chart.draw_series(spread.map(|line| PathElement::new(line, INK.stroke_width(1))))?;
        if let Some(promised) = bar.promised {
            let line = vertical(scale.position(promised), PROMISED);
            chart.draw_series([PathElement::new(line, PROMISE.stroke_width(3))])?;
        }
    }
    // What equals what it is set against.
    let equal = scale.position(1.0);
    chart.draw_series([PathElement::new(
        vec![(equal, height.start), (equal, height.end)],
        INK.stroke_width(1),
    )])?;
    Ok(())
}
