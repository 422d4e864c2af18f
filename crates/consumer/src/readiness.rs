//! From when until when the counts can be trusted.

use crate::fence::Fence;

/// Why the counts can't be trusted. The words of `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Consuming has not begun.
    Starting,
    /// The stream's identity was not confirmed yet.
    Connecting,
    /// Events that were in the stream when its identity was first confirmed are still to be applied.
    CatchingUp,
    /// The stream is not the one that was counted.
    Fenced,
    /// The store failed.
    Store,
}

impl Reason {
    /// The word in `/readyz`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Connecting => "connecting",
            Self::CatchingUp => "catching_up",
            Self::Fenced => "fenced",
            Self::Store => "store",
        }
    }
}

/// What is known that decides on readiness.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    /// What is done before consuming begins.
    starting: Option<String>,
    /// What keeps the consumer from the stream; `None` before it begins.
    connecting: Option<String>,
    /// The stream's last sequence when its identity was first confirmed.
    target: Option<u64>,
    is_caught_up: bool,
    fence: Option<Fence>,
    failure: Option<String>,
}

impl Readiness {
    pub(crate) fn starting(&mut self, what: String) {
        self.starting = Some(what);
    }

    pub(crate) fn connecting(&mut self, what: String) {
        self.connecting = Some(what);
    }

    /// The stream is the one that was counted. Only the first time sets what has to be reached; but
    /// what the stream has lost since then can't be.
    pub(crate) fn confirmed(&mut self, last_sequence: u64, applied: u64) {
        self.target = Some(self.target.map_or(last_sequence, |target| target.min(last_sequence)));
        self.fence = None;
        self.applied(applied);
    }

    pub(crate) fn applied(&mut self, applied: u64) {
        self.is_caught_up |= self.target.is_some_and(|target| applied >= target);
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.is_caught_up
    }

    pub(crate) fn fenced(&mut self, fence: Fence) {
        self.fence = Some(fence);
    }

    pub(crate) fn failed(&mut self, error: String) {
        self.failure = Some(error);
    }

    pub(crate) fn fence(&self) -> Option<&Fence> {
        self.fence.as_ref()
    }

    /// Why the counts can't be trusted, for machines and for people; `None` if they can.
    pub(crate) fn refusal(&self, applied: u64) -> Option<(Reason, String)> {
        if let Some(failure) = &self.failure {
            return Some((Reason::Store, failure.clone()));
        }
        if let Some(fence) = &self.fence {
            return Some((Reason::Fenced, fence.to_string()));
        }
        if self.is_caught_up {
            return None;
        }
        if let Some(target) = self.target {
            let detail = format!("applied {applied} of the {target} events that were there at the start");
            return Some((Reason::CatchingUp, detail));
        }
        let Some(what) = &self.connecting else {
            let what = self.starting.as_deref().unwrap_or("consuming has not begun");
            return Some((Reason::Starting, what.to_owned()));
        };
        Some((Reason::Connecting, what.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::Readiness;
    use crate::fence::Fence;
    use crate::gaps::Gap;

    /// Steps, and after each the reason why not, or `ready`.
    #[track_caller]
    fn check(line: &str) {
        let mut readiness = Readiness::default();
        let mut applied = 0;
        for pair in line.split('|').map(str::trim) {
            let (step, expected) = pair.split_once(" -> ").unwrap();
            let words: Vec<_> = step.split_whitespace().collect();
            match words[..] {
                ["nothing"] => {}
                ["connecting"] => readiness.connecting("no server".to_owned()),
                ["confirmed", last] => readiness.confirmed(last.parse().unwrap(), applied),
                ["applied", sequence] => {
                    applied = sequence.parse().unwrap();
                    readiness.applied(applied);
                }
                ["fenced"] => readiness.fenced(Fence::Gap(Gap { first: 1, last: 2 })),
                ["failed"] => readiness.failed("disk full".to_owned()),
                _ => panic!("{step}"),
            }
            let found = readiness.refusal(applied).map_or("ready", |(reason, _)| reason.as_str());
            assert_eq!(found, expected, "{pair} in {line}");
        }
    }

    #[test]
    fn from_start_to_ready() {
        check("nothing -> starting | connecting -> connecting | confirmed 0 -> ready");
        check(
            "connecting -> connecting | confirmed 3 -> catching_up | applied 2 -> catching_up | applied 3 -> ready",
        );
        check("applied 5 -> starting | confirmed 5 -> ready");
        check("connecting -> connecting | fenced -> fenced | confirmed 0 -> ready");
    }

    #[test]
    fn only_the_first_confirmation_sets_the_target() {
        check(
            "confirmed 3 -> catching_up | confirmed 9 -> catching_up | applied 3 -> ready | confirmed 12 -> ready",
        );
    }

    #[test]
    fn what_the_stream_has_lost_is_not_waited_for() {
        check("confirmed 9 -> catching_up | applied 5 -> catching_up | confirmed 5 -> ready");
        check("confirmed 9 -> catching_up | confirmed 5 -> catching_up | applied 5 -> ready");
    }

    #[test]
    fn neither_a_lost_connection_nor_lag_ends_it() {
        check("confirmed 0 -> ready | connecting -> ready | confirmed 1000 -> ready");
    }

    #[test]
    fn a_fence_ends_it_until_the_stream_fits_again() {
        check("confirmed 0 -> ready | fenced -> fenced | applied 1 -> fenced | confirmed 9 -> ready");
        check(
            "confirmed 3 -> catching_up | fenced -> fenced | confirmed 9 -> catching_up | applied 3 -> ready",
        );
    }

    #[test]
    fn a_failed_store_ends_it_for_good() {
        check("confirmed 0 -> ready | failed -> store | confirmed 0 -> store | fenced -> store");
    }
}
