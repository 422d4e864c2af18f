//! One pass over the log, for commands that recount it.

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use async_nats::ConnectOptions;
use consumer::{Log, LogMessage};
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::nats;
use crate::settings::Nats;

const LINE_EVERY: Duration = Duration::from_secs(5);
/// The clock is not looked at for each message.
const LOOK_EVERY: u64 = 1_024;

/// Connects to the log that the settings name.
pub(crate) async fn open_log(settings: &Nats, name: &str) -> anyhow::Result<Log> {
    let client = nats::connect(settings, ConnectOptions::new().name(name)).await?;
    Ok(Log::new(client, &settings.stream))
}

/// Hands out the messages from one sequence to another, which the stream must reach; meanwhile shows on standard error
/// how far that is.
pub(crate) async fn pass(
    log: &Log,
    stream: &str,
    from: u64,
    to: u64,
    mut hear: impl FnMut(&LogMessage),
) -> anyhow::Result<()> {
    let last = log.bounds().await?.last;
    if last < to {
        bail!(
            "the stream {stream:?} ends at sequence {last}, and the counts reach to {to}: it is not the stream that was \
             counted, or it lost its end"
        );
    }
    let mut progress = Progress::start(from, to);
    let mut messages = pin!(log.read(from, to));
    while let Some(message) = messages.try_next().await.context("the log can't be read to its end")? {
        hear(&message);
        progress.show(message.sequence);
    }
    progress.finish();
    Ok(())
}

/// How far a pass is: a bar on a terminal, a line now and then elsewhere.
struct Progress {
    from: u64,
    to: u64,
    heard: u64,
    started: Instant,
    view: View,
}

enum View {
    Terminal(ProgressBar),
    /// A line at this time.
    Lines(Instant),
}

impl Progress {
    fn start(from: u64, to: u64) -> Self {
        let now = Instant::now();
        let view = if io::stderr().is_terminal() {
            let length = (to + 1).saturating_sub(from);
            let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
            // A template that indicatif can't read would be a mistake in this file.
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
                bar.set_style(style);
            }
            View::Terminal(bar)
        } else {
            View::Lines(now + LINE_EVERY)
        };
        Self { from, to, heard: 0, started: now, view }
    }

    fn show(&mut self, sequence: u64) {
        self.heard += 1;
        if !self.heard.is_multiple_of(LOOK_EVERY) {
            return;
        }
        let text = format!("sequence {sequence} of {}, {} events a second", self.to, self.rate());
        match &mut self.view {
            View::Terminal(bar) => {
                bar.set_position(sequence + 1 - self.from);
                bar.set_message(text);
            }
            View::Lines(next) => {
                let now = Instant::now();
                if now >= *next {
                    *next = now + LINE_EVERY;
                    // Nobody is left to tell if standard error is gone.
                    _ = writeln!(io::stderr(), "{text}");
                }
            }
        }
    }

    fn rate(&self) -> u64 {
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.heard.saturating_mul(1_000) / milliseconds
    }

    fn finish(self) {
        if let View::Terminal(bar) = self.view {
            bar.finish_and_clear();
        }
    }
}
