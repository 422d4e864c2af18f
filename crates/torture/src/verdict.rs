//! What a service makes of a data directory that something happened to.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use tests::{PATIENCE, Service};

use crate::base::Expected;
use crate::complaints::complaints;
use crate::examination::attempt;

/// A service that ends by itself is started again, as any supervisor does: so often.
const MOST_STARTS: usize = 5;
/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// What came of one mishap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The service says what is right, and that something was wrong, or ended by itself before.
    Detected,
    /// The service says what is right, and noticed nothing.
    Harmless,
    /// Anything else.
    Undetected(String),
}

/// What a service said that says what is right in the end.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Warnings and errors of the store, each once, without what differs from run to run; and that it ended by itself.
    pub(crate) complaints: Vec<String>,
}

impl Said {
    /// Whether there was such a complaint.
    pub(crate) fn complained_of(&self, what: &str) -> bool {
        self.complaints.iter().any(|complaint| complaint.contains(what))
    }

    fn note(&mut self, complaint: String) {
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }
}

/// Starts the service and waits until it says what is right.
pub(crate) fn listen(service: &mut Service, expected: &Expected) -> Result<Said, String> {
    let mut said = Said::default();
    for _ in 0..MOST_STARTS {
        service.launch();
        let settled = attempt(|| settle(service, expected));
        for complaint in complaints(&service.kill().printed) {
            said.note(complaint);
        }
        match settled? {
            Settled::Ended => said.note("ended by itself".to_owned()),
            Settled::Right => return Ok(said),
        }
    }
    Err(format!("the service ended by itself {MOST_STARTS} times"))
}

enum Settled {
    Right,
    Ended,
}

fn settle(service: &mut Service, expected: &Expected) -> Result<Settled, String> {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = String::new();
    while Instant::now() < deadline {
        if service.has_ended() {
            return Ok(Settled::Ended);
        }
        if service.is_listening() {
            match look(service, expected) {
                Ok(Look::Right) => return Ok(Settled::Right),
                Ok(Look::Wrong(what)) => return Err(what),
                Ok(Look::NotYet(what)) => seen = what,
                // It may be about to end.
                Err(error) => seen = error.to_string(),
            }
        }
        thread::sleep(LOOK_INTERVAL);
    }
    Err(format!("not ready after {PATIENCE:?}; {seen}"))
}

enum Look {
    Right,
    Wrong(String),
    NotYet(String),
}

fn look(service: &Service, expected: &Expected) -> std::io::Result<Look> {
    let readiness = service.operator().get("/readyz", &[])?.json();
    if readiness["reason"] == "fenced" {
        return Ok(Look::Wrong(format!("fenced, though the stream is whole: {readiness}")));
    }
    // A service whose store failed is about to end.
    if readiness["ready"] != true {
        return Ok(Look::NotYet(readiness.to_string()));
    }
    let status = service.status()?;
    let digest = &status["digest"];
    if digest["sequence"] != expected.sequence {
        return Ok(Look::NotYet(status.to_string()));
    }
    if digest["value"] != expected.digest.as_str() {
        return Ok(Look::Wrong(format!("ready with a wrong digest: {status}, expected {}", expected.digest)));
    }
    for (tenant, user, badge) in &expected.badges {
        let answer = service.ask(tenant, user, &[]);
        if answer.json()["result"]["badge"] != *badge {
            return Ok(Look::Wrong(format!("{user} of {tenant}: {answer:?}, expected {badge}")));
        }
    }
    Ok(Look::Right)
}

/// Verdicts by kind of mishap.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: BTreeMap<&'static str, [usize; 3]>,
    complaints: BTreeMap<String, usize>,
}

impl Tally {
    pub(crate) fn add(&mut self, kind: &'static str, verdict: &Verdict, said: &Said) {
        let place = match verdict {
            Verdict::Detected => 0,
            Verdict::Harmless => 1,
            Verdict::Undetected(_) => 2,
        };
        self.kinds.entry(kind).or_default()[place] += 1;
        for complaint in &said.complaints {
            *self.complaints.entry(complaint.clone()).or_default() += 1;
        }
    }

    pub(crate) const COLUMNS: [&str; 5] = ["damage", "runs", "detected", "harmless", "undetected"];

    /// How many runs of a kind there were, and how many of them were harmless.
    pub(crate) fn harmless(&self, kind: &str) -> (usize, usize) {
        let counts = self.kinds.get(kind).copied().unwrap_or_default();
        (counts.iter().sum(), counts[1])
    }

    pub(crate) fn total(&self) -> [usize; 3] {
        let mut total = [0; 3];
        for counts in self.kinds.values() {
            total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        }
        total
    }

    /// One row for each kind, and one for all.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let row = |(kind, counts): (&str, [usize; 3])| {
            let all: usize = counts.iter().sum();
            let numbers = [all, counts[0], counts[1], counts[2]].map(|number| number.to_string());
            [kind.to_owned()].into_iter().chain(numbers).collect()
        };
        let kinds = self.kinds.iter().map(|(kind, counts)| (*kind, *counts));
        kinds.chain([("all", self.total())]).map(row).collect()
    }

    /// In how many runs services said what, the most frequent first.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints: Vec<_> = self.complaints.iter().collect();
        complaints.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        complaints.into_iter().map(|(said, count)| format!("{count} runs said: {said}")).collect()
    }
}
