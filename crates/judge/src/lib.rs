#![doc = include_str!("../README.md")]

mod encode;
mod judge;

pub use judge::Judge;
