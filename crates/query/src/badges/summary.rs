//! `GET /me/badge/summary`: messages, rooms and mentions, and how much of it is muted.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::{Reader, Sums};
use serde::Serialize;

use super::Badges;
use crate::answer::{Found, Refused};
use crate::question::Question;

/// `result` of the answer.
#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    counted: Part,
    muted: Part,
}

#[derive(Serialize)]
struct Part {
    badge: u64,
    rooms: u64,
    mentions: u64,
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
