//! Shows how far publishing got: a bar or a spinner on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::order::Counts;

const LINE_EVERY: Duration = Duration::from_secs(5);

/// What is shown on standard error while lines are published.
pub(super) struct Progress {
    started: Instant,
    view: View,
}

enum View {
    /// A terminal: a bar if the size of the input is known, else a spinner.
    Terminal(ProgressBar),
    /// A file or another program: a line at this time.
    Lines { next: Instant },
}

impl Progress {
    /// Starts to show; `size` is that of the input in bytes, if it is known.
    pub(super) fn start(size: Option<u64>, now: Instant) -> Self {
        let view = if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
            let template = match size {
                Some(_) => "{bar:30} {percent:>3} %  {msg}  {eta} left",
                None => "{spinner} {msg}  {elapsed}",
            };
            // A template that indicatif can't read would be a mistake in this file.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            View::Terminal(bar)
        } else {
            View::Lines { next: now + LINE_EVERY }
        };
        Self { started: now, view }
    }

    /// Shows the present state. Often called, seldom seen.
    pub(super) fn show(&mut self, counts: &Counts, now: Instant) {
        match &mut self.view {
            View::Terminal(bar) => {
                bar.set_position(counts.bytes);
                bar.set_message(events_and_rate(counts, now - self.started));
            }
            View::Lines { next } if *next <= now => {
                *next = now + LINE_EVERY;
                self.note(&events_and_rate(counts, now - self.started));
            }
            View::Lines { .. } => {}
        }
    }

    /// Writes a line that stays.
    pub(super) fn note(&self, text: &str) {
        match &self.view {
            View::Terminal(bar) => bar.suspend(|| write_line(text)),
            View::Lines { .. } => write_line(text),
        }
    }

    /// Ends the show, and says what was done.
    pub(super) fn finish(self, lines: u64, skipped: u64, counts: &Counts, now: Instant) {
        if let View::Terminal(bar) = &self.view {
            bar.finish_and_clear();
        }
        write_line(&summary(lines, skipped, counts, now - self.started));
    }
}

fn events_and_rate(counts: &Counts, elapsed: Duration) -> String {
    let events = counts.published + counts.duplicates;
    format!("{events} events, {:.0}/s", rate(events, elapsed))
}

fn summary(lines: u64, skipped: u64, counts: &Counts, elapsed: Duration) -> String {
    let Counts { published, duplicates, .. } = counts;
    format!(
        "{lines} lines: {published} published, {duplicates} duplicates, {skipped} skipped \
         in {:.1} s ({:.0} events/s)",
        elapsed.as_secs_f64(),
        rate(published + duplicates, elapsed)
    )
}

fn rate(events: u64, elapsed: Duration) -> f64 {
    events as f64 / elapsed.as_secs_f64().max(0.001)
}

fn write_line(text: &str) {
    // Publishing goes on even if nobody reads this any more.
    _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_every_count() {
        let counts = Counts { published: 90, duplicates: 7, bytes: 5_000 };
        assert_eq!(
            summary(100, 2, &counts, Duration::from_millis(500)),
            "100 lines: 90 published, 7 duplicates, 2 skipped in 0.5 s (194 events/s)"
        );
        let nothing = summary(0, 0, &Counts::default(), Duration::ZERO);
        assert_eq!(nothing, "0 lines: 0 published, 0 duplicates, 0 skipped in 0.0 s (0 events/s)");
    }
}
