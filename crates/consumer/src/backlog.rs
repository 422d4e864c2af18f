//! Whether more can be applied than was written: the applier says so, the puller waits for it.

use std::sync::Arc;

use parking_lot::Mutex;

/// Cheap to clone: all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backlog(Arc<Mutex<Option<String>>>);

impl Backlog {
    /// Why nothing more can be applied; `None` if more can.
    pub(crate) fn why(&self) -> Option<String> {
        self.0.lock().clone()
    }

    pub(crate) fn set(&self, why: Option<String>) {
        *self.0.lock() = why;
    }
}
