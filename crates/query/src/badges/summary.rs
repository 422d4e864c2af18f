//! `GET /me/badge/summary`: messages, rooms and mentions, and how much of it is muted.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::{Reader, Sums};
use schemars::JsonSchema;
use serde::Serialize;

use super::Badges;
use crate::answer::{Found, Refused};
use crate::openapi::{Asker, Operation, Reply, filters};
use crate::question::Question;

/// `result` of the answer.
#[derive(Serialize, JsonSchema)]
struct Summary {
    #[serde(flatten)]
    counted: Part,
    /// The same of the muted rooms alone. Whether they are in the numbers above too is up to the operator.
    muted: Part,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sums")]
struct Part {
    /// Unread messages.
    badge: u64,
    /// Rooms with unread messages.
    rooms: u64,
    /// Unread messages that mention the user.
    mentions: u64,
}

pub(crate) fn operation() -> Operation {
    let counted = Part { badge: 6, rooms: 3, mentions: 3 };
    Operation {
        id: "getSummary",
        summary: "Messages, rooms and mentions",
        description: "All of it comes from one look at each room.",
        asker: Asker::User,
        parameters: filters(),
        body: None,
        reply: Reply::like(&Summary { counted, muted: Part { badge: 3, rooms: 1, mentions: 2 } }),
    }
}

impl From<Sums> for Part {
    fn from(Sums { unread, rooms, mentions }: Sums) -> Self {
        Self { badge: unread, rooms, mentions }
    }
}

pub(crate) async fn summary(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    let (asked, _) = request.into_parts();
    let found = badges.summary(&asked, started).await;
    badges.reply(&asked, found, started)
}

impl Badges {
    async fn summary(&self, asked: &Parts, started: Instant) -> Result<Found, Refused> {
        let (asker, user) = self.admission().asker(&asked.headers).await?;
        let tenant = asker.tenant();
        self.admit(tenant, Some(&user), started)?;
        let question = Question::parse(asked.uri.query().unwrap_or(""))?;
        let read = |reader: &Reader| {
            question.with_filter(|filter| reader.summary(&tenant.name, &user, filter, self.muted_rooms()))
        };
        let found = self.read_fresh(question.min_seq, read, |summary| summary.applied).await?;
        let summary = Summary { counted: found.counted.into(), muted: found.muted.into() };
        Ok(Found::new(&summary, found.applied))
    }
}
