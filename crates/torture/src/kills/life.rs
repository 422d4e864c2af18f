//! What one process finds when it starts, and what it may therefore complain of.

use crate::complaints::{
    CURRENT, DIRTY, INTERRUPTED, OPENINGS_DIED, RECOUNT, RECOVERING, RECOVERY, SNAPSHOT, STORE, complaints,
};
use crate::phase;

/// After so many deaths in a row while it was opened, a store is not opened again.
pub(super) const MOST_OPENINGS: usize = 3;

/// One process. Neither a kill nor a power cut damages anything, unless unsynced pages are left by chance: sled
/// writes over what it needs no more before the device has what it needs instead.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// The database was damaged on purpose, and no process has loaded it or put it away since.
    is_damaged: bool,
    /// Unsynced pages were left by chance, and no process has loaded the store and died of a kill since.
    is_torn: bool,
    /// So many processes in a row died before it without having loaded the store.
    openings_died: usize,
    /// One of those had to recover, and may not have come to the end.
    has_begun_recovery: bool,
    /// So much of its log was heeded, up to the end of a line.
    heeded: usize,
}

/// What a process said that it may say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Complaints of a store that was not as it was committed, though nobody had damaged it.
    pub(super) unusable: Vec<String>,
    /// A snapshot takes the store's place: what was durable may be so no more.
    pub(super) recovers: bool,
}

impl Life {
    /// Its database was damaged on purpose.
    pub(super) fn damage(&mut self) {
        self.is_damaged = true;
    }

    /// Only on such a store a service may end by itself.
    pub(super) fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// The one after it. This is its whole log; the death may have left unsynced pages by chance.
    pub(super) fn next(&self, log: &str, has_ended_by_itself: bool, leaves_torn: bool) -> Self {
        let has_loaded = log.contains(phase::LOADED);
        Self {
            is_damaged: self.is_damaged && !has_loaded && !log.contains(STORE),
            is_torn: leaves_torn || (self.is_torn && (has_ended_by_itself || !has_loaded)),
            openings_died: if has_loaded { 0 } else { self.openings_died + 1 },
            has_begun_recovery: self.may_recover() && !has_loaded,
            heeded: 0,
        }
    }

    /// Heeds what is new in its log, up to the last whole line.
    pub(super) fn heed(&mut self, log: &str) -> Result<Told, String> {
        let end = log.rfind('\n').map_or(0, |place| place + 1);
        let new = &log[self.heeded.min(end)..end];
        self.heeded = end;
        let mut told = Told { recovers: new.contains(RECOVERING), ..Told::default() };
        for complaint in complaints(new) {
            if !self.may_say(&complaint) {
                return Err(format!("nothing was done that excuses this complaint: {complaint}; {self:?}"));
            }
            if complaint.contains(STORE) && !complaint.contains(OPENINGS_DIED) && !self.is_damaged {
                told.unusable.push(complaint);
            }
        }
        Ok(told)
    }

    fn may_say(&self, complaint: &str) -> bool {
        let has = |text: &&str| complaint.contains(*text);
        // There is a snapshot from the beginning, and it is whole.
        if [SNAPSHOT, CURRENT, RECOUNT].iter().any(has) {
            return false;
        }
        if has(&OPENINGS_DIED) {
            return self.openings_died >= MOST_OPENINGS;
        }
        if [STORE, DIRTY].iter().any(has) {
            return self.is_damaged || self.is_torn;
        }
        if RECOVERY.iter().any(has) {
            return self.may_recover();
        }
        has(&INTERRUPTED)
    }

    fn may_recover(&self) -> bool {
        self.is_damaged || self.is_torn || self.has_begun_recovery || self.openings_died >= MOST_OPENINGS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADED: &str = "{\"level\":\"INFO\",\"target\":\"tallymark\",\"message\":\"store loaded\"}\n";

    fn line(message: &str) -> String {
        format!("{{\"level\":\"ERROR\",\"target\":\"store::open\",\"message\":\"{message}\"}}\n")
    }

    #[track_caller]
    fn check(life: impl Fn() -> Life, may_say: &[&str], may_not_say: &[&str]) {
        for (messages, expected) in [(may_say, true), (may_not_say, false)] {
            for message in messages {
                assert_eq!(life().heed(&line(message)).is_ok(), expected, "{message}: {:?}", life());
            }
        }
    }

    #[test]
    fn what_is_said_is_excused_only_by_what_was_done() {
        let never = [SNAPSHOT, CURRENT, RECOUNT, "anything else"];
        let recovery = RECOVERY.as_slice();
        let killed = || Life::default().next(LOADED, false, false);
        check(killed, &[INTERRUPTED], &[&never, recovery, &[STORE, DIRTY, OPENINGS_DIED]].concat());
        let damaged = || Life { is_damaged: true, ..Life::default() };
        check(damaged, &[recovery, &[STORE]].concat(), &[&never[..], &[OPENINGS_DIED]].concat());
        let torn = || Life::default().next(LOADED, false, true);
        check(torn, &[recovery, &[STORE, DIRTY]].concat(), &[&never[..], &[OPENINGS_DIED]].concat());
        let opened = || (0..MOST_OPENINGS).fold(Life::default(), |life, _| life.next("", false, false));
        check(opened, &[recovery, &[OPENINGS_DIED]].concat(), &[&never[..], &[STORE, DIRTY]].concat());
    }

    #[test]
    fn an_excuse_lasts_until_the_store_is_loaded() {
        let damaged = || Life { is_damaged: true, ..Life::default() };
        let recovery = RECOVERY.as_slice();
        check(|| damaged().next("", false, false), &[recovery, &[STORE]].concat(), &[RECOUNT]);
        check(|| damaged().next(&line(STORE), false, false), recovery, &[STORE]);
        check(|| damaged().next(LOADED, false, false), &[], &[recovery, &[STORE]].concat());
        let torn = || Life::default().next(LOADED, false, true);
        check(|| torn().next(LOADED, true, false), &[STORE], &[SNAPSHOT]);
        check(|| torn().next(LOADED, false, false), &[], &[STORE]);
    }

    #[test]
    fn each_line_is_heeded_once_and_whole() {
        let mut life = Life { is_torn: true, ..Life::default() };
        let log = [LOADED, &line(STORE), &line(RECOVERING)].concat();
        let cut = LOADED.len() + line(STORE).len() / 2;
        assert_eq!(life.heed(&log[..cut]), Ok(Told::default()));
        let told = life.heed(&log).unwrap();
        assert_eq!((told.unusable.len(), told.recovers), (1, true));
        assert_eq!(life.heed(&log), Ok(Told::default()));
    }
}
