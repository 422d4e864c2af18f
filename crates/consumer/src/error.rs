//! Why consuming ended though nobody asked for it.

use store::StoreError;

/// Why consuming can't go on in this process. What keeps a stream from being counted is no error
/// but a [`Fence`](crate::Fence): it may pass.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// The addresses can't be used at all. A server that is merely away is waited for.
    #[error("NATS at {servers} can't be used: {error}; correct nats.url")]
    Servers {
        /// The addresses.
        servers: String,
        /// What is wrong with them.
        error: async_nats::ConnectError,
    },
    /// The server is too old: it would silently ignore what it does not know.
    #[error("the NATS server at {servers} has version {found:?}, expected {oldest} or newer: upgrade it")]
    ServerTooOld {
        /// The addresses.
        servers: String,
        /// The server's version.
        found: String,
        /// The oldest version that does.
        oldest: &'static str,
    },
    /// The store failed: memory and disk may differ.
    #[error("{0}: start again, what was not committed is read from the stream once more")]
    Store(#[from] StoreError),
    /// The thread that applies could not be started.
    #[error("the applying thread can't be started: {0}")]
    Thread(std::io::Error),
    /// The thread that applies panicked: a bug.
    #[error("the applying thread panicked: {0}. This is a bug; start again, nothing committed is lost")]
    Panicked(String),
}
