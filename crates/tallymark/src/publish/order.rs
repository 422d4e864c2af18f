//! Decides which line is sent next, so that lines are stored in their order. No waiting, no clock,
//! no network: `sender` does what this says and reports what came back.
//!
//! One connection stores what it is sent in that order, so many lines may be in flight at once. If
//! one of them fails, or isn't answered, nothing more is sent until all others are answered; then
//! that line goes alone, under the same message id, until it is stored. The first line of all goes
//! alone too. Every answer carries a sequence of the stream, and the sequences of successive lines
//! must grow, also over lines that an earlier run stored.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::failure::{Failure, Place};

/// The most lines sent and not yet answered.
pub(super) const WINDOW: usize = 4_000;
/// With this many bytes of bodies waiting, no further line is taken.
const WINDOW_BYTES: usize = 16 << 20;
/// How long an answer may take.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often one line is sent before giving up. With the pauses below: some 20 seconds, and the
/// time to wait for answers.
pub(super) const MAX_TRIES: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What became of one sending of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The line is in the stream; as a duplicate, it was there before.
    Stored { sequence: u64, duplicate: bool },
    /// The line is in another stream than it should be.
    StoredElsewhere { stream: String },
    /// The line is not in the stream.
    Refused(Refusal),
    /// Nobody knows; the text says why.
    Unanswered(String),
}

/// Why a line was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No stream takes the line's subject, or its stream has no leader at the moment.
    NoStream,
    /// The server says that the same will happen every time.
    Permanent(String),
    /// The server's reason may pass.
    Temporary(String),
}

/// The name of a line while it is in the window; counts up by one.
pub(super) type Ticket = u64;

/// A line to be sent now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sending<'a, M> {
    pub(super) ticket: Ticket,
    /// Which sending of this line it is, from 1.
    pub(super) attempt: u32,
    pub(super) line: u64,
    pub(super) message: &'a M,
}

/// How far publishing got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Stored by this run.
    pub(super) published: u64,
    /// Stored before.
    pub(super) duplicates: u64,
    /// Offset of the end of the last line that is stored with all before it.
    pub(super) bytes: u64,
}

#[derive(Debug)]
enum State {
    Ready,
    InFlight { since: Instant },
    Stored { sequence: u64, duplicate: bool },
    Refused(Refusal),
    Unanswered(String),
}

#[derive(Debug)]
struct Entry<M> {
    line: u64,
    end: u64,
    size: usize,
    message: M,
    attempts: u32,
    /// A sending of this line was never answered: it may be stored whatever later ones say.
    is_doubtful: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Only the first line of the window is sent, and not before this time.
    Alone { not_before: Option<Instant> },
    /// Lines are sent as they come.
    Flowing,
    /// A line failed: nothing is sent while others are in flight.
    Settling,
    /// Nothing is sent any more.
    Stopped,
}

/// The lines between "read" and "stored with all before it".
#[derive(Debug)]
pub(super) struct Order<M> {
    window: VecDeque<Entry<M>>,
    /// The ticket of the window's first line.
    first: Ticket,
    /// While flowing: lines of the window before this index were sent.
    next: usize,
    in_flight: usize,
    bytes: usize,
    mode: Mode,
    last: Option<Place>,
    counts: Counts,
    failure: Option<Failure>,
}

impl<M> Order<M> {
    /// Nothing read, nothing sent.
    pub(super) fn new() -> Self {
        Self {
            window: VecDeque::with_capacity(WINDOW),
            first: 0,
            next: 0,
            in_flight: 0,
            bytes: 0,
            mode: Mode::Alone { not_before: None },
            last: None,
            counts: Counts::default(),
            failure: None,
        }
    }

    /// Whether another line may be taken.
    pub(super) fn has_room(&self) -> bool {
        self.window.len() < WINDOW && self.bytes < WINDOW_BYTES
    }

    /// Takes the next line: its number, the offset of its end in the file, the size of its body.
    pub(super) fn push(&mut self, line: u64, end: u64, size: usize, message: M) {
        self.bytes += size;
        self.window.push_back(Entry {
            line,
            end,
            size,
            message,
            attempts: 0,
            is_doubtful: false,
            state: State::Ready,
        });
    }

