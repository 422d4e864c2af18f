//! How long phases take, so that a moment within one can be drawn.

use std::time::Duration;

use fastrand::Rng;

use crate::phase::{self, Phase};

/// How long phases take, learnt from those that were not disturbed.
#[derive(Debug, Default)]
pub(super) struct Typical([Duration; Phase::ALL.len()]);

impl Typical {
    pub(super) fn learn(&mut self, log: &str) {
        for span in phase::spans(log) {
            let typical = &mut self.0[span.phase as usize];
            if let Some(took) = span.took {
                *typical = if typical.is_zero() { took } else { (*typical * 3 + took) / 4 };
            }
        }
    }

    /// How long that phase takes.
    pub(super) fn of(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }

    /// A moment within the phase, most often.
    pub(super) fn moment(&self, phase: Phase, random: &mut Rng) -> Duration {
        let typical = self.of(phase).max(Duration::from_millis(2));
        typical.mul_f64(random.f64())
    }
}
