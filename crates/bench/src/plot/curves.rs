//! Points at places that are equally far from each other, joined, each with its spread.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::scale::Axis;
use super::{CAPTION, COLOURS, Curves, GRID, INK, PROMISE, Scale, TEXT};

pub(super) const HEIGHT: u32 = 480;
/// Half the length of the ends of a spread, in places.
const END: f64 = 0.03;
/// Curves are so far beside each other that their spreads can be told apart, in places.
const APART: f64 = 0.06;
/// Of a line in the legend.
const SAMPLE: i32 = 24;

pub(super) fn draw(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    Curves { across, labels, up, scale, curves, promised }: &Curves,
) -> Result<()> {
    let values = curves.iter().flat_map(|curve| curve.points.iter().flatten().copied());
    let values = Axis::of_values(*scale, values.chain(*promised));
    let places = Axis::of_places(labels.iter().cloned());
    let width = places.range.clone();
    let mut chart = ChartBuilder::on(area)
        .caption(title, CAPTION.into_font().color(&INK))
        .margin(12)
        .x_label_area_size(50)
        .y_label_area_size(80)
        .build_cartesian_2d(places, values)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(TEXT.into_font().color(&INK))
        .x_desc(across)
        .y_desc(up)
        .draw()?;
    if let Some(promised) = promised {
        let position = scale.position(*promised);
        let line = vec![(width.start, position), (width.end, position)];
        let style = PROMISE.stroke_width(2);
        chart
            .draw_series([PathElement::new(line, style)])?
            .label("promised")
            .legend(move |(x, y)| PathElement::new([(x, y), (x + SAMPLE, y)], style));
    }
    let shifts = (0..).map(|curve| (f64::from(curve) - (curves.len() as f64 - 1.0) / 2.0) * APART);
    for ((curve, colour), shift) in curves.iter().zip(COLOURS.into_iter().cycle()).zip(shifts) {
        let style = colour.stroke_width(2);
        let points: Vec<_> = (0..)
            .zip(&curve.points)
            .map(|(place, spread)| (f64::from(place) + shift, spread.map(|value| scale.position(value))))
            .collect();
        let line = points.iter().map(|(place, [_, median, _])| (*place, *median)).collect::<Vec<_>>();
        chart
            .draw_series([PathElement::new(line, style)])?
            .label(&*curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + SAMPLE, y)], style));
        for (place, [least, median, most]) in points {
            chart.draw_series([Circle::new((place, median), 4, colour.filled())])?;
            let end = |at: f64| vec![(place - END, at), (place + END, at)];
            let spread = [vec![(place, least), (place, most)], end(least), end(most)];
            chart.draw_series(spread.map(|line| PathElement::new(line, colour.stroke_width(1))))?;
        }
    }
    chart
        .configure_series_labels()
        .position(match scale {
            // Ratios leave the room below them empty, percentiles that above the first of them.
            Scale::Linear => SeriesLabelPosition::LowerLeft,
            Scale::Logarithmic => SeriesLabelPosition::UpperLeft,
        })
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font(TEXT.into_font().color(&INK))
        .draw()?;
    Ok(())
}
