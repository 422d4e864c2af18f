//! What a commit says of itself: how far it reaches, of which stream, under which rules.

use std::hash::Hasher as _;

use counters::{OwnMessages, Policies, RULES_VERSION, RoomIndex, UserIndex};
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::digest::Digest;
use crate::error::Damage;
use crate::outbox;
use crate::walk::Walked;

/// How rows are laid out and facts are hashed. A store of another format is refused.
pub const FORMAT_VERSION: u32 = 2;

/// Which stream was counted, as far as the stream itself can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamIdentity {
    /// Its name.
    pub name: String,
    /// When it was created: nanoseconds since the Unix epoch.
    pub created_ns: i64,
}

/// How far the stream was counted. It is committed together with what it counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The stream; `None` until one was seen.
    pub stream: Option<StreamIdentity>,
    /// The stream sequence up to which every event was applied, passed over, or put into the outbox.
    pub applied: u64,
    /// A hash of the message at `applied`; `None` if that message is one the operator accepted as
    /// lost, or if `applied` is 0.
    pub fingerprint: Option<[u8; 32]>,
    /// Ranges of sequences that were missing from the stream and accepted by the operator.
    pub accepted_gaps: Vec<(u64, u64)>,
    /// Why everything has to be counted again from the stream's first sequence; `None` once the
    /// first event is applied. Something was counted before, so no stream is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recount: Option<String>,
}

/// What the row of every version says: enough to refuse it.
#[derive(Debug, Deserialize)]
pub(crate) struct Versions {
    pub(crate) format_version: u32,
    pub(crate) rules_version: u32,
}

/// The checkpoint's row: MessagePack with named fields.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    format_version: u32,
    rules_version: u32,
    own_messages: String,
    message_window: u32,
    position: Position,
    digest: [u64; 2],
    next_room: u32,
    /// The digest of the dead letters on their way.
    outbox: [u64; 2],
    next_user: u32,
}

/// What the row says, in this program's words.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    pub(crate) policies: Policies,
    pub(crate) position: Position,
    pub(crate) digest: Digest,
    /// The digest of the dead letters on their way.
    pub(crate) outbox: Digest,
    /// Rooms from this index on have not been given out.
    pub(crate) next_room: RoomIndex,
    /// No user has this index or a higher one.
    pub(crate) next_user: UserIndex,
}

const EXCLUDE: &str = "exclude";
const MARK_READ: &str = "mark_read";

/// What a row says, without the checksum behind it: no digest of other rows covers the position. `None` if the row is
/// not as it was written.
pub(crate) fn whole_map(row: &[u8]) -> Option<&[u8]> {
    let (map, checksum) = row.split_last_chunk()?;
    (*checksum == checksum_of(map)).then_some(map)
}

/// The SipHash of a fact of kind 11 about nobody, as facts were hashed in format version 1. The same in every version,
/// so that a row of any of them is seen to be whole, and refused by its number.
fn checksum_of(map: &[u8]) -> [u8; 16] {
    let mut hasher = SipHasher13::new_with_key(b"tallymark facts1");
    hasher.write(&[11]);
    hasher.write(&[0; 16]);
    hasher.write(map);
    hasher.finish128().as_u128().to_be_bytes()
}

impl Checkpoint {
    pub(crate) fn to_row(&self) -> Vec<u8> {
        let row = Row {
            format_version: FORMAT_VERSION,
            rules_version: RULES_VERSION,
            own_messages: match self.policies.own_messages {
                OwnMessages::Exclude => EXCLUDE,
                OwnMessages::MarkRead => MARK_READ,
            }
            .to_owned(),
            message_window: self.policies.message_window,
            position: self.position.clone(),
            digest: halves(self.digest),
            next_room: self.next_room.0,
            outbox: halves(self.outbox),
            next_user: self.next_user.0,
        };
        let mut row =
            rmp_serde::to_vec_named(&row).expect("a checkpoint has only strings, integers and lists");
        let checksum = checksum_of(&row);
        row.extend(checksum);
        row
    }

    /// `None` if the row says something that no version says.
    pub(crate) fn from_row(row: Row) -> Option<Self> {
        let own_messages = match row.own_messages.as_str() {
            EXCLUDE => OwnMessages::Exclude,
            MARK_READ => OwnMessages::MarkRead,
            _ => return None,
        };
        Some(Self {
            policies: Policies { own_messages, message_window: row.message_window },
            position: row.position,
            digest: whole(row.digest),
            outbox: whole(row.outbox),
            next_room: RoomIndex(row.next_room),
            next_user: UserIndex(row.next_user),
        })
    }

    /// Whether the rows are all that were written with this checkpoint, and no others.
    pub(crate) fn check(&self, walked: &Walked) -> Result<(), Damage> {
        let found = walked.digests.total();
        if found != self.digest {
            return Err(Damage::Digest { expected: self.digest, found });
        }
        if outbox::sum(&walked.outbox) != self.outbox {
            return Err(Damage::Outbox);
        }
        Ok(())
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
fn halves(digest: Digest) -> [u64; 2] {
    [(digest.0 >> 64) as u64, digest.0 as u64]
}

fn whole([high, low]: [u64; 2]) -> Digest {
    Digest(u128::from(high) << 64 | u128::from(low))
}