    /// The line to send now, if any. It counts as sent.
    pub(super) fn next(&mut self, now: Instant) -> Option<Sending<'_, M>> {
        let index = match self.mode {
            Mode::Flowing => {
                let waiting = self.window.iter().skip(self.next);
                self.next += waiting.take_while(|entry| !entry.is_ready()).count();
                self.next
            }
            Mode::Alone { not_before } => {
                if self.in_flight > 0 || not_before.is_some_and(|time| now < time) {
                    return None;
                }
                0
            }
            Mode::Settling | Mode::Stopped => return None,
        };
        let entry = self.window.get_mut(index)?;
        entry.attempts += 1;
        entry.state = State::InFlight { since: now };
        self.in_flight += 1;
        self.next = index + 1;
        Some(Sending {
            ticket: self.first + index as u64,
            attempt: entry.attempts,
            line: entry.line,
            message: &entry.message,
        })
    }

    /// Notes what became of a sending. That a line is stored is true whichever attempt did it; any
    /// other answer counts for the latest attempt only.
    pub(super) fn answered(&mut self, ticket: Ticket, attempt: u32, answer: Answer, now: Instant) {
        let index = ticket.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let Some(entry) = index.and_then(|index| self.window.get_mut(index)) else { return };
        let is_in_flight = matches!(entry.state, State::InFlight { .. });
        let is_latest = is_in_flight && attempt == entry.attempts;
        match answer {
            Answer::Stored { .. } if matches!(entry.state, State::Stored { .. }) => return,
            Answer::Stored { sequence, duplicate } => {
                // What an earlier attempt stored was stored by this run.
                let duplicate = duplicate && entry.attempts == 1;
                entry.state = State::Stored { sequence, duplicate };
            }
            Answer::StoredElsewhere { stream } => {
                self.failure = Some(Failure::StoredElsewhere { line: entry.line, stream });
                return;
            }
            Answer::Refused(refusal) if is_latest => entry.state = State::Refused(refusal),
            Answer::Unanswered(reason) if is_latest => {
                entry.is_doubtful = true;
                entry.state = State::Unanswered(reason);
            }
            Answer::Refused(_) | Answer::Unanswered(_) => return,
        }
        let is_stored = matches!(entry.state, State::Stored { .. });
        self.in_flight -= usize::from(is_in_flight);
        if is_stored {
            self.confirm();
        } else if self.mode != Mode::Stopped {
            self.mode = Mode::Settling;
        }
        self.settle(now);
    }

    /// Notes that the connection is gone, and with it every answer that was still to come.
    pub(super) fn disconnected(&mut self, now: Instant) {
        self.give_up_waiting(now, "the connection was lost before the answer", |_| true);
    }

    /// Notes that time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        let reason = format!("no answer in {} s", ANSWER_TIMEOUT.as_secs());
        self.give_up_waiting(now, &reason, |since| now.duration_since(since) >= ANSWER_TIMEOUT);
    }

    fn give_up_waiting(&mut self, now: Instant, reason: &str, is_over: impl Fn(Instant) -> bool) {
        let over = |(index, entry): (usize, &Entry<M>)| match entry.state {
            State::InFlight { since } if is_over(since) => Some((index as u64, entry.attempts)),
            _ => None,
        };
        // Lines are sent in order, so the first one waits longest; and nothing leaves the window
        // when an answer is given up.
        let over: Vec<_> = self.window.iter().enumerate().filter_map(over).collect();
        for (index, attempt) in over {
            let answer = Answer::Unanswered(reason.to_owned());
            self.answered(self.first + index, attempt, answer, now);
        }
    }

    /// Stops sending: what is in flight may still be answered.
    pub(super) fn stop(&mut self) {
        self.mode = Mode::Stopped;
    }

    /// Lines sent and not yet answered.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether every line taken is stored.
    pub(super) fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    /// Why publishing can't go on, if it can't.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The last line that is stored with all before it.
    pub(super) fn last(&self) -> Option<Place> {
        self.last
    }

    /// How far publishing got.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Lets go of the lines at the front of the window that are stored, checking their order.
    fn confirm(&mut self) {
        while let Some(entry) = self.window.front()
            && let State::Stored { sequence, duplicate } = entry.state
        {
            let place = Place { line: entry.line, sequence };
            if let Some(last) = self.last.filter(|last| sequence <= last.sequence) {
                self.failure = Some(Failure::OutOfOrder { earlier: last, later: place });
                return;
            }
            self.last = Some(place);
            self.bytes -= entry.size;
            self.counts.bytes = entry.end;
            self.counts.published += u64::from(!duplicate);
            self.counts.duplicates += u64::from(duplicate);
            self.window.pop_front();
            self.first += 1;
            self.next = self.next.saturating_sub(1);
        }
    }

    /// With nothing in flight, decides how to go on.
    fn settle(&mut self, now: Instant) {
        let is_due = matches!(self.mode, Mode::Settling | Mode::Alone { .. });
        if !is_due || self.in_flight > 0 || self.failure.is_some() {
            return;
        }
        let later = self.window.iter().find_map(Entry::place);
        if later.is_none() && matches!(self.mode, Mode::Alone { .. }) {
            // The line that went alone is stored and nothing after it: the rest may flow.
            for entry in &mut self.window {
                entry.state = State::Ready;
            }
        }
        let Some(front) = self.window.front() else {
            (self.mode, self.next) = (Mode::Flowing, 0);
            return;
        };
        match (&front.state, later) {
            (State::Refused(refusal), Some(later)) if !front.is_doubtful => {
                let reason = refusal.to_string();
                self.failure = Some(Failure::Overtaken { line: front.line, reason, later });
            }
            (State::Refused(Refusal::NoStream), None) if self.last.is_none() => {
                self.failure = Some(Failure::NoStream { line: front.line });
            }
            (State::Refused(refusal @ Refusal::Permanent(_)), None) => {
                let reason = refusal.to_string();
                self.failure = Some(Failure::Refused { line: front.line, reason });
            }
            (State::Ready, None) => (self.mode, self.next) = (Mode::Flowing, 0),
            _ if front.attempts >= MAX_TRIES => {
                let (line, tries) = (front.line, front.attempts);
                let reason = front.state.reason();
                self.failure = Some(Failure::GaveUp { line, tries, reason, later });
            }
            _ => {
                let not_before = pause(front.attempts).map(|pause| now + pause);
                self.mode = Mode::Alone { not_before };
            }
        }
    }
}

impl<M> Entry<M> {
    fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    fn place(&self) -> Option<Place> {
        match self.state {
            State::Stored { sequence, .. } => Some(Place { line: self.line, sequence }),
            _ => None,
        }
    }
}

impl State {
    fn reason(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.to_string(),
            Self::Unanswered(reason) => reason.clone(),
            Self::Ready | Self::InFlight { .. } | Self::Stored { .. } => String::new(),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoStream => formatter.write_str("no stream took it"),
            Self::Permanent(reason) | Self::Temporary(reason) => formatter.write_str(reason),
        }
    }
}

/// How long to wait after this many tries: doubling, up to a limit.
fn pause(tries: u32) -> Option<Duration> {
    let doublings = tries.checked_sub(1)?;
    Some(FIRST_PAUSE.saturating_mul(1 << doublings.min(16)).min(LONGEST_PAUSE))
}
