//! Sends the dead letters, as the service's sender does, and sees that each comes once and in order.

use std::collections::HashSet;
use std::sync::Arc;

use async_nats::HeaderMap;
use store::DeadLetter;
use store::simulated::Dice;

use super::nats::{Copy, State};
use super::stream::Message;
use super::world::{Check, World};
use crate::dead_letters::next_letters;
use crate::letter::{Copied, headers};

impl World {
    /// One look into the outbox. The sending itself is the simulation's; what to send is decided by
    /// the service's own functions.
    pub(super) fn send_dead_letters(&mut self, dice: &mut Dice) -> Check {
        self.note(|| "dead letters are sent".to_owned());
        let Some(process) = &mut self.process else { return Ok(()) };
        let Some(counted) = process.confirmed.borrow().clone() else {
            process.last_copy = None;
            return Ok(());
        };
        let letters = next_letters(&process.outbox, &process.durable);
        if self.hands.disk.is_dead() {
            return self.bury("while it read dead letters");
        }
        let letters = match letters {
            Ok(letters) => letters,
            Err(error) => return self.fail(&format!("dead letters could not be read: {error}")),
        };
        let mut nats = self.hands.nats.lock();
        if !nats.is_reachable() {
            process.last_copy = None;
            return Ok(());
        }
        for letter in letters {
            let last = process.last_copy.get_or_insert_with(|| nats.dead_letters.last().and_then(copied));
            if last.as_ref().is_none_or(|last| !last.covers(&letter, &counted)) {
                let fails = dice.chance(10);
                let is_stored = !fails || dice.chance(50);
                if is_stored {
                    nats.dead_letters.push(Copy { stream: counted.clone(), letter: letter.clone() });
                }
                if fails {
                    // The server's answer does not come.
                    process.last_copy = None;
                    return Ok(());
                }
            }
            process.outbox.stored(letter.sequence);
        }
        Ok(())
    }

    /// Each malformed event that is applied was copied, once and after those before it, and nothing else was.
    pub(super) fn check_dead_letters(&self) -> Check {
        let Some(process) = &self.process else { return Ok(()) };
        let nats = self.hands.nats.lock();
        let copies = &nats.dead_letters;
        for (place, Copy { stream, letter }) in copies.iter().enumerate() {
            check_copy(&nats, letter)?;
            let of_same = copies[..place].iter().filter(|before| before.stream == *stream);
            let before: Vec<_> =
                of_same.map(|before| (before.letter.sequence, before.letter.stored_at_ns)).collect();
            let (sequence, stored_at_ns) = (letter.sequence, letter.stored_at_ns);
            if before.contains(&(sequence, stored_at_ns)) {
                return Err(format!("the dead letter of {sequence} was copied twice"));
            }
            if before.last().is_some_and(|(other, at)| *other > sequence && *at > stored_at_ns) {
                return Err(format!("the dead letter of {sequence} was copied too late"));
            }
        }
        let copied: HashSet<_> = copies.iter().map(|copy| copy.letter.stored_at_ns).collect();
        let is_missing = |message: &&Arc<Message>| {
            // What comes back after its loss was accepted is older than what was copied since, and is taken for copied.
            let was_given_up = self.decisions.accept(message.sequence..=message.sequence);
            message.payload.malformed.is_some() && !copied.contains(&message.stored_at_ns()) && !was_given_up
        };
        match process.applied.messages().iter().find(is_missing) {
            Some(message) => Err(format!("there is no dead letter of {}", message.sequence)),
            None => Ok(()),
        }
    }
}

/// The copy is of a malformed event, and says of it what is so.
fn check_copy(nats: &State, letter: &DeadLetter) -> Check {
    let sequence = letter.sequence;
    let Some(message) = nats.messages.get(&letter.stored_at_ns) else {
        return Err(format!("the dead letter of {sequence} is of no message"));
    };
    let payload = &message.payload;
    let Some(malformed) = payload.malformed else {
        return Err(format!("message {sequence} was copied though nothing is wrong with it"));
    };
    let is_right = sequence == message.sequence
        && letter.subject == payload.subject
        && letter.dead_subject == malformed.dead_subject
        && letter.reason == malformed.reason
        && letter.body == payload.body
        && letter.length == payload.body.len() as u64;
    if is_right { Ok(()) } else { Err(format!("of {message:?} this was copied: {letter:?}")) }
}

/// What the copy's headers say.
fn copied(copy: &Copy) -> Option<Copied> {
    let mut map = HeaderMap::new();
    for (name, value) in headers(&copy.letter, &copy.stream) {
        map.insert(name, value.as_str());
    }
    Copied::from_headers(|name| map.get_last(name).map(async_nats::HeaderValue::as_str))
}
