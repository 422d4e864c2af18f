//! Many runs of which none knows of the others.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;

use crate::examination::attempt;
use crate::plan::{Amount, Plan};
use crate::report::Report;
use crate::teller::Teller;
use crate::verdict::{Said, Tally, Verdict};

/// Each run has its chance from the seed and its number, whatever runs beside it.
pub(crate) fn random_of(plan: &Plan, number: usize) -> Rng {
    Rng::with_seed(plan.seed.wrapping_mul(1_000_003).wrapping_add(number as u64))
}

/// One run.
pub(crate) struct Run {
    kind: &'static str,
    verdict: Verdict,
    said: Said,
}

impl Run {
    /// It could not even begin, or is plainly wrong.
    pub(crate) fn failed(kind: &'static str, what: String) -> Self {
        Self { kind, verdict: Verdict::Undetected(what), said: Said::default() }
    }

    /// What came of a mishap of that kind; `detail` tells how to see it again.
    pub(crate) fn of(
        kind: &'static str,
        said: Result<Said, String>,
        is_detected: impl FnOnce(&Said) -> bool,
        detail: impl FnOnce() -> String,
    ) -> Self {
        match said {
            Err(wrong) => Self::failed(kind, format!("{wrong}; {}", detail())),
            Ok(said) => {
                let verdict = if is_detected(&said) { Verdict::Detected } else { Verdict::Harmless };
                Self { kind, verdict, said }
            }
        }
    }
}

/// What came of many runs.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    pub(crate) wrong: Vec<String>,
}

impl Outcome {
    pub(crate) fn tell(self, plan: &Plan, report: &mut Report) {
        report.rows = self.tally.rows();
        report.notes.extend(self.tally.complaints());
        report.wrong.extend(self.wrong.into_iter().map(|what| format!("seed {}: {what}", plan.seed)));
    }
}

/// Makes many runs, some at once. Each is named by its number, which decides of what kind it is and from which it
/// draws its chance.
pub(crate) fn in_parallel(
    plan: &Plan,
    amount: Amount,
    teller: &mut Teller,
    kinds: &[&'static str],
    run: impl Fn(usize) -> Run + Sync,
) -> Outcome {
    let next = AtomicUsize::new(0);
    let outcome = Mutex::new((Outcome::default(), teller));
    thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| {
                while amount.has_time() {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= amount.runs {
                        break;
                    }
                    let kind = kinds[number % kinds.len()];
                    if !plan.wants(number, kind) {
                        continue;
                    }
                    let run = attempt(|| Ok(run(number))).unwrap_or_else(|what| Run::failed(kind, what));
                    let Run { kind, verdict, said } = run;
                    let mut locked = outcome.lock().expect("no thread panics with this lock");
                    let (outcome, teller) = &mut *locked;
                    outcome.tally.add(kind, &verdict, &said);
                    if let Verdict::Undetected(what) = verdict {
                        teller.now(&format!("run {number}, {kind}: {what}"));
                        outcome.wrong.push(format!("run {number}, {kind}: {what}"));
                    }
                    let [detected, harmless, undetected] = outcome.tally.total();
                    teller.tell(|| {
                        format!(
                            "{detected} detected, {harmless} harmless, {undetected} undetected of {}",
                            amount.runs
                        )
                    });
                }
            });
        }
    });
    let (mut outcome, _) = outcome.into_inner().expect("no thread panics with this lock");
    if outcome.tally.total() == [0; 3] {
        outcome.wrong.push(format!("no run at all was made of {}", amount.runs));
    }
    outcome
}
