//! `POST /badges`: the badges of several users, each of whom has given a token.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use counters::{Reader, TagFilter};
use futures::future::join_all;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::Badges;
use super::body::{self, List};
use crate::answer::{Found, Refused};
use crate::openapi::{self, Asker, Content, Operation, Property, Reply};
use crate::question::min_seq;
use crate::refusal::Refusal;

/// More than 100 tokens of 8 KiB take.
const MOST_BODY_BYTES: usize = 1024 * 1024;
const TOKENS: List = List { name: "tokens", most: 100, refusal: Refusal::InvalidTokens };

/// `result` of the answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BadgesOfUsers")]
pub(super) struct OfUsers<'a> {
    /// Each user once, in the order in which they were asked about.
    data: Vec<OfUser<'a>>,
    /// The sum of these badges.
    total_badge: u64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BadgeOfUser")]
struct OfUser<'a> {
    /// IMKit's word for a user.
    client: &'a str,
    /// Unread messages, never capped.
    badge: u64,
}

impl OfUsers<'static> {
    /// As documents show it.
    pub(super) fn example() -> Self {
        let data = [("ann", 10), ("bob", 0)].map(|(client, badge)| OfUser { client, badge }).into();
        Self { data, total_badge: 10 }
    }
}

pub(crate) fn operation() -> Operation {
    let token = json!({ "type": "string", "description": "At most 8 KiB, without `Bearer`." });
    let mut tokens = Property::list(TOKENS, &token, true, json!(["eyJhbGciOiJIUzI1NiJ9.e30.signature"]));
    tokens.description = "One for each user who is asked about; a user counts once.".to_owned();
    // Each user is admitted as if they had asked by themselves.
    tokens.refusals.extend([Refusal::InvalidToken, Refusal::TokenCheckUnavailable, Refusal::RateLimited]);
    Operation {
        id: "getBadgesOfTokens",
        summary: "The numbers of several users, each with a token",
        description: "If one token is no good, no number is given, and the error says which.",
        asker: Asker::App,
        parameters: vec![openapi::min_seq()],
        body: Some(Content { most_bytes: MOST_BODY_BYTES, properties: vec![tokens] }),
        reply: Reply::like(&OfUsers::example()),
    }
}

pub(crate) async fn of_tokens(State(badges): State<Arc<Badges>>, request: Request) -> Response {
    let started = Instant::now();
    let (asked, body) = request.into_parts();
    let found = badges.of_tokens(&asked, body, started).await;
    badges.reply(&asked, found, started)
}

impl Badges {
    async fn of_tokens(&self, asked: &Parts, body: Body, started: Instant) -> Result<Found, Refused> {
        let client = self.admission().tenant(&asked.headers)?;
        let body = body::read(&asked.headers, body, MOST_BODY_BYTES).await?;
        let [tokens] = body::lists(&body, &[TOKENS])?;
        let tokens = tokens.ok_or(Refusal::InvalidTokens)?;
        let min_seq = min_seq(asked.uri.query().unwrap_or(""))?;
        // What is asked elsewhere about one is asked at the same time about the others.
        let bearers = join_all(tokens.iter().map(|token| self.admission().user(&client, token))).await;
        let mut users: Vec<Arc<str>> = Vec::with_capacity(tokens.len());
        for (place, bearer) in bearers.into_iter().enumerate() {
            let user = bearer.map_err(|refusal| match refusal {
                Refusal::InvalidToken => Refused::token(place),
                refusal => refusal.into(),
            })?;
            if !users.contains(&user) {
                users.push(user);
            }
        }
        // Each is asked about as if by themselves; whoever has no good token takes nothing from the tenant's rate.
        for user in &users {
            self.admit(client.tenant(), Some(user), started)?;
        }
        if let Some(min_seq) = min_seq {
            self.wait(min_seq).await;
        }
        let (of_users, applied) =
            self.of_users(&client.tenant().name, &users, TagFilter::default(), min_seq)?;
        Ok(Found::new(&of_users, applied))
    }

    /// The badges of distinct users, in their order, if the counts reach to `min_seq`; and how far they reach.
    pub(super) fn of_users<'a>(
        &self,
        tenant: &str,
        users: &'a [impl AsRef<str>],
        filter: TagFilter<'_>,
        min_seq: Option<u64>,
    ) -> Result<(OfUsers<'a>, u64), Refused> {
        let users: Vec<&'a str> = users.iter().map(AsRef::as_ref).collect();
        let read = |reader: &Reader| {
            // Read before any badge, so that each reaches as far at the least.
            let applied = reader.applied();
            let badge = |user: &&str| reader.filtered_badge(tenant, user, &filter, self.muted_rooms()).count;
            (users.iter().map(badge).collect::<Vec<u64>>(), applied)
        };
        let (badges, applied) = self.read_reaching(min_seq, read, |(_, applied)| *applied)?;
        let total_badge = badges.iter().sum();
        let data = users.iter().zip(badges).map(|(&client, badge)| OfUser { client, badge }).collect();
        Ok((OfUsers { data, total_badge }, applied))
    }
}
