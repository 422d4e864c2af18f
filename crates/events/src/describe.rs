//! The events in the words of JSON Schema and AsyncAPI, for tools: made of the tables and limits by which they are read.
//!
//! A schema says all that JSON Schema can say. Whatever [`decode`](crate::decode) takes is valid, and what it refuses is
//! invalid, but for what only it can see: a limit in bytes where a schema counts characters, a field that is there twice,
//! and an integer written with a fraction (`1.0`).

mod asyncapi;
mod schema;
mod words;

use serde_json::Value;

pub use asyncapi::asyncapi;
pub use schema::{body_schema, line_schema};

use crate::Kind;

/// Every document, with its path below `docs/`.
pub fn documents() -> Vec<(String, Value)> {
    let bodies = Kind::ALL.map(|kind| (format!("schemas/{kind}.json"), body_schema(kind)));
    let others = [("schemas/line.json", line_schema()), ("asyncapi.json", asyncapi())];
    let others = others.map(|(path, document)| (path.to_owned(), document));
    bodies.into_iter().chain(others).collect()
}
