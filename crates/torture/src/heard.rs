//! What the stream holds, told to the judge in the stream's order.

use std::collections::{BTreeMap, VecDeque};

use events::Reason;
use judge::Judge;
use oracle::{Oracle, Policies};
use tests::Nats;

use crate::load::{Meaning, Message};

/// The judge, how far it has heard, and the dead letters that have to come of it.
///
/// The judge hears events as they were made, not as the decoder of the service reads them. A message that
/// the server took is found again by its body; one that it never took, because it was killed, is passed over.
#[derive(Debug)]
pub(crate) struct Heard {
    judge: Judge,
    /// Made and not yet found in the stream.
    made: VecDeque<Message>,
    sequence: u64,
    malformed: BTreeMap<Reason, u64>,
    /// Dead letters not yet found in their stream.
    letters: VecDeque<Letter>,
    last_copy: u64,
}

#[derive(Debug)]
struct Letter {
    sequence: u64,
    message: Message,
}

impl Heard {
    /// Has heard nothing.
    pub(crate) fn new(policies: Policies) -> Self {
        Self {
            judge: Judge::new(policies),
            made: VecDeque::new(),
            sequence: 0,
            malformed: BTreeMap::new(),
            letters: VecDeque::new(),
            last_copy: 0,
        }
    }

    /// These were published, or at least tried to.
    pub(crate) fn made(&mut self, messages: Vec<Message>) {
        self.made.extend(messages);
    }

    /// Hears what is new in the stream. What was made and is not there by now never will be.
    pub(crate) fn hear(&mut self, nats: &Nats) {
        for stored in nats.messages_from(Nats::STREAM, self.sequence + 1) {
            assert_eq!(stored.sequence, self.sequence + 1, "the stream has a hole");
            self.sequence = stored.sequence;
            let message = loop {
                let made = self.made.pop_front();
                let made = made.unwrap_or_else(|| panic!("nobody published {stored:?} here"));
                if made.body == stored.body && made.subject == stored.subject {
                    break made;
                }
            };
            match &message.meaning {
                Meaning::Event(event) => drop(self.judge.apply(event, stored.stored_ms)),
                Meaning::Malformed { reason, .. } => {
                    *self.malformed.entry(*reason).or_default() += 1;
                    self.letters.push_back(Letter { sequence: stored.sequence, message });
                }
            }
        }
        self.made.clear();
    }

    /// The sequence of the last message heard.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How many messages were malformed.
    pub(crate) fn malformed(&self) -> u64 {
        self.malformed.values().sum()
    }

    /// How many messages were malformed for that reason.
    pub(crate) fn malformed_for(&self, reason: Reason) -> u64 {
        self.malformed.get(&reason).copied().unwrap_or(0)
    }

    /// What the store's digest has to be.
    pub(crate) fn digest(&mut self) -> String {
        self.judge.digest().to_string()
    }

    /// What every badge has to be.
    pub(crate) fn oracle(&self) -> &Oracle {
        self.judge.oracle()
    }

    /// Checks the copies that are new in the stream of the dead letters: each malformed message has one,
    /// in order.
    pub(crate) fn hear_letters(&mut self, nats: &Nats) -> Result<(), String> {
        for copy in nats.messages_from(Nats::DEAD, self.last_copy + 1) {
            self.last_copy = copy.sequence;
            let Some(Letter { sequence, message }) = self.letters.pop_front() else {
                return Err(format!("a dead letter that should not be there: {copy:?}"));
            };
            let Message { subject, body, meaning: Meaning::Malformed { reason, copied_to } } = message else {
                return Err("a well-formed message was taken for malformed".to_owned());
            };
            let headers = [
                ("Tallymark-Sequence", sequence.to_string()),
                ("Tallymark-Reason", reason.to_string()),
                ("Tallymark-Subject", subject),
                ("Tallymark-Length", body.len().to_string()),
            ];
            for (name, expected) in headers {
                let found = copy.header(name);
                if found != expected {
                    return Err(format!(
                        "dead letter of {sequence}: {name} is {found:?}, expected {expected:?}"
                    ));
                }
            }
            if copy.subject != copied_to || copy.body != body {
                return Err(format!("dead letter of {sequence}: subject or body differ: {copy:?}"));
            }
        }
        match self.letters.front() {
            None => Ok(()),
            Some(letter) => Err(format!(
                "{} dead letters are missing, the first of {}",
                self.letters.len(),
                letter.sequence
            )),
        }
    }
}
