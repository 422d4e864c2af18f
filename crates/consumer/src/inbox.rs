//! The way to the applier.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use store::Position;
use tokio::sync::{Semaphore, oneshot};

use crate::applier::{Batch, Session, Work};
use crate::delivered::Delivered;

/// The memory that delivered messages may take until they are applied.
const DELIVERED_BYTES: usize = 64 << 20;

/// The applier ended, for a reason that whoever started it will learn.
#[derive(Debug)]
pub(crate) struct ApplierGone;

/// Cheap to clone: all clones lead to one applier.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    work: Sender<Work>,
    memory: Arc<Semaphore>,
}

impl Inbox {
    pub(crate) fn new(work: Sender<Work>) -> Self {
        Self { work, memory: Arc::new(Semaphore::new(DELIVERED_BYTES)) }
    }

    pub(crate) fn send(&self, work: Work) -> Result<(), ApplierGone> {
        self.work.send(work).map_err(|_| ApplierGone)
    }

    /// Waits until there is memory for these messages, which take so many bytes, and hands them over.
    pub(crate) async fn batch(
        &self,
        session: Session,
        messages: Vec<Delivered>,
        bytes: usize,
    ) -> Result<(), ApplierGone> {
        let permits = u32::try_from(bytes.min(DELIVERED_BYTES)).unwrap_or(u32::MAX);
        let memory = self.memory.clone().acquire_many_owned(permits).await.ok();
        self.send(Work::Batch(Batch { session, messages, _memory: memory }))
    }

    /// Up to where everything is applied that was handed over before.
    pub(crate) async fn position(&self) -> Result<Position, ApplierGone> {
        let (reply, answer) = oneshot::channel();
        self.send(Work::Position(reply))?;
        answer.await.map_err(|_| ApplierGone)
    }
}
