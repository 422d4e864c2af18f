//! A recount beside real counters and a real store.
#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

mod histories;
mod history;
mod support;
