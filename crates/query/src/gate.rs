//! Whether badges may be given out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Stands before every badge: closed until the counts can be trusted, and again as soon as they
/// can't. All clones are one gate. Whoever makes the counts untrustworthy closes it first.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    /// How often the gate was opened or closed; it begins closed, so it is open when this is odd.
    turns: Arc<AtomicU64>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counts can be trusted from now on. Opening an open gate does nothing.
    pub fn open(&self) {
        self.turn(false);
    }

    /// The counts can't be trusted from now on. Closing a closed gate does nothing.
    ///
    /// No badge that sees anything written after this call is given out before the next
    /// [`open`](Self::open).
    pub fn close(&self) {
        self.turn(true);
        // Pairs with the fence in `while_open`: what is written after this is not seen without
        // the turn above.
        fence(Ordering::Release);
    }

    /// Whether the counts can be trusted at this moment.
    pub fn is_open(&self) -> bool {
        is_open(self.turns.load(Ordering::Acquire))
    }

    /// Begins what takes longer than one call; `None` if the gate is closed.
    pub(crate) fn passage(&self) -> Option<Passage> {
        let turns = self.turns.load(Ordering::Acquire);
        is_open(turns).then_some(Passage(turns))
    }

    /// Whether the gate was open, without a break, since the passage began.
    pub(crate) fn is_still(&self, Passage(turns): Passage) -> bool {
        fence(Ordering::Acquire);
        self.turns.load(Ordering::Relaxed) == turns
    }

    /// What `read` gives, if the gate was open from before `read` began until after it ended.
    ///
    /// One look is not enough: before `read`, the gate may close in the middle of it; after it,
    /// `read` may have begun while the gate was still closed; and both looks could find it open
    /// with a close and an open between them.
    pub(crate) fn while_open<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        let passage = self.passage()?;
        let value = read();
        self.is_still(passage).then_some(value)
    }

    fn turn(&self, from_open: bool) {
        // An error means that the gate already stands where it is wanted.
        let _ = self.turns.fetch_update(Ordering::AcqRel, Ordering::Acquire, |turns| {
            (is_open(turns) == from_open).then_some(turns + 1)
        });
    }
}

/// From one look at an open gate to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage(u64);

fn is_open(turns: u64) -> bool {
    turns % 2 == 1
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::Gate;

    /// One line a case: what happens before the read, what happens during it, whether it counts.
    fn check(line: &str) {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let gate = Gate::new();
        let other = gate.clone();
        let run = |steps: &str| {
            for step in steps.split_whitespace() {
                match step {
                    "open" => other.open(),
                    "close" => other.close(),
                    _ => panic!("no such step: {step}"),
                }
            }
        };
        run(fields[0]);
        let passed = gate.while_open(|| run(fields[1])).is_some();
        assert_eq!(passed, fields[2] == "given", "{line}");
    }

    #[test]
    fn a_badge_passes_only_a_gate_that_stays_open() {
        for line in [
            "                |            | refused",
            "open            |            | given",
            "open open       |            | given",
            "open close      |            | refused",
            "open open close |            | refused",
            "close close open|            | given",
            "                | open       | refused",
            "open            | close      | refused",
            "open            | open       | given",
            "open            | close open | refused",
            "open close      | open       | refused",
        ] {
            check(line);
        }
    }
    /// A writer makes the counts wrong, for a moment and behind a closed gate, again and again.
    #[test]
    fn nothing_written_behind_a_closed_gate_is_given_out() {
        const ROUNDS: u32 = 100_000;
        let gate = Gate::new();
        let wrong = AtomicBool::new(true);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    wrong.store(false, Ordering::Relaxed);
                    gate.open();
                    std::hint::spin_loop();
                    gate.close();
                    wrong.store(true, Ordering::Relaxed);
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                assert_ne!(gate.while_open(|| wrong.load(Ordering::Relaxed)), Some(true));
            }
        });
    }
}
