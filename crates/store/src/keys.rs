//! The keys of all rows. One tree holds them, so that one batch can; docs of this crate have the
//! byte diagram. Numbers are big-endian, so that the order of keys is the order of numbers.

use counters::{KeptList, NumberSet, RoomIndex, UserIndex};

use crate::bytes::{BadRow, Cursor};

/// The first byte of a key. The order is the one in which a store is loaded.
pub(crate) mod table {
    pub(crate) const CHECKPOINT: u8 = 1;
    pub(crate) const ROOM: u8 = 2;
    pub(crate) const USER: u8 = 3;
    pub(crate) const NUMBERS: u8 = 4;
    pub(crate) const KEPT: u8 = 5;
    pub(crate) const IDS: u8 = 6;
    pub(crate) const OUTBOX: u8 = 7;
    pub(crate) const NEW_IDS: u8 = 8;
}

/// Tables whose keys begin with a room: deleting the room deletes these ranges.
pub(crate) const TABLES_BY_ROOM: [u8; 3] = [table::NUMBERS, table::KEPT, table::IDS];

const RECALLED: u8 = 1;
const MENTION_ALL: u8 = 2;
const OWN: u8 = 3;
const MENTIONED: u8 = 4;

pub(crate) const CHECKPOINT_KEY: [u8; 1] = [table::CHECKPOINT];

/// What a row is about, as its key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    Checkpoint,
    Room(RoomIndex),
    /// Some of a user's memberships.
    User(UserIndex, u16),
    /// Numbers of a set that have the same number but for their lowest 15 bits.
    Numbers(NumberSet, u32),
    Kept(KeptList),
    /// 64 remembered ids of consecutive orders.
    Ids(RoomIndex, u32),
    /// A dead letter on its way, by stream sequence.
    Outbox(u64),
    /// Remembered ids of any rooms, in the order of posting, that may be in no page yet.
    NewIds(u64),
}

impl Key {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(14);
        match self {
            Self::Checkpoint => out.push(table::CHECKPOINT),
            Self::Room(room) => {
                out.push(table::ROOM);
                out.extend(room.0.to_be_bytes());
            }
            Self::User(user, chunk) => {
                out.push(table::USER);
                out.extend(user.0.to_be_bytes());
                out.extend(chunk.to_be_bytes());
            }
            Self::Numbers(set, chunk) => {
                let (kind, user) = match set {
                    NumberSet::Recalled(_) => (RECALLED, None),
                    NumberSet::MentionAll(_) => (MENTION_ALL, None),
                    NumberSet::Own(_, user) => (OWN, Some(user)),
                    NumberSet::Mentioned(_, user) => (MENTIONED, Some(user)),
                };
                out.push(table::NUMBERS);
                out.extend(set.room().0.to_be_bytes());
                out.push(kind);
                if let Some(user) = user {
                    out.extend(user.0.to_be_bytes());
                }
                out.extend(chunk.to_be_bytes());
            }
            Self::Kept(list) => {
                out.push(table::KEPT);
                out.extend(list.room().0.to_be_bytes());
                if let KeptList::Reads(_, user) = list {
                    out.extend(user.0.to_be_bytes());
                }
            }
            Self::Ids(room, page) => {
                out.push(table::IDS);
                out.extend(room.0.to_be_bytes());
                out.extend(page.to_be_bytes());
            }
            Self::Outbox(sequence) => {
                out.push(table::OUTBOX);
                out.extend(sequence.to_be_bytes());
            }
            Self::NewIds(number) => {
                out.push(table::NEW_IDS);
                out.extend(number.to_be_bytes());
            }
        }
        out
    }

    pub(crate) fn from_bytes(key: &[u8]) -> Result<Self, BadRow> {
        let mut cursor = Cursor::new(key);
        let [table] = cursor.array()?;
        let int = |cursor: &mut Cursor<'_>| cursor.array().map(u32::from_be_bytes);
        let key = match table {
            table::CHECKPOINT => Self::Checkpoint,
            table::ROOM => Self::Room(RoomIndex(int(&mut cursor)?)),
            table::USER => Self::User(UserIndex(int(&mut cursor)?), u16::from_be_bytes(cursor.array()?)),
            table::NUMBERS => {
                let room = RoomIndex(int(&mut cursor)?);
                let [kind] = cursor.array()?;
                let set = match kind {
                    RECALLED => NumberSet::Recalled(room),
                    MENTION_ALL => NumberSet::MentionAll(room),
                    OWN => NumberSet::Own(room, UserIndex(int(&mut cursor)?)),
                    MENTIONED => NumberSet::Mentioned(room, UserIndex(int(&mut cursor)?)),
                    _ => return Err(BadRow),
                };
                Self::Numbers(set, int(&mut cursor)?)
            }
            table::KEPT => {
                let room = RoomIndex(int(&mut cursor)?);
                if cursor.is_at_end() {
                    Self::Kept(KeptList::Recalls(room))
                } else {
                    Self::Kept(KeptList::Reads(room, UserIndex(int(&mut cursor)?)))
                }
            }
            table::IDS => Self::Ids(RoomIndex(int(&mut cursor)?), int(&mut cursor)?),
            table::OUTBOX => Self::Outbox(u64::from_be_bytes(cursor.array()?)),
            table::NEW_IDS => Self::NewIds(u64::from_be_bytes(cursor.array()?)),
            _ => return Err(BadRow),
        };
        cursor.end()?;
        Ok(key)
    }
}

/// The front that all keys of a room share in one of [`TABLES_BY_ROOM`].
pub(crate) fn room_prefix(table: u8, room: RoomIndex) -> [u8; 5] {
    let mut prefix = [table; 5];
    prefix[1..].copy_from_slice(&room.0.to_be_bytes());
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_and_sort_by_table_then_index() {
        let (room, user) = (RoomIndex(0x0102_0304), UserIndex(0x0506_0708));
        let keys = [
            Key::Checkpoint,
            Key::Room(RoomIndex(255)),
            Key::Room(RoomIndex(256)),
            Key::User(user, 0),
            Key::User(user, 1),
            Key::Numbers(NumberSet::Recalled(room), 7),
            Key::Numbers(NumberSet::MentionAll(room), 0),
            Key::Numbers(NumberSet::Own(room, user), 0),
            Key::Numbers(NumberSet::Own(room, user), 1),
            Key::Numbers(NumberSet::Mentioned(room, user), 0),
            Key::Kept(KeptList::Recalls(room)),
            Key::Kept(KeptList::Reads(room, user)),
            Key::Ids(room, 9),
            Key::Outbox(u64::MAX),
            Key::NewIds(3),
        ];
        let bytes = keys.map(Key::to_bytes);
        assert!(bytes.is_sorted());
        for (key, bytes) in keys.iter().zip(&bytes) {
            assert_eq!(Key::from_bytes(bytes), Ok(*key));
            let mut longer = bytes.clone();
            longer.push(0);
            assert_ne!(Key::from_bytes(&longer), Ok(*key));
        }
        assert_eq!(Key::Checkpoint.to_bytes(), CHECKPOINT_KEY);
        assert_eq!(Key::Ids(room, 9).to_bytes()[..5], room_prefix(table::IDS, room));
        for bad in [&[] as &[u8], &[0], &[9, 0], &[2, 0, 0, 0], &[4, 0, 0, 0, 0, 9, 0, 0, 0, 0]] {
            assert_eq!(Key::from_bytes(bad), Err(BadRow), "{bad:?}");
        }
    }
}
