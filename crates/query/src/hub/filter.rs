//! Which rooms are watched, for as long as they are.

use counters::{TagFilter, TagMode};

/// A [`TagFilter`] that owns its tags. The default: all rooms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchFilter {
    /// The rooms have these; without any, it is all rooms.
    pub tags: Box<[Box<str>]>,
    /// How many of `tags` they have.
    pub mode: TagMode,
    /// The rooms have none of these.
    pub not: Box<[Box<str>]>,
}

impl WatchFilter {
    /// Calls `with` with the filter as the counts take it.
    pub(crate) fn with<T>(&self, with: impl FnOnce(&TagFilter<'_>) -> T) -> T {
        let (tags, not): (Vec<&str>, Vec<&str>) = (texts(&self.tags), texts(&self.not));
        with(&TagFilter { tags: &tags, mode: self.mode, not: &not })
    }
}

impl From<&TagFilter<'_>> for WatchFilter {
    fn from(filter: &TagFilter<'_>) -> Self {
        let owned = |tags: &[&str]| tags.iter().map(|tag| Box::from(*tag)).collect();
        Self { tags: owned(filter.tags), mode: filter.mode, not: owned(filter.not) }
    }
}

fn texts(tags: &[Box<str>]) -> Vec<&str> {
    tags.iter().map(|tag| &**tag).collect()
}
