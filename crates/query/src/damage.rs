//! `POST /damage`: makes a count wrong, to test what finds damage. Not in a release.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{number, parameters};
use crate::answer;
use crate::operator::Operator;

/// Does the damage; says whether there was such a membership and such a number, or why it can't be asked for now.
pub type DoDamage =
    Arc<dyn Fn(Damage) -> Pin<Box<dyn Future<Output = Result<bool, String>> + Send>> + Send + Sync>;

/// Which cursor is moved, and to which number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The tenant.
    pub tenant: String,
    /// The user.
    pub user: String,
    /// The room.
    pub room: String,
    /// Up to which number the member is to have read.
    pub cursor: u32,
}

impl Damage {
    fn parse(query: &str) -> Result<Self, String> {
        let parameters = parameters(query, ["tenant", "user", "room", "cursor"])?;
        let [Some(tenant), Some(user), Some(room), Some(cursor)] = parameters else {
            return Err("expected tenant, user, room and cursor".to_owned());
        };
        Ok(Self { tenant, user, room, cursor: number("cursor", &cursor, u32::MAX)? })
    }
}

pub(crate) async fn damage(State(operator): State<Arc<Operator>>, RawQuery(query): RawQuery) -> Response {
    let damage = match Damage::parse(query.as_deref().unwrap_or_default()) {
        Ok(damage) => damage,
        Err(message) => return answer::error(StatusCode::BAD_REQUEST, "INVALID_PARAMETERS", &message),
    };
    match (operator.damage)(damage).await {
        Ok(true) => answer::json(StatusCode::OK, r#"{"damaged":true}"#),
        Ok(false) => {
            answer::error(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such membership or number")
        }
        Err(why) => answer::error(StatusCode::SERVICE_UNAVAILABLE, "NOT_READY", &why),
    }
}
