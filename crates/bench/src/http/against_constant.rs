//! Badges while messages are posted to the rooms, against an answer that needs no thought.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

use super::load::Answered;
use super::service::{Service, requests, token, under_load};
use super::world::{GROUPS, Group, TAGS};
use crate::Scale;
use crate::plot::{self, Bars, Form, Plot};
use crate::program::Program;
use crate::side_by_side::{Bar, Comparison, Sample, Table, grouped, median};

const POSTS_A_SECOND: usize = 1_000;
const SHARES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// How many tags are asked for, and what is promised of that.
fn questions(group: Group) -> Vec<(usize, Bar)> {
    match group.rooms {
        50 => vec![
            (0, Bar::RateAtLeast(1.0)),
            (1, Bar::Rate),
            (2, Bar::RateAtLeast(0.95)),
            (3, Bar::Rate),
            (4, Bar::Rate),
            (5, Bar::Rate),
        ],
        1_000 => vec![(0, Bar::RateAtLeast(0.95)), (2, Bar::Rate), (5, Bar::Rate)],
        10_000 => vec![(0, Bar::RateAtLeast(0.6)), (2, Bar::Rate), (5, Bar::Rate)],
        _ => vec![(0, Bar::Rate), (2, Bar::Rate), (5, Bar::Rate)],
    }
}

pub(crate) fn run(scale: Scale) -> Result<Table> {
    let service = Service::start()?;
    let constant = Program::start(&["constant"])?;
    let mut comparisons = Vec::new();
    let mut latencies =
        "Latency in microseconds: the median of the samples' percentiles, constant answer and badge.\n\n\
         | | 50 % | 90 % | 99 % | 99.9 % |\n|---|---:|---:|---:|---:|"
            .to_owned();
    service.while_posting(POSTS_A_SECOND, || -> Result<()> {
        for group in GROUPS {
            for (tags, bar) in questions(group) {
                let requests = requests(group, &TAGS[..tags], token);
                let what = format!("{} rooms, {tags} tags", grouped(group.rooms));
                let (a, b) = (RefCell::default(), RefCell::default());
                comparisons.push(Comparison::run(
                    &what,
                    bar,
                    scale.rounds,
                    || sample(under_load(constant.address, &requests)?, &a),
                    || sample(under_load(service.address(), &requests)?, &b),
                )?);
                write!(latencies, "\n| {what} |")?;
                for share in 0..SHARES.len() {
                    let of = |side: &RefCell<Percentiles>| {
                        median(side.borrow().iter().map(|found| found[share].as_secs_f64() * 1e6))
                    };
                    write!(latencies, " {:.0}, {:.0} |", of(&a), of(&b))?;
                }
            }
        }
        Ok(())
    })?;
    let mut table = Table { comparisons, notes: vec![latencies], ..Table::new("Badges over HTTP") };
    table.plots.push(Plot {
        name: "badges-over-http",
        title: "Badges over HTTP".to_owned(),
        form: Form::Bars(Bars {
            across: "times the constant answer's rate".to_owned(),
            scale: plot::Scale::Linear,
            bars: table.ratios(),
        }),
    });
    Ok(table)
}

type Percentiles = Vec<[Duration; SHARES.len()]>;

fn sample(answered: Answered, percentiles: &RefCell<Percentiles>) -> Result<Sample> {
    percentiles.borrow_mut().push(SHARES.map(|share| answered.percentile(share)));
    Ok(answered.sample())
}
