//! Pictures of figures, for docs/benchmarks.md: SVG, drawn the same from the same figures.

mod bars;
mod curves;
mod scale;

use anyhow::Result;
use plotters::prelude::*;

pub(crate) use scale::Scale;

/// One picture.
#[derive(Debug)]
pub(crate) struct Plot {
    /// Of its file, without `.svg`.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) form: Form,
}

#[derive(Debug)]
pub(crate) enum Form {
    Bars(Bars),
    Curves(Curves),
}

/// One bar a row, with its spread: from 0, or on a logarithmic scale from 1.
#[derive(Debug)]
pub(crate) struct Bars {
    /// What the length of a bar is.
    pub(crate) across: String,
    pub(crate) scale: Scale,
    pub(crate) bars: Vec<Ratio>,
}

/// Smallest, median and largest.
pub(crate) type Spread = [f64; 3];

#[derive(Debug)]
pub(crate) struct Ratio {
    pub(crate) what: String,
    pub(crate) spread: Spread,
    pub(crate) promised: Option<f64>,
}

/// Several things at the same places.
#[derive(Debug)]
pub(crate) struct Curves {
    pub(crate) across: String,
    /// Of the places, from left to right.
    pub(crate) labels: Vec<String>,
    pub(crate) up: String,
    pub(crate) scale: Scale,
    pub(crate) curves: Vec<Curve>,
    pub(crate) promised: Option<f64>,
}

#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) name: String,
    /// One for each place.
    pub(crate) points: Vec<Spread>,
}

impl Curve {
    /// Ratios to what is at the first place.
    pub(crate) fn from_one(name: &str) -> Self {
        Self { name: name.to_owned(), points: vec![[1.0; 3]] }
    }
}

const WIDTH: u32 = 900;
const CAPTION: (&str, u32) = ("sans-serif", 22);
const TEXT: (&str, u32) = ("sans-serif", 16);
/// What is promised.
const PROMISE: RGBColor = RGBColor(0xb0, 0x1e, 0x1e);
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
/// Told apart by those who don't see red and green apart, too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0xd5, 0x5e, 0x00),
];

impl Plot {
    /// The picture, as the text of an SVG file. It brings its own white ground.
    pub(crate) fn drawn(&self) -> Result<String> {
        let mut svg = String::new();
        let height = match &self.form {
            Form::Bars(bars) => bars::height(bars),
            Form::Curves(_) => curves::HEIGHT,
        };
        {
            let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
            area.fill(&WHITE)?;
            match &self.form {
                Form::Bars(bars) => bars::draw(&area, &self.title, bars)?,
                Form::Curves(curves) => curves::draw(&area, &self.title, curves)?,
            }
            area.present()?;
        }
        Ok(svg)
    }
}

#[cfg(test)]
mod tests;
