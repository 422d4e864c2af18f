//! Where a recount begins: with nothing, or with a snapshot.

use std::path::PathBuf;

use counters::{OwnMessages, Policies};
use oracle::{Fact, FactsError, KnownMessage, Oracle};
use store::{Facts, MemberFacts, ReadError, RoomFacts, SnapshotFile, Wanted, read_facts};

use crate::cut::{Scope, key_name};

/// An oracle, and how far it is.
#[derive(Debug)]
pub struct Start {
    /// Every event up to this sequence is in it.
    pub sequence: u64,
    pub(crate) oracle: Oracle,
    /// How many messages it holds.
    pub(crate) messages: u64,
    /// Rooms that it has, by tenant and id.
    pub(crate) rooms: Vec<(String, String)>,
    /// Rooms that it would have, but for the bound on messages.
    pub(crate) left_out: Vec<(String, String)>,
}

/// Why a recount can't begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The events before are gone, and so is what they counted.
    #[error(
        "the stream begins at sequence {first}, and no snapshot reaches from {} to {last}: nothing can be recounted",
        first - 1
    )]
    NoSnapshot {
        /// The stream's first sequence.
        first: u64,
        /// The sequence that a snapshot must not be beyond.
        last: u64,
        /// Snapshots that can't be read.
        unusable: Vec<ReadError>,
    },
    /// A snapshot is whole, and yet can't be.
    #[error("{path}: the facts of room {room:?} of {tenant} contradict each other: {error}")]
    Facts {
        /// The snapshot.
        path: PathBuf,
        /// The tenant.
        tenant: String,
        /// The room.
        room: String,
        /// What is wrong.
        error: FactsError,
    },
    /// It was counted under other rules or policies.
    #[error("{0}")]
    Refused(ReadError),
}

/// The same policies, as the oracle calls them.
pub fn oracle_policies(policies: Policies) -> oracle::Policies {
    let own_messages = match policies.own_messages {
        OwnMessages::Exclude => oracle::OwnMessages::Exclude,
        OwnMessages::MarkRead => oracle::OwnMessages::MarkRead,
    };
    oracle::Policies { own_messages, message_window: policies.message_window }
}

impl Start {
    /// Before the first event.
    pub fn empty(policies: Policies) -> Self {
        let oracle = Oracle::new(oracle_policies(policies));
        Self { sequence: 0, oracle, messages: 0, rooms: Vec::new(), left_out: Vec::new() }
    }

    /// Before the first event if the stream still has it, else at the oldest of `snapshots` that is whole, from which the
    /// stream goes on, and that is not beyond `last`.
    pub fn choose(
        first: u64,
        last: u64,
        mut snapshots: Vec<SnapshotFile>,
        policies: Policies,
        scope: &Scope,
        most_messages: u64,
    ) -> Result<Self, StartError> {
        if first <= 1 {
            return Ok(Self::empty(policies));
        }
        let mut unusable = Vec::new();
        snapshots.retain(|snapshot| (first - 1..=last).contains(&snapshot.sequence));
        snapshots.sort_unstable_by_key(|snapshot| snapshot.sequence);
        for SnapshotFile { path, .. } in snapshots {
            let is_wanted = |wanted: Wanted<'_>| match wanted {
                Wanted::Room(tenant, room) => scope.has_room(tenant, room),
                Wanted::User(tenant, user) => scope.has_user(tenant, user),
            };
            match read_facts(&path, policies, &is_wanted) {
                Ok(facts) => {
                    let told = Self::from_facts(&facts, policies, most_messages);
                    return told.map_err(|(tenant, room, error)| StartError::Facts {
                        path,
                        tenant,
                        room,
                        error,
                    });
                }
                Err(error @ ReadError::Refused(_)) => return Err(StartError::Refused(error)),
                Err(error) => unusable.push(error),
            }
        }
        Err(StartError::NoSnapshot { first, last, unusable })
    }

    fn from_facts(
        facts: &Facts,
        policies: Policies,
        most_messages: u64,
    ) -> Result<Self, (String, String, FactsError)> {
        let mut start = Self { sequence: facts.position.applied, ..Self::empty(policies) };
        for room in &facts.rooms {
            let (tenant, id) = (room.tenant.clone(), room.room.clone());
            if start.messages.saturating_add(room.fact.posted) > most_messages {
                start.left_out.push((tenant, id));
                continue;
            }
            start.messages += room.fact.posted;
            let names = Names::of(room);
            let restored = start.oracle.restore_room(&tenant, &id, &names.facts(room));
            restored.map_err(|error| (tenant.clone(), id.clone(), error))?;
            start.rooms.push((tenant, id));
        }
        Ok(start)
    }
}

/// The names of messages, which the facts of the oracle borrow.
struct Names {
    known: Vec<String>,
    kept_recalls: Vec<String>,
    kept_reads: Vec<Vec<String>>,
}

impl Names {
    fn of(room: &RoomFacts) -> Self {
        Self {
            known: room.known.iter().map(|(key, _)| key_name(key)).collect(),
            kept_recalls: room.kept_recalls.iter().map(key_name).collect(),
            kept_reads: room
                .members
                .iter()
                .map(|member| member.kept_reads.iter().map(key_name).collect())
                .collect(),
        }
    }

    fn facts<'a>(&'a self, room: &'a RoomFacts) -> Vec<Fact<'a>> {
        let mut facts = vec![Fact::Room {
            head: room.fact.head.into(),
            posted: room.fact.posted,
            time: room.fact.time,
            tags: room.fact.tags.iter().map(|tag| &**tag).collect(),
        }];
        for (member, kept_reads) in room.members.iter().zip(&self.kept_reads) {
            let MemberFacts { user, fact, own, mentioned, .. } = member;
            facts.push(Fact::Member { user, cursor: fact.cursor.into(), muted: fact.muted });
            facts.extend(own.iter().map(|number| Fact::Own { user, number: (*number).into() }));
            facts.extend(mentioned.iter().map(|number| Fact::Mentioned { user, number: (*number).into() }));
            if !kept_reads.is_empty() {
                facts.push(Fact::KeptReads { user, messages: texts(kept_reads) });
            }
        }
        facts.extend(room.recalled.iter().map(|number| Fact::Recalled { number: (*number).into() }));
        facts.extend(room.mention_all.iter().map(|number| Fact::MentionAll { number: (*number).into() }));
        if !self.kept_recalls.is_empty() {
            facts.push(Fact::KeptRecalls { messages: texts(&self.kept_recalls) });
        }
        for ((_, remembered), message) in room.known.iter().zip(&self.known) {
            let counters::Remembered { order, number, silent, time } = *remembered;
            facts.push(Fact::Known(KnownMessage { message, order, number: number.into(), silent, time }));
        }
        facts
    }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
