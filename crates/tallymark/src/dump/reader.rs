//! From messages to lines, and what there is to say of the messages that give none.

use std::time::{Duration, Instant};

use consumer::LogMessage;
use events::{Body, Event, Prefix, Received, receive, to_line};

use crate::progress::{Progress, rate};

/// So many things worth a line of their own are told; the rest is a sum.
const TOLD: u64 = 10;

pub(super) struct Reader {
    prefix: Prefix,
    tenant: Option<String>,
    /// The first sequence that was to be read.
    from: u64,
    /// The sequence to be read next.
    next: u64,
    progress: Progress,
    counts: Counts,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    events: u64,
    of_other_tenants: u64,
    malformed: u64,
    outside_prefix: u64,
    missing: u64,
    /// Ranges of missing sequences.
    gaps: u64,
}

impl Reader {
    pub(super) fn new(prefix: Prefix, tenant: Option<String>, from: u64, progress: Progress) -> Self {
        Self { prefix, tenant, from, next: from, progress, counts: Counts::default() }
    }

    /// The line of a message, if it is one of the events that are wanted.
    pub(super) fn take(&mut self, message: &LogMessage, now: Instant) -> Option<String> {
        self.missing_up_to(message.sequence - 1);
        self.next = message.sequence + 1;
        let line = self.line(message);
        let (done, events) = (self.next - self.from, self.counts.events);
        self.progress.show(done, now, |elapsed| events_and_rate(events, elapsed));
        line
    }

    fn line(&mut self, message: &LogMessage) -> Option<String> {
        match receive(&self.prefix, &message.subject, &message.body) {
            Received::Event(event)
                if self.tenant.as_deref().is_none_or(|only| event.tenant.as_str() == only) =>
            {
                self.counts.events += 1;
                Some(to_line(&with_time(event, message.stored_ms)))
            }
            Received::Event(_) => {
                self.counts.of_other_tenants += 1;
                None
            }
            Received::Malformed(malformed) => {
                self.counts.malformed += 1;
                if self.counts.malformed <= TOLD {
                    let (sequence, reason) = (message.sequence, malformed.reason());
                    self.progress.note(&format!("sequence {sequence} passed over, {reason}: {malformed}"));
                }
                None
            }
            Received::OutsidePrefix => {
                self.counts.outside_prefix += 1;
                None
            }
        }
    }

    /// Takes note that there is no message from the next sequence to this one.
    pub(super) fn missing_up_to(&mut self, last: u64) {
        if last < self.next {
            return;
        }
        self.counts.missing += last + 1 - self.next;
        self.counts.gaps += 1;
        if self.counts.gaps <= TOLD {
            self.progress.note(&format!("the stream has no sequences {} to {last}", self.next));
        }
        self.next = last + 1;
    }

    /// The sequence to be read next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Says what was done.
    pub(super) fn finish(self, now: Instant) {
        let Self { progress, counts, next, from, .. } = self;
        progress.finish(now, |elapsed| summary(from, next, &counts, elapsed));
    }
}

/// The event with the time that counts for it, which is not that of a later publishing.
fn with_time(mut event: Event<'_>, stored_ms: u64) -> Event<'_> {
    if let Body::MessagePosted(posted) = &mut event.body {
        posted.at = Some(posted.at.map_or(stored_ms, |at| at.min(stored_ms)));
    }
    event
}

fn events_and_rate(events: u64, elapsed: Duration) -> String {
    format!("{events} events, {:.0}/s", rate(events, elapsed))
}

fn summary(from: u64, next: u64, counts: &Counts, elapsed: Duration) -> String {
    let Counts { events, of_other_tenants, malformed, outside_prefix, missing, gaps: _ } = counts;
    let part = if next == from { "nothing".to_owned() } else { format!("sequences {from} to {}", next - 1) };
    let mut text = format!("{part}: {events} events");
    for (count, what) in [
        (of_other_tenants, "of other tenants"),
        (malformed, "malformed"),
        (outside_prefix, "outside the prefix"),
        (missing, "missing in the stream"),
    ] {
        if *count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text + &format!(" in {:.1} s ({:.0} events/s)", elapsed.as_secs_f64(), rate(*events, elapsed))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use events::{Line, to_line};

    use super::{Counts, summary, with_time};

    #[track_caller]
    fn check(at: &str, stored_ms: u64, expected: &str) {
        let head = r#"{"tenant":"demo","event":"message.posted","room":"r","message":"m","sender":"s""#;
        let line = format!("{head}{at}}}");
        let event = Line::parse(&line).unwrap();
        assert_eq!(to_line(&with_time(event.event(), stored_ms)), format!("{head},\"at\":{expected}}}"));
    }

    #[test]
    fn the_time_is_the_earlier_one() {
        check("", 5, "5");
        check(",\"at\":null", 5, "5");
        check(",\"at\":4", 5, "4");
        check(",\"at\":6", 5, "5");
    }

    #[test]
    fn the_summary_names_what_there_was() {
        let counts = Counts { events: 90, malformed: 2, missing: 3, gaps: 1, ..Counts::default() };
        assert_eq!(
            summary(6, 101, &counts, Duration::from_millis(500)),
            "sequences 6 to 100: 90 events, 2 malformed, 3 missing in the stream in 0.5 s (180 events/s)"
        );
        assert_eq!(
            summary(1, 1, &Counts::default(), Duration::ZERO),
            "nothing: 0 events in 0.0 s (0 events/s)"
        );
    }
}
