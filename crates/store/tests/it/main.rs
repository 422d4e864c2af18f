//! The store against the oracle, and against damage.
#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

mod beside;
mod compact;
mod damaged;
mod digest;
mod histories;
mod ids;
mod many_rooms;
mod old_format;
mod outbox;
mod refused;
mod run;
mod snapshots;
mod times;
