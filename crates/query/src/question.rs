//! What a query string asks for.

use std::borrow::Cow;
use std::str::FromStr;

use counters::{TagFilter, TagMode};

use crate::hub::WatchFilter;
use crate::refusal::Refusal;
use crate::room_tags::{Name, RoomTags, decode, name_of};

/// The highest sequence that can be asked for: what every JSON parser can hold.
const MAX_MIN_SEQ: u64 = (1 << 53) - 1;

/// Which rooms of a user are asked about, and how fresh the answer has to be.
#[derive(Debug, Default)]
pub(crate) struct Question<'q> {
    /// Every event up to this stream sequence has to be in the answer.
    pub(crate) min_seq: Option<u64>,
    pub(crate) tags: RoomTags<'q>,
    mode: TagMode,
    not: RoomTags<'q>,
}

impl<'q> Question<'q> {
    /// Reads a query string. Names that mean nothing are ignored.
    pub(crate) fn parse(query: &'q str) -> Result<Self, Refusal> {
        let (tags, has_others) = RoomTags::parse(query).map_err(|_| Refusal::InvalidRoomTags)?;
        let mut question = Self { tags, ..Self::default() };
        if has_others {
            question.not = RoomTags::parse_not(query).map_err(|_| Refusal::InvalidRoomTags)?;
            question.mode = tag_mode(query)?;
            question.min_seq = min_seq(query)?;
        }
        Ok(question)
    }

    /// Calls `with` with the rooms that are asked about.
    pub(crate) fn with_filter<T>(&self, with: impl FnOnce(&TagFilter<'_>) -> T) -> T {
        let mode = self.mode;
        self.tags.with_slice(|tags| self.not.with_slice(|not| with(&TagFilter { tags, mode, not })))
    }

    /// The rooms that are asked about, for whoever asks for longer than a request.
    pub(crate) fn filter(&self) -> WatchFilter {
        self.with_filter(|filter| WatchFilter::from(filter))
    }
}

fn tag_mode(query: &str) -> Result<TagMode, Refusal> {
    match single(query, b"tagMode").map_err(|_| Refusal::InvalidTagMode)?.as_deref() {
        None | Some("all") => Ok(TagMode::All),
        Some("any") => Ok(TagMode::Any),
        Some(_) => Err(Refusal::InvalidTagMode),
    }
}

/// `minSeq`, on every route.
pub(crate) fn min_seq(query: &str) -> Result<Option<u64>, Refusal> {
    let Some(text) = single(query, b"minSeq").map_err(|_| Refusal::InvalidMinSeq)? else { return Ok(None) };
    sequence(&text).map(Some).ok_or(Refusal::InvalidMinSeq)
}

/// A sequence that somebody may ask for.
pub(crate) fn sequence(text: &str) -> Option<u64> {
    integer(text).filter(|sequence| *sequence <= MAX_MIN_SEQ)
}

/// A parameter that can't be read, or is there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotSingle;

/// The value of a parameter that may be given once.
pub(crate) fn single<'q>(query: &'q str, wanted: &[u8]) -> Result<Option<Cow<'q, str>>, NotSingle> {
    let mut found = None;
    for piece in query.split('&') {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        if name_of(name, wanted) == Name::Wanted {
            let value = decode(value).map_err(|_| NotSingle)?;
            if found.replace(value).is_some() {
                return Err(NotSingle);
            }
        }
    }
    Ok(found)
}

/// Digits and nothing else: no sign, which Rust would read too.
pub(crate) fn integer<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
