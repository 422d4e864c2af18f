//! The whole service against a real nats-server. Each test is a story; each owns all that it starts.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod before_time;
mod crashes;
mod dead_letters;
mod demo_page;
mod described;
mod drift;
mod dump;
mod elsewhere;
mod examples;
mod freshness;
mod handing_over;
mod hostile;
mod keys_elsewhere;
mod live;
mod log;
mod malformed;
mod monitoring;
mod operations;
mod operator;
mod publish;
mod questions;
mod random_histories;
mod real_chat;
mod rebuild;
mod recovery;
mod reload;
mod stream_identity;
mod stream_lost;
mod terminal;
mod torture;
mod undeliverable;
mod walkthrough;
