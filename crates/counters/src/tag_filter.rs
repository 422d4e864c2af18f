//! Which rooms are asked about, by their tags.

use crate::room_words::RoomWord;
use crate::tag_sets::{TagIndex, TagSetIndex, TagSets};

/// Which rooms are asked about, by their tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TagFilter<'a> {
    /// The rooms have these; without any, it is all rooms, whatever the mode.
    pub tags: &'a [&'a str],
    /// How many of `tags` they have.
    pub mode: TagMode,
    /// The rooms have none of these.
    pub not: &'a [&'a str],
}

/// How many of the wanted tags a room has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TagMode {
    /// All of them.
    #[default]
    All,
    /// One of them at the least.
    Any,
}

/// A filter in the terms of the tags that rooms have.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// `None`: all rooms.
    tags: Option<Vec<TagIndex>>,
    mode: TagMode,
    /// No room has all of `tags`: one of them is no room's.
    is_in_vain: bool,
    not: Vec<TagIndex>,
}

impl Wanted {
    pub(crate) fn new(filter: &TagFilter<'_>, tag_sets: &TagSets) -> Self {
        let known =
            |tags: &[&str]| -> Vec<TagIndex> { tags.iter().filter_map(|tag| tag_sets.tag(tag)).collect() };
        let tags = known(filter.tags);
        Self {
            is_in_vain: filter.mode == TagMode::All && tags.len() < filter.tags.len(),
            tags: (!filter.tags.is_empty()).then_some(tags),
            mode: filter.mode,
            not: known(filter.not),
        }
    }

    pub(crate) fn fits(&self, tag_sets: &TagSets, set: TagSetIndex) -> bool {
        let has = match (&self.tags, self.mode) {
            (None, _) => true,
            (Some(_), _) if self.is_in_vain => false,
            (Some(tags), TagMode::All) => tag_sets.contains_all(set, tags),
            (Some(tags), TagMode::Any) => tag_sets.contains_any(set, tags),
        };
        has && !tag_sets.contains_any(set, &self.not)
    }
}

/// So many answers are remembered at once.
const ANSWERS: usize = 256;

/// Whether a room fits, as `decide` says of its tag set. Rooms of one user share few tag sets, so that most answers
/// were given before.
pub(crate) fn remembered(mut decide: impl FnMut(TagSetIndex) -> bool) -> impl FnMut(RoomWord) -> bool {
    // Each is the index of a tag set, and in the lowest bit whether that fits. To begin with they are of
    // sets whose answers have other places.
    let mut answers = [0; ANSWERS];
    answers[0] = 1 << 1;
    move |word| {
        let answer = &mut answers[word.tag_set.0 as usize % ANSWERS];
        if *answer >> 1 != word.tag_set.0 {
            *answer = word.tag_set.0 << 1 | u32::from(decide(word.tag_set));
        }
        *answer & 1 == 1
    }
}
