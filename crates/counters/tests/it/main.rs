//! The counters against the rules, and against the oracle that keeps every message and recounts.

mod concurrent;
mod histories;
mod model;
mod restored;
