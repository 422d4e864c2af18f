//! Where answers are read from.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use counters::Reader;

/// Where answers are read from: nowhere at first, and another place between two requests when somebody says so. All
/// clones are one.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<ArcSwapOption<Reader>>);

impl Answers {
    /// Nothing can be answered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on, answers are read from here. A request that has begun ends with what it began with.
    pub fn read_from(&self, reader: Reader) {
        self.0.store(Some(Arc::new(reader)));
    }

    /// Up to which sequence everything is in the counts; `None` while there are none.
    pub(crate) fn applied(&self) -> Option<u64> {
        self.reader().as_ref().map(|reader| reader.applied())
    }

    pub(crate) fn reader(&self) -> Guard<Option<Arc<Reader>>> {
        self.0.load()
    }
}

impl From<Reader> for Answers {
    fn from(reader: Reader) -> Self {
        Self(Arc::new(ArcSwapOption::from_pointee(reader)))
    }
}
