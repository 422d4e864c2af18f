//! `roomTags` and `notRoomTags` in a query string.

use std::borrow::Cow;

use events::Tag;
use percent_encoding::percent_decode_str;

/// The most distinct tags in one request.
pub(crate) const MAX_ROOM_TAGS: usize = 32;

/// The rooms that are asked for have these.
const ROOM_TAGS: &[u8] = b"roomTags";
/// The rooms that are asked for have none of these.
const NOT_ROOM_TAGS: &[u8] = b"notRoomTags";

/// The query string asks for something that can't be a set of room tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidRoomTags;

/// The distinct tags of one request, in the order in which they were first given. They are borrowed
/// from the query string where it writes them as they are.
#[derive(Debug, Default)]
pub(crate) struct RoomTags<'q>(Vec<Tag<'q>>);

impl<'q> RoomTags<'q> {
    /// Reads `roomTags` from all of a query string: `&` between pieces, the first `=` between name and value.
    /// Also says whether there are other names.
    pub(crate) fn parse(query: &'q str) -> Result<(Self, bool), InvalidRoomTags> {
        Self::named(ROOM_TAGS, query)
    }

    /// Reads `notRoomTags` in the same way.
    pub(crate) fn parse_not(query: &'q str) -> Result<Self, InvalidRoomTags> {
        Self::named(NOT_ROOM_TAGS, query).map(|(tags, _)| tags)
    }

    /// Of a list in a body.
    pub(crate) fn of(texts: impl Iterator<Item = impl Into<Cow<'q, str>>>) -> Result<Self, InvalidRoomTags> {
        let mut tags = Self::default();
        for text in texts {
            tags.add(text.into())?;
        }
        Ok(tags)
    }

    /// The tags one by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Tag::as_str)
    }

    /// The same tags, borrowed from nothing.
    pub(crate) fn into_owned(self) -> RoomTags<'static> {
        RoomTags(self.0.into_iter().map(Tag::into_owned).collect())
    }

    fn named(wanted: &[u8], query: &'q str) -> Result<(Self, bool), InvalidRoomTags> {
        let (mut tags, mut has_others) = (Self::default(), false);
        for piece in query.split('&') {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            match name_of(name, wanted) {
                Name::Wanted => tags.add(decode(value)?)?,
                Name::WantedBracket => return Err(InvalidRoomTags),
                Name::Other => has_others |= !name.is_empty(),
            }
        }
        Ok((tags, has_others))
    }

    /// Calls `with` with the tags as one slice.
    pub(crate) fn with_slice<T>(&self, with: impl FnOnce(&[&str]) -> T) -> T {
        if self.0.is_empty() {
            return with(&[]);
        }
        let mut texts = [""; MAX_ROOM_TAGS];
        for (text, tag) in texts.iter_mut().zip(&self.0) {
            *text = tag.as_str();
        }
        with(&texts[..self.0.len()])
    }

    fn add(&mut self, text: Cow<'q, str>) -> Result<(), InvalidRoomTags> {
        let tag = Tag::new(text).map_err(|_| InvalidRoomTags)?;
        if self.0.contains(&tag) {
            return Ok(());
        }
        if self.0.len() == MAX_ROOM_TAGS {
            return Err(InvalidRoomTags);
        }
        self.0.push(tag);
        Ok(())
    }
}

/// What the name of a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// The one that is looked for.
    Wanted,
    /// `roomTags[`, `roomTags[0]` and the like: other services' way to write a list. To ignore it
    /// would be to count rooms that the caller wanted left out.
    WantedBracket,
    /// Any other.
    Other,
}

/// A `+` needs no decoding here: neither `+` nor a space is in the names that matter. A broken
/// escape stands for itself.
pub(crate) fn name_of(name: &str, wanted: &[u8]) -> Name {
    let mut rest = percent_decode_str(name);
    if !wanted.iter().all(|expected| rest.next() == Some(*expected)) {
        return Name::Other;
    }
    match rest.next() {
        None => Name::Wanted,
        Some(b'[') => Name::WantedBracket,
        Some(_) => Name::Other,
    }
}

/// One form-urlencoded value.
pub(crate) fn decode(value: &str) -> Result<Cow<'_, str>, InvalidRoomTags> {
    if !value.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Ok(Cow::Borrowed(value));
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(bytes.next())? * 16 + hex_digit(bytes.next())?,
            plain => plain,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| InvalidRoomTags)
}

fn hex_digit(byte: Option<u8>) -> Result<u8, InvalidRoomTags> {
    match byte {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        _ => Err(InvalidRoomTags),
    }
}

#[cfg(test)]
mod tests;
