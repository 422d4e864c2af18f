//! Where the next page of rooms goes on.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Sort;

/// The place of the last room that was told, in the order in which it was told. What the place is made of is nobody's
/// business, so it is sent in a form that nobody reads by accident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    sort: Sort,
    unread: u64,
    room: String,
}

impl Cursor {
    pub(super) fn after(sort: Sort, unread: u64, room: &str) -> Self {
        // By id, it is the same place whatever is unread.
        let unread = if sort == Sort::Id { 0 } else { unread };
        Self { sort, unread, room: room.to_owned() }
    }

    /// `None` if it was not given for a page in that order.
    pub(super) fn parse(text: &str, wanted: Sort) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (start, room) = text.split_once(':')?;
        let (sort, unread) = match start.split_at_checked(1)? {
            ("u", unread) => (Sort::Unread, crate::question::integer(unread)?),
            ("i", "") => (Sort::Id, 0),
            _ => return None,
        };
        let room = events::Id::new(room).ok()?.as_str().to_owned();
        (sort == wanted).then_some(Self { sort, unread, room })
    }

    pub(super) fn place(&self) -> (u64, &str) {
        (self.unread, &self.room)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sort, unread, room } = self;
        let text = match sort {
            Sort::Unread => format!("u{unread}:{room}"),
            Sort::Id => format!("i:{room}"),
        };
        formatter.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_given_and_nothing_else_is() {
        for sort in [Sort::Unread, Sort::Id] {
            for room in ["r", ":", "u1:x", "räume und mehr", &"x".repeat(256)] {
                let cursor = Cursor::after(sort, 77, room);
                assert_eq!(Cursor::parse(&cursor.to_string(), sort), Some(cursor.clone()));
                let other = if sort == Sort::Id { Sort::Unread } else { Sort::Id };
                assert_eq!(Cursor::parse(&cursor.to_string(), other), None);
            }
        }
        for text in ["", "u", "u1", "u:r", "u-1:r", "u1:", "u+1:r", "i1:r", "x:r", "é:r", "u1:a\nb"] {
            let encoded = URL_SAFE_NO_PAD.encode(text);
            for sort in [Sort::Unread, Sort::Id] {
                assert_eq!(Cursor::parse(&encoded, sort), None, "{text}");
            }
        }
        assert_eq!(Cursor::parse("aTpy=", Sort::Id), None);
        assert_eq!(Cursor::parse(&URL_SAFE_NO_PAD.encode([b'i', b':', 0xff]), Sort::Id), None);
    }
}
