//! The values of rows, to and from bytes.

use std::sync::Arc;

use counters::{MemberFact, RoomFact, RoomIndex};
use events::MessageKey;

use crate::bytes::{BadRow, Cursor, put_bytes, put_int};

/// A number's place in its row: the lowest bits, so that no row is much over 4 KiB.
pub(crate) const NUMBER_BITS: u32 = 15;
const NUMBERS_A_ROW: usize = 1 << NUMBER_BITS;
/// With more numbers than this, one bit for each possible number is shorter.
const LISTED_NUMBERS: usize = 2_048;

/// Tenant, id and fact of a room.
pub(crate) fn put_room(tenant: &str, room: &str, fact: &RoomFact) -> Vec<u8> {
    let mut row = Vec::with_capacity(tenant.len() + room.len() + 48);
    put_bytes(&mut row, tenant.as_bytes());
    put_bytes(&mut row, room.as_bytes());
    put_int(&mut row, u64::from(fact.head));
    put_int(&mut row, fact.posted);
    put_int(&mut row, fact.time);
    for tag in fact.tags.iter() {
        put_bytes(&mut row, tag.as_bytes());
    }
    row
}

pub(crate) fn room(row: &[u8]) -> Result<(&str, &str, RoomFact), BadRow> {
    let mut cursor = Cursor::new(row);
    let (tenant, room) = (cursor.text()?, cursor.text()?);
    let (head, posted, time) = (cursor.int32()?, cursor.int()?, cursor.int()?);
    let mut tags: Vec<Box<str>> = Vec::new();
    while !cursor.is_at_end() {
        tags.push(cursor.text()?.into());
    }
    if !tags.is_sorted_by(|one, next| one < next) {
        return Err(BadRow);
    }
    Ok((tenant, room, RoomFact { head, posted, time, tags: Arc::from(tags) }))
}

/// What the first row of a user says of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserHeader<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) user: &'a str,
    /// The user's memberships lie in 2^bits rows, by the lowest bits of the room.
    pub(crate) bits: u8,
}

/// Chunk 0 has the header, the others have not; memberships come by ascending room.
pub(crate) fn put_members(
    header: Option<UserHeader<'_>>,
    members: impl Iterator<Item = (RoomIndex, MemberFact)>,
) -> Vec<u8> {
    let mut row = Vec::new();
    if let Some(header) = header {
        put_bytes(&mut row, header.tenant.as_bytes());
        put_bytes(&mut row, header.user.as_bytes());
        row.push(header.bits);
    }
    let mut next = 0;
    for (room, fact) in members {
        put_int(&mut row, u64::from(room.0 - next));
        put_int(&mut row, u64::from(fact.cursor) << 1 | u64::from(fact.muted));
        next = room.0 + 1;
    }
    row
}

pub(crate) fn members<'a>(
    row: &'a [u8],
    has_header: bool,
    members: &mut Vec<(RoomIndex, MemberFact)>,
) -> Result<Option<UserHeader<'a>>, BadRow> {
    let mut cursor = Cursor::new(row);
    let header = if has_header {
        let (tenant, user, [bits]) = (cursor.text()?, cursor.text()?, cursor.array()?);
        Some(UserHeader { tenant, user, bits })
    } else {
        None
    };
    // Each takes two bytes or more.
    members.reserve(row.len() / 2);
    let mut next = 0u32;
    while !cursor.is_at_end() {
        let room = next.checked_add(cursor.int32()?).ok_or(BadRow)?;
        let value = cursor.int()?;
        let read = u32::try_from(value >> 1).map_err(|_| BadRow)?;
        members.push((RoomIndex(room), MemberFact { cursor: read, muted: value & 1 == 1 }));
        next = room.checked_add(1).ok_or(BadRow)?;
    }
    Ok(header)
}

/// Numbers of one chunk, ascending.
pub(crate) fn put_numbers(numbers: &[u32]) -> Vec<u8> {
    let lowest = |number: u32| number as usize % NUMBERS_A_ROW;
    if numbers.len() > LISTED_NUMBERS {
        let mut row = vec![0; 1 + NUMBERS_A_ROW / 8];
        row[0] = 1;
        for number in numbers {
            row[1 + lowest(*number) / 8] |= 1 << (lowest(*number) % 8);
        }
        return row;
    }
    let mut row = vec![0];
    let mut next = 0;
    for number in numbers {
        put_int(&mut row, (lowest(*number) - next) as u64);
        next = lowest(*number) + 1;
    }
    row
}

