//! The whole service against a real nats-server. Each test is a story; each owns all that it starts.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod crashes;
mod malformed;
mod operations;
mod publish;
mod random_histories;
mod real_chat;
mod recovery;
mod stream_identity;
mod stream_lost;
mod torture;
mod undeliverable;
