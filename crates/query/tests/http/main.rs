//! The two listeners as their clients see them.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod model;
mod support;

mod accounts;
mod badges;
mod before_time;
mod endpoints;
mod freshness;
mod histories;
mod keys;
mod operator;
mod pages;
mod requests;
mod serving;
mod tenants;
mod token_cache;
mod tokens;
