//! Where answers come from: one line of counting, until another takes its place between two requests.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use consumer::{Question, Status};
use counters::{MutedRooms, Reader};
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use query::{Answers, Arrivals, Gate, Hub};
use tokio::sync::mpsc::UnboundedSender;

/// A line of counting, told from all others of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LineId(u64);

/// What both listeners answer from. All clones are one.
#[derive(Clone)]
pub(super) struct Live(Arc<Inner>);

struct Inner {
    gate: Gate,
    /// 1 while the gate is open.
    ready: Gauge,
    answers: Answers,
    arrivals: Arrivals,
    hub: Hub,
    state: Mutex<State>,
}

struct State {
    lines: u64,
    /// Whether the counts of a line can be trusted; `false` until it says so.
    is_ready: HashMap<LineId, bool>,
    live: LineId,
    status: Status,
    registry: Arc<Registry>,
    /// Asks the live line; `None` before there is one.
    requests: Option<LineRequests>,
}

/// What can be asked of a line.
struct LineRequests {
    snapshots: UnboundedSender<()>,
    questions: UnboundedSender<Question>,
}

/// A line as others see it.
pub(super) struct Face {
    pub(super) id: LineId,
    pub(super) status: Status,
    pub(super) reader: Reader,
    pub(super) snapshots: UnboundedSender<()>,
    pub(super) questions: UnboundedSender<Question>,
}

impl Live {
    /// Nothing is answered yet. The first line of all will be that of `status`.
    pub(super) fn new(registry: Registry, ready: Gauge, (muted_rooms, live): (MutedRooms, Duration)) -> Self {
        let first = LineId(0);
        let (gate, answers) = (Gate::new(), Answers::new());
        Self(Arc::new(Inner {
            hub: Hub::new(answers.clone(), gate.clone(), muted_rooms, live),
            gate,
            ready,
            answers,
            arrivals: Arrivals::new(),
            state: Mutex::new(State {
                lines: 0,
                is_ready: HashMap::new(),
                live: first,
                // Replaced by that of the first line before anybody asks.
                status: Status::new(|_| {}),
                registry: Arc::new(registry),
                requests: None,
            }),
        }))
    }

    pub(super) fn gate(&self) -> Gate {
        self.0.gate.clone()
    }

    pub(super) fn answers(&self) -> Answers {
        self.0.answers.clone()
    }

    pub(super) fn arrivals(&self) -> Arrivals {
        self.0.arrivals.clone()
    }

    /// Where live badges are watched.
    pub(super) fn hub(&self) -> Hub {
        self.0.hub.clone()
    }

    /// How the live line stands.
    pub(super) fn status(&self) -> Status {
        self.0.state.lock().status.clone()
    }

    /// Whether there is a line.
    pub(super) fn is_open(&self) -> bool {
        self.0.state.lock().requests.is_some()
    }

    pub(super) fn registry(&self) -> Arc<Registry> {
        self.0.state.lock().registry.clone()
    }

    /// The status of a new line, which tells the gate while that line is the live one.
    pub(super) fn new_line(&self) -> (LineId, Status) {
        let mut state = self.0.state.lock();
        let line = LineId(state.lines);
        state.lines += 1;
        let live = self.clone();
        // Of another line than the live one it wakes those who wait for nothing, and they look how far the live one is.
        let arrivals = self.arrivals();
        let announce = move |is_ready| live.announced(line, is_ready);
        let arrived = move |sequence| arrivals.arrived(sequence);
        // Of another line too: then somebody looks in vain.
        let hub = self.hub();
        let status = Status::telling(announce, arrived, move |event, applied| hub.applied(event, applied));
        if line == state.live {
            state.status = status.clone();
        }
        (line, status)
    }

    fn announced(&self, line: LineId, is_ready: bool) {
        let mut state = self.0.state.lock();
        state.is_ready.insert(line, is_ready);
        if state.live == line {
            self.turn(is_ready);
        }
    }

    fn turn(&self, is_ready: bool) {
        if is_ready {
            self.0.gate.open();
        } else {
            self.0.gate.close();
        }
        self.0.ready.set(i64::from(is_ready));
        self.0.hub.look_again();
    }

    /// Asks the live line for a snapshot of everything applied. Says up to which sequence that is; `None` if there is no line
    /// yet.
    pub(super) fn snapshot(&self) -> Option<u64> {
        let state = self.0.state.lock();
        let applied = state.status.applied();
        state.requests.as_ref()?.snapshots.send(()).ok()?;
        Some(applied)
    }

    /// Asks the live line about its counts, at one sequence. Says whether there is such a line; the answer may never come if another
    /// takes its place.
    pub(super) fn ask(&self, question: Question) -> bool {
        let state = self.0.state.lock();
        state.requests.as_ref().is_some_and(|requests| requests.questions.send(question).is_ok())
    }

    /// From the next request on, answers come from this line. It may be the live one already.
    pub(super) fn adopt(&self, face: Face, registry: Option<Registry>) {
        let Face { id: line, status, reader, snapshots, questions } = face;
        let mut state = self.0.state.lock();
        state.live = line;
        state.status = status;
        state.requests = Some(LineRequests { snapshots, questions });
        if let Some(registry) = registry {
            state.registry = Arc::new(registry);
        }
        let is_ready = state.is_ready.get(&line).copied().unwrap_or(false);
        // A gate that closes does so before other counts are read, one that opens after.
        if !is_ready {
            self.turn(false);
        }
        let applied = reader.applied();
        self.0.answers.read_from(reader);
        self.0.arrivals.arrived(applied);
        self.turn(is_ready);
    }
}

#[cfg(test)]
mod tests {
    use counters::{Counters, Policies};
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn is_open(live: &Live) -> bool {
        live.gate().is_open()
    }

    #[test]
    fn the_gate_is_that_of_the_live_line() {
        let ready = Gauge::default();
        let policy = (MutedRooms::Count, Duration::from_millis(100));
        let live = Live::new(Registry::default(), ready.clone(), policy);
        let face = |id, status: &Status| Face {
            id,
            status: status.clone(),
            reader: Counters::new(Policies::default()).reader(),
            snapshots: unbounded_channel().0,
            questions: unbounded_channel().0,
        };
        let (first, status) = live.new_line();
        live.adopt(face(first, &status), None);
        assert!(!is_open(&live));
        live.announced(first, true);
        assert!(is_open(&live));

        let (second, other) = live.new_line();
        live.announced(second, false);
        assert!(is_open(&live), "of another line");
        assert_eq!(ready.get(), 1);
        live.adopt(face(second, &other), Some(Registry::default()));
        assert!(!is_open(&live), "it is not ready");
        assert_eq!(ready.get(), 0);
        live.announced(first, false);
        live.announced(second, true);
        assert!(is_open(&live));
        live.announced(first, true);
        live.announced(second, false);
        assert!(!is_open(&live), "the first is not asked any more");
    }
}
