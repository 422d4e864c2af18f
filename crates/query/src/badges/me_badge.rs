//! `GET /me/badge`: the one number.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::{Badge, Reader};
use schemars::JsonSchema;
use serde::Serialize;

use super::Badges;
use crate::answer::{self, Refused};
use crate::entity_tag::EntityTag;
use crate::metrics::Answered;
use crate::openapi::{Asker, Operation, Reply, filters};
use crate::question::Question;

// The answer is written by hand: see `answer::badge_body`.
/// `result` of the answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Badge")]
pub(crate) struct OneBadge {
    /// Unread messages, never capped.
    pub(crate) badge: u64,
}

pub(crate) fn operation() -> Operation {
    Operation {
        id: "getBadge",
        summary: "The one number",
        description: "How many unread messages the user has, in all rooms or in those that fit the filters.",
        asker: Asker::User,
        parameters: filters(),
        body: None,
        reply: Reply::like(&OneBadge { badge: 10 }),
    }
}

pub(crate) async fn me_badge(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    let (asked, _) = request.into_parts();
    let badge = match badges.me_badge(&asked, started).await {
        Ok(badge) => badge,
        Err(refused) => return badges.refuse(refused, started),
    };
    let tag = EntityTag::of_number(badge.count);
    let (response, how) = if tag.is_known(&asked.headers) {
        (
            answer::not_modified(badge.applied, tag, answer::badge_body(badge.count).len()),
            Answered::NotModified,
        )
    } else {
        (answer::badge(badge, tag), Answered::Whole)
    };
    badges.public.metrics.answered(how, started.elapsed());
    response
}

impl Badges {
    /// The checks, in the order in which the contract has them.
    async fn me_badge(&self, asked: &Parts, started: Instant) -> Result<Badge, Refused> {
        let (asker, user) = self.admission().asker(&asked.headers).await?;
        let tenant = asker.tenant();
        self.admit(tenant, Some(&user), started)?;
        let question = Question::parse(asked.uri.query().unwrap_or(""))?;
        let read = |reader: &Reader| {
            question
                .with_filter(|filter| reader.filtered_badge(&tenant.name, &user, filter, self.muted_rooms()))
        };
        self.read_fresh(question.min_seq, read, |badge| badge.applied).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Found;

    #[test]
    fn what_is_written_by_hand_is_what_is_described() {
        for badge in [0, 7, 1_000_000, u64::MAX] {
            let serialised = Found::new(&OneBadge { badge }, 0).body;
            assert_eq!(answer::badge_body(badge).as_bytes(), serialised, "{badge}");
        }
    }
}
