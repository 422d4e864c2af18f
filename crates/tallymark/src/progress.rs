//! Shows how far a command got: a bar or a spinner on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// What is shown on standard error while a command works.
pub(crate) struct Progress {
    started: Instant,
    view: View,
}

enum View {
    /// A terminal: a bar if it is known how much there is to do, else a spinner.
    Terminal(ProgressBar),
    /// A file or another program: a line at this time.
    Lines { next: Instant },
    /// A terminal that the command's data goes to.
    Nothing,
}

impl Progress {
    /// Starts to show; `total` is how much there is to do, in whatever unit, if that is known.
    pub(crate) fn start(total: Option<u64>, now: Instant) -> Self {
        let view = if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let template = match total {
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

    /// Like `start`, for a command whose data goes to standard output: on a terminal, they would be in each other's way.
    pub(crate) fn start_beside_output(total: Option<u64>, now: Instant) -> Self {
        if io::stdout().is_terminal() {
            Self { started: now, view: View::Nothing }
        } else {
            Self::start(total, now)
        }
    }

    /// Shows the present state: how much is done, and what `text` makes of the time since the start. Often called,
    /// seldom seen.
    pub(crate) fn show(&mut self, done: u64, now: Instant, text: impl FnOnce(Duration) -> String) {
        match &mut self.view {
            View::Terminal(bar) => {
                bar.set_position(done);
                bar.set_message(text(now - self.started));
            }
            View::Lines { next } if *next <= now => {
                *next = now + LINE_EVERY;
                self.note(&text(now - self.started));
            }
            View::Lines { .. } | View::Nothing => {}
        }
    }

    /// Writes a line that stays.
    pub(crate) fn note(&self, text: &str) {
        match &self.view {
            View::Terminal(bar) => bar.suspend(|| write_line(text)),
            View::Lines { .. } | View::Nothing => write_line(text),
        }
    }

    /// Ends the show, and writes what `text` makes of the time it took.
    pub(crate) fn finish(self, now: Instant, text: impl FnOnce(Duration) -> String) {
        if let View::Terminal(bar) = &self.view {
            bar.finish_and_clear();
        }
        write_line(&text(now - self.started));
    }
}

/// How many of something a second.
pub(crate) fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(0.001)
}

fn write_line(text: &str) {
    // The work goes on even if nobody reads this any more.
    _ = writeln!(io::stderr(), "{text}");
}
