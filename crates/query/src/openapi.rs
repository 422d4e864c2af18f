//! `GET /openapi.json`: what this crate answers, in the words of OpenAPI 3.1.
//!
//! Nothing of it is a second copy. Each route is given together with what it says of itself ([`Operation`]); the schemas of
//! answers come from the types that are serialised, their examples are serialised values, and errors, with their status,
//! headers and texts, come out of the functions that refuse.

mod described;
mod errors;
mod operation;
mod parameters;

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::Response;
use serde_json::Value;

use crate::answer;
use crate::badges::Badges;
use crate::entity_tag::EntityTag;
use crate::metrics::Answered;
pub(crate) use described::Described;
pub(crate) use operation::{Asker, Content, Operation, Property, Reply};
pub(crate) use parameters::{Parameter, filters, last_event_id, min_seq, tag, text};

/// The document, written once.
struct Document {
    body: Bytes,
    tag: EntityTag,
}

impl Document {
    fn new(document: &Value) -> Self {
        let body = serde_json::to_vec(document).expect("JSON can be written");
        Self { tag: EntityTag::of_body(&body), body: body.into() }
    }

    fn answer(&self, badges: &Badges, request: &Request) -> Response {
        let started = Instant::now();
        let (response, how) = if self.tag.is_known(request.headers()) {
            (answer::unchanged(self.tag.clone(), self.body.len()), Answered::NotModified)
        } else {
            let mut response = answer::json(StatusCode::OK, self.body.clone());
            response.headers_mut().insert(ETAG, self.tag.clone().into_value());
            (response, Answered::Whole)
        };
        badges.answered(how, started);
        response
    }
}

fn operation() -> Operation {
    Operation {
        id: "getOpenapi",
        summary: "This document",
        description: "Needs no credentials.",
        asker: Asker::Anybody,
        parameters: Vec::new(),
        body: None,
        reply: Reply::document(),
    }
}

#[cfg(test)]
mod tests;
