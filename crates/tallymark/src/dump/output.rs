//! Standard output, written to by a thread of its own: a write to a full pipe can't be interrupted, so that otherwise
//! nothing could end the command while nobody reads.

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks on their way to the thread.
const CHUNKS: usize = 16;

/// Lines on their way to standard output.
pub(super) struct Output {
    chunk: Vec<u8>,
    chunks: Sender<Vec<u8>>,
    written: oneshot::Receiver<io::Result<()>>,
}

/// Whether somebody takes the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Goes,
    /// The reader has seen enough: `tallymark dump | head`.
    Ended,
}

impl Output {
    pub(super) fn start() -> Self {
        let (chunks, received) = channel(CHUNKS);
        let (result, written) = oneshot::channel();
        std::thread::spawn(move || {
            // Nobody waits for the result once the command was stopped.
            _ = result.send(write(received));
        });
        Self { chunk: Vec::with_capacity(CHUNK_BYTES), chunks, written }
    }

    /// Takes a line. What it took is not lost if waiting for this is given up.
    pub(super) async fn line(&mut self, line: &str) -> Reading {
        self.chunk.extend_from_slice(line.as_bytes());
        self.chunk.push(b'\n');
        if self.chunk.len() < CHUNK_BYTES { Reading::Goes } else { self.flush().await }
    }

    /// Hands on the lines there are.
    pub(super) async fn flush(&mut self) -> Reading {
        if self.chunk.is_empty() {
            return Reading::Goes;
        }
        match self.chunks.reserve().await {
            Ok(place) => {
                place.send(std::mem::take(&mut self.chunk));
                Reading::Goes
            }
            // The thread has ended; `finish` says why.
            Err(_) => Reading::Ended,
        }
    }

    /// Waits until everything is written, at most so long.
    pub(super) async fn finish(mut self, patience: Duration) -> anyhow::Result<Reading> {
        let all = async {
            _ = self.flush().await;
            drop(self.chunks);
            self.written.await
        };
        let written = timeout(patience, all).await;
        let written = written.map_err(|_| {
            anyhow!("whoever reads standard output takes nothing more: the last lines may be missing")
        })?;
        match written.context("the thread that writes to standard output panicked")? {
            Ok(()) => Ok(Reading::Goes),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reading::Ended),
            Err(error) => Err(error).context("standard output can't be written to"),
        }
    }
}

fn write(mut chunks: Receiver<Vec<u8>>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    while let Some(chunk) = chunks.blocking_recv() {
        output.write_all(&chunk)?;
        // Whoever reads a pipe or a terminal is not kept waiting for what is there.
        output.flush()?;
    }
    Ok(())
}
