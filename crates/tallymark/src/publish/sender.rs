//! The waiting half of publishing: takes lines from the reader, sends what [`Order`] says, and tells
//! it what came back.

use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval};

use super::connection::{Connection, Report};
use super::order::{Answer, Order};
use super::reader::{Item, Message};
use super::report::events_and_rate;
use crate::progress::Progress;
use crate::settings::Nats;

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long answers are waited for after SIGINT or SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// How the input ended.
#[derive(Debug)]
pub(super) enum End {
    /// All of it was read.
    Complete,
    /// Reading failed.
    ReadFailed(std::io::Error),
    /// A line was no event, and was not to be skipped.
    Invalid { line: u64, reason: String },
    /// Asked to stop; so many lines were still unanswered.
    Interrupted { unanswered: usize },
}

/// Publishes lines in their order.
pub(super) struct Sender<'a> {
    pub(super) settings: &'a Nats,
    pub(super) run: &'a str,
    pub(super) skip_invalid: bool,
    pub(super) order: Order<Message>,
    pub(super) connection: Option<Connection>,
    pub(super) progress: Progress,
    /// Lines read so far.
    pub(super) lines: u64,
    /// Invalid lines passed over.
    pub(super) skipped: u64,
}

impl Sender<'_> {
    /// Publishes until all is stored, something is wrong, or `stop` is ready.
    pub(super) async fn run(
        &mut self,
        mut items: Receiver<Vec<Item>>,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<End> {
        tokio::pin!(stop);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reports = Vec::new();
        let mut end = None;
        let mut stop_by = None;
        loop {
            self.send_what_may_be_sent().await?;
            if let Some(failure) = self.order.failure() {
                return Err(failure.clone().into());
            }
            if let Some(time) = stop_by {
                let unanswered = self.order.in_flight();
                if unanswered == 0 || Instant::now() >= time {
                    return Ok(End::Interrupted { unanswered });
                }
            } else if self.order.is_empty()
                && let Some(end) = end.take()
            {
                return Ok(end);
            }
            let may_read = end.is_none() && stop_by.is_none() && self.order.has_room();
            tokio::select! {
                () = reported(self.connection.as_mut(), &self.settings.stream, &mut reports) => {
                    for report in reports.drain(..) {
                        self.take_report(report)?;
                    }
                }
                batch = items.recv(), if may_read => {
                    for item in batch.unwrap_or_default() {
                        self.take_item(item, &mut end);
                    }
                }
                _ = tick.tick() => {
                    let now = Instant::now();
                    self.order.tick(now);
                    let counts = self.order.counts();
                    self.progress.show(counts.bytes, now, |elapsed| events_and_rate(&counts, elapsed));
                }
                () = &mut stop, if stop_by.is_none() => {
                    self.order.stop();
                    stop_by = Some(Instant::now() + STOP_GRACE);
                }
            }
        }
    }

    async fn send_what_may_be_sent(&mut self) -> anyhow::Result<()> {
        while let Some(sending) = self.order.next(Instant::now()) {
            if self.connection.is_none() {
                match Connection::open(self.settings, self.run).await {
                    Ok(connection) => self.connection = Some(connection),
                    Err(error) => {
                        let (ticket, attempt) = (sending.ticket, sending.attempt);
                        let answer = Answer::Unanswered(format!("{error:#}"));
                        self.order.answered(ticket, attempt, answer, Instant::now());
                        continue;
                    }
                }
            }
            if let Some(connection) = &self.connection {
                connection.send(sending).await?;
            }
        }
        Ok(())
    }

    fn take_report(&mut self, report: Report) -> anyhow::Result<()> {
        match report {
            Report::Answered { ticket, attempt, answer } => {
                self.order.answered(ticket, attempt, answer, Instant::now());
            }
            // Without the right to publish or to listen, no line will ever be answered.
            Report::ServerSays(text) if text.to_lowercase().contains("permissions violation") => {
                bail!("the NATS server says: {text}");
            }
            Report::ServerSays(text) => {
                self.progress.note(&format!("the NATS server says: {text}"));
            }
            Report::Lost => {
                self.connection = None;
                self.order.disconnected(Instant::now());
                self.progress.note("the connection to NATS is lost; connecting again");
            }
        }
        Ok(())
    }

    fn take_item(&mut self, item: Item, end: &mut Option<End>) {
        match item {
            Item::Event { line, end, message } => {
                self.lines = line;
                self.order.push(line, end, message.body.len(), message);
            }
            Item::Invalid { line, reason } if self.skip_invalid => {
                self.lines = line;
                self.skipped += 1;
                self.progress.note(&format!("line {line} skipped: {reason}"));
            }
            Item::Invalid { line, reason } => {
                self.lines = line;
                *end = Some(End::Invalid { line, reason });
            }
            Item::End { lines, result } => {
                self.lines = lines;
                end.get_or_insert(match result {
                    Ok(()) => End::Complete,
                    Err(error) => End::ReadFailed(error),
                });
            }
        }
    }
}

/// Waits for reports of the connection, if there is one.
async fn reported(connection: Option<&mut Connection>, stream: &str, reports: &mut Vec<Report>) {
    match connection {
        Some(connection) => connection.reports(stream, reports).await,
        None => std::future::pending().await,
    }
}