pub(crate) fn numbers(row: &[u8], chunk: u32) -> Result<Vec<u32>, BadRow> {
    if chunk >= 1 << (u32::BITS - NUMBER_BITS) {
        return Err(BadRow);
    }
    let first = chunk << NUMBER_BITS;
    let mut cursor = Cursor::new(row);
    match cursor.array()? {
        [0] => {
            let mut numbers = Vec::new();
            let mut next = 0u32;
            while !cursor.is_at_end() {
                let lowest = next.checked_add(cursor.int32()?).ok_or(BadRow)?;
                if lowest >> NUMBER_BITS != 0 {
                    return Err(BadRow);
                }
                numbers.push(first | lowest);
                next = lowest + 1;
            }
            Ok(numbers)
        }
        [1] => {
            let bits = cursor.take(NUMBERS_A_ROW / 8)?;
            cursor.end()?;
            let is_set = |lowest: &u32| bits[*lowest as usize / 8] >> (lowest % 8) & 1 == 1;
            Ok((0..1 << NUMBER_BITS).filter(is_set).map(|lowest| first | lowest).collect())
        }
        _ => Err(BadRow),
    }
}

pub(crate) fn put_kept(keys: &[MessageKey]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.0).collect()
}

pub(crate) fn kept(row: &[u8]) -> Result<Vec<MessageKey>, BadRow> {
    let (keys, rest) = row.as_chunks();
    if keys.is_empty() || !rest.is_empty() {
        return Err(BadRow);
    }
    Ok(keys.iter().map(|key| MessageKey(*key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_listed_and_as_bits() {
        for step in [1, 3, 16, 17, 4_000, 32_767] {
            let chunk = (3u32 << NUMBER_BITS)..(4 << NUMBER_BITS);
            let list: Vec<u32> = chunk.step_by(step).collect();
            let row = put_numbers(&list);
            assert!(row.len() <= 4_097 + 2, "{} bytes for {} numbers", row.len(), list.len());
            assert_eq!(numbers(&row, 3), Ok(list));
        }
        let last = [u32::MAX];
        assert_eq!(numbers(&put_numbers(&last), u32::MAX >> NUMBER_BITS), Ok(last.to_vec()));
        assert_eq!(numbers(&[0, 0xff, 0xff, 0x03], 0), Err(BadRow), "beyond the chunk");
        assert_eq!(numbers(&[2], 0), Err(BadRow));
        assert_eq!(numbers(&[1, 0], 0), Err(BadRow));
        assert_eq!(numbers(&[0, 1], 1 << 17), Err(BadRow));
    }

    #[test]
    fn members_survive_with_and_without_header() {
        let list = vec![
            (RoomIndex(0), MemberFact { cursor: 0, muted: false }),
            (RoomIndex(1), MemberFact { cursor: u32::MAX, muted: true }),
            (RoomIndex(u32::MAX - 1), MemberFact { cursor: 7, muted: false }),
        ];
        for header in [None, Some(UserHeader { tenant: "t", user: "ann", bits: 3 })] {
            let row = put_members(header, list.iter().copied());
            let mut read = Vec::new();
            assert_eq!(members(&row, header.is_some(), &mut read), Ok(header));
            assert_eq!(read, list);
            assert!(members(&row[..row.len() - 1], header.is_some(), &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn rooms_survive_and_unsorted_tags_are_refused() {
        let fact = |tags: &[&str]| RoomFact {
            head: 3,
            posted: 5,
            time: 1_700_000_000_000,
            tags: tags.iter().map(|tag| Box::from(*tag)).collect(),
        };
        let row = put_room("t", "r", &fact(&["a", "b"]));
        assert_eq!(room(&row), Ok(("t", "r", fact(&["a", "b"]))));
        assert_eq!(room(&put_room("t", "r", &fact(&["b", "a"]))), Err(BadRow));
        assert_eq!(room(&put_room("t", "r", &fact(&["a", "a"]))), Err(BadRow));
    }
}
