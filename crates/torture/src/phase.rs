//! What the service was doing when it died, read from its log.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use ::tests::{PATIENCE, Service};
use serde_json::Value;

use crate::complaints::{RECOUNT, RECOVERED, RECOVERING};

/// The store is open, whatever became of the one before.
pub(crate) const LOADED: &str = "store loaded";
const OPENING: &str = "opening the store";
const WRITING: &str = "writing a snapshot";
const WRITTEN: &str = "snapshot written";
const NOT_WRITTEN: &str = "no snapshot could be written";
/// All that is looked for in a log.
#[cfg(test)]
pub(crate) const TEXTS: [&str; 8] =
    [LOADED, OPENING, WRITING, WRITTEN, NOT_WRITTEN, RECOUNT, RECOVERED, RECOVERING];

/// Between two looks at the log: far shorter than any phase.
const LOOK_INTERVAL: Duration = Duration::from_micros(300);

/// What a service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// None of the others.
    Running,
    /// Opens the store and loads it.
    Open,
    /// Writes a snapshot.
    Snapshot,
    /// Makes a store from a snapshot, or from nothing.
    Recovery,
}

impl Phase {
    /// Every phase.
    pub(crate) const ALL: [Self; 4] = [Self::Running, Self::Open, Self::Snapshot, Self::Recovery];

    /// Which line of the log begins a phase.
    fn begun_by(message: &str) -> Option<Self> {
        [
            (OPENING, Self::Open),
            (WRITING, Self::Snapshot),
            (RECOVERING, Self::Recovery),
            (RECOUNT, Self::Recovery),
        ]
        .into_iter()
        .find_map(|(begin, phase)| message.contains(begin).then_some(phase))
    }

    /// Which phases a line of the log ends.
    fn ended_by(message: &str) -> &'static [Self] {
        [
            (LOADED, [Self::Open, Self::Recovery].as_slice()),
            (RECOVERED, &[Self::Recovery]),
            (WRITTEN, &[Self::Snapshot]),
            (NOT_WRITTEN, &[Self::Snapshot]),
        ]
        .into_iter()
        .find_map(|(end, phases)| message.contains(end).then_some(phases))
        .unwrap_or_default()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Running => "running",
            Self::Open => "open",
            Self::Snapshot => "snapshot",
            Self::Recovery => "recovery",
        })
    }
}

/// One phase of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Which.
    pub(crate) phase: Phase,
    /// How long it took; `None` if the log does not tell its end.
    pub(crate) took: Option<Duration>,
}

/// The phases that a log tells of, in the order of their beginnings.
pub(crate) fn spans(log: &str) -> Vec<Span> {
    let mut spans: Vec<(Span, Duration)> = Vec::new();
    for line in lines(log) {
        let (Some(message), Some(now)) = (line["message"].as_str(), time_of_day(&line["timestamp"])) else {
            continue;
        };
        if let Some(phase) = Phase::begun_by(message) {
            spans.push((Span { phase, took: None }, now));
        }
        for (span, began) in &mut spans {
            if span.took.is_none() && Phase::ended_by(message).contains(&span.phase) {
                span.took = Some(now.saturating_sub(*began));
            }
        }
    }
    spans.into_iter().map(|(span, _)| span).collect()
}

/// In which phase a process was when its log ended: a recovery is part of an open.
pub(crate) fn last(log: &str) -> Phase {
    let open = spans(log).into_iter().filter(|span| span.took.is_none());
    open.map(|span| span.phase).max().unwrap_or(Phase::Running)
}

/// The sequence of the newest snapshot that a log calls written.
pub(crate) fn newest_snapshot(log: &str) -> Option<u64> {
    let written = lines(log).filter(|line| line["message"] == WRITTEN);
    written.filter_map(|line| line["sequence"].as_u64()).max()
}

fn lines(log: &str) -> impl Iterator<Item = Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// The time in `2026-01-31T23:59:59.123456Z`, since midnight.
fn time_of_day(timestamp: &Value) -> Option<Duration> {
    let (_, time) = timestamp.as_str()?.trim_end_matches('Z').split_once('T')?;
    let mut parts = time.split(':').map(str::parse::<f64>);
    let [hours, minutes, seconds] = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
    Some(Duration::from_secs_f64((hours * 60.0 + minutes) * 60.0 + seconds))
}

/// Waits until this phase has begun once more than `before`; false if the store is loaded without it, or the
/// process ends.
pub(crate) fn begins(service: &mut Service, phase: Phase, before: usize) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let has_ended = service.has_ended();
        let log = service.printed();
        let spans = spans(&log);
        if spans.iter().filter(|span| span.phase == phase).count() > before {
            return true;
        }
        let is_past = phase != Phase::Snapshot && log.contains(LOADED);
        if is_past || has_ended || Instant::now() > deadline {
            return false;
        }
        thread::sleep(LOOK_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(messages: &[&str]) -> String {
        let line = |(second, message)| {
            format!(r#"{{"timestamp":"2026-01-31T23:59:0{second}.250000Z","message":"{message}","n":1}}"#)
        };
        (0..).zip(messages).map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_phase_lasts_until_the_line_that_ends_it() {
        let second = Some(Duration::from_secs(1));
        let span = |phase, took| Span { phase, took };
        assert_eq!(spans(&log(&["opening the store", "store loaded"])), [span(Phase::Open, second)]);
        let recovered = ["opening the store", "recovering from a snapshot", "recovered from a snapshot"];
        let expected = [span(Phase::Open, None), span(Phase::Recovery, second)];
        assert_eq!(spans(&log(&recovered)), expected);
    }

    #[test]
    fn the_last_phase_is_the_innermost_that_has_no_end() {
        for (messages, expected) in [
            ([].as_slice(), Phase::Running),
            (&["opening the store"], Phase::Open),
            (&["opening the store", "store loaded"], Phase::Running),
            (&["opening the store", "recovering without a snapshot"], Phase::Recovery),
            (&["opening the store", "recovering without a snapshot", "store loaded"], Phase::Running),
            (&["store loaded", "writing a snapshot"], Phase::Snapshot),
            (&["store loaded", "writing a snapshot", "snapshot written"], Phase::Running),
            (&["writing a snapshot", "no snapshot could be written; why"], Phase::Running),
            (&["writing a snapshot", "snapshot written", "writing a snapshot"], Phase::Snapshot),
        ] {
            assert_eq!(last(&log(messages)), expected, "{messages:?}");
        }
    }

    #[test]
    fn the_newest_snapshot_is_the_last_one_written() {
        let written = |sequence| format!("{{\"message\":\"snapshot written\",\"sequence\":{sequence}}}\n");
        let log =
            [&written(7), &written(12), "{\"message\":\"writing a snapshot\",\"sequence\":20}"].concat();
        assert_eq!(newest_snapshot(&log), Some(12));
        assert_eq!(newest_snapshot("snapshot written"), None);
    }
}
