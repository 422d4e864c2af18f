#![doc = include_str!("../README.md")]

pub mod counted;
pub mod operations;
pub mod scratch;
