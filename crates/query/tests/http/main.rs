//! The two listeners as their clients see them.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod chat;
mod document;
mod elsewhere;
mod model;
mod server;
mod signer;
mod support;

mod accounts;
mod badges;
mod before_time;
mod cors;
mod described;
mod endpoints;
mod freshness;
mod histories;
mod introspection;
mod jwks;
mod key_url;
mod keys;
mod limits;
mod live;
mod live_connections;
mod matrix;
mod operator;
mod pages;
mod rates;
mod requests;
mod rotation;
mod servers;
mod serving;
mod tenants;
mod tls;
mod token_cache;
mod tokens;
