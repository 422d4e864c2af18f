//! `GET /accounts`: why counts are what they are.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use counters::{Counters, UserIndex};
use events::{Id, Tenant};
use serde::{Deserialize, Serialize};

use crate::answer;
use crate::operator::Operator;
use crate::room_tags::decode;

/// The most users of one page.
const MOST_USERS: usize = 10_000;
/// Users of a page if nothing is asked for.
const USERS: usize = 1_000;
/// A page ends after so many rooms: nothing is counted while it is made.
const MOST_ROOMS: usize = 20_000;

/// Puts what is asked to the counters while they stand still at one sequence; or says why that can't be now.
pub type AskAccounts = Arc<dyn Fn(AccountsQuestion) -> AccountsAnswer + Send + Sync>;
/// The answer on its way.
pub type AccountsAnswer = Pin<Box<dyn Future<Output = Result<Accounts, String>> + Send>>;

/// Whose accounts are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountsQuestion {
    /// One user's.
    User {
        /// The tenant.
        tenant: String,
        /// The user's id.
        user: String,
    },
    /// Those of users by index.
    Page {
        /// The index to begin with.
        first: u32,
        /// How many users at the most.
        limit: usize,
    },
}

/// The body of `/accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// The stream sequence for which they are exact: every event up to it is in them, and none after it.
    pub sequence: u64,
    /// The accounts.
    pub accounts: Vec<Account>,
    /// What to ask for as `after` to get the next page; `None` at the end.
    pub next: Option<u32>,
}

/// Why one user's badge is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The tenant.
    pub tenant: String,
    /// The user's id.
    pub user: String,
    /// The unread messages of all rooms, muted ones included.
    pub unread: u64,
    /// The rooms of which the user is a member.
    pub rooms: Vec<RoomAccount>,
}

/// One membership: `unread = head − cursor − recalled − own`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomAccount {
    /// The room's id.
    pub room: String,
    /// The room's tags, sorted.
    pub tags: Vec<String>,
    /// The number of the newest countable message.
    pub head: u32,
    /// Up to which number the member has read.
    pub cursor: u32,
    /// Messages above the cursor that are recalled.
    pub recalled: u64,
    /// Messages above the cursor that are the member's own, and not recalled.
    pub own: u64,
    /// Reads that wait for their message.
    pub kept_reads: usize,
    /// Whether the member muted the room.
    pub muted: bool,
    /// Unread messages.
    pub unread: u64,
    /// Those of them that mention the member.
    pub mentions: u64,
}

impl AccountsQuestion {
    /// What the counters say.
    pub fn put_to(&self, counters: &Counters) -> Accounts {
        let sequence = counters.applied();
        match self {
            Self::User { tenant, user } => {
                let accounts = vec![counters.account(tenant, user).into()];
                Accounts { sequence, accounts, next: None }
            }
            Self::Page { first, limit } => {
                let (accounts, next) = counters.accounts(UserIndex(*first), *limit, MOST_ROOMS);
                let accounts = accounts.into_iter().map(Account::from).collect();
                // The page after the last index that was looked at; there is one below the next.
                Accounts { sequence, accounts, next: next.map(|next| next.0 - 1) }
            }
        }
    }

    /// Reads a query string; what is wrong with it is said for people.
    fn parse(query: &str) -> Result<Self, String> {
        let [tenant, user, after, limit] = parameters(query, ["tenant", "user", "after", "limit"])?;
        match (tenant, user) {
            (Some(tenant), Some(user)) if after.is_none() && limit.is_none() => {
                Tenant::new(&tenant).map_err(|error| format!("tenant {tenant:?}: {error}"))?;
                Id::new(user.as_str()).map_err(|error| format!("user {user:?}: {error}"))?;
                Ok(Self::User { tenant, user })
            }
            (None, None) => {
                let first = match after {
                    None => 0,
                    Some(after) => number("after", &after, u32::MAX - 1)? + 1,
                };
                let limit = match limit {
                    None => USERS,
                    Some(limit) => number("limit", &limit, MOST_USERS)?,
                };
                if limit == 0 {
                    Err("limit is 0: expected 1 or more".to_owned())
                } else {
                    Ok(Self::Page { first, limit })
                }
            }
            _ => Err("expected tenant and user together, or after and limit".to_owned()),
        }
    }
}

/// The values of these parameters, each given once at the most; no others are allowed.
pub(crate) fn parameters<const COUNT: usize>(
    query: &str,
    names: [&str; COUNT],
) -> Result<[Option<String>; COUNT], String> {
    let mut values = [const { None }; COUNT];
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let value = decode(value).map_err(|_| format!("{name} is badly encoded"))?.into_owned();
        let Some(place) = names.iter().position(|known| *known == name) else {
            return Err(format!("there is no parameter {name:?}: expected {}", names.join(", ")));
        };
        if values[place].replace(value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(values)
}

pub(crate) fn number<T>(name: &str, text: &str, most: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
{
    let number = text.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("{name} is {text:?}: expected an integer up to {most}"))
}

impl From<counters::Account> for Account {
    fn from(account: counters::Account) -> Self {
        let unread = account.unread();
        let counters::Account { tenant, user, rooms } = account;
        Self { tenant, user, unread, rooms: rooms.into_iter().map(RoomAccount::from).collect() }
    }
}

impl From<counters::RoomAccount> for RoomAccount {
    fn from(room: counters::RoomAccount) -> Self {
        let counters::RoomAccount {
            room,
            tags,
            head,
            cursor,
            recalled,
            own,
            kept_reads,
            muted,
            unread,
            mentions,
        } = room;
        Self { room, tags, head, cursor, recalled, own, kept_reads, muted, unread, mentions }
    }
}

impl From<Account> for counters::Account {
    fn from(account: Account) -> Self {
        let Account { tenant, user, rooms, .. } = account;
        Self { tenant, user, rooms: rooms.into_iter().map(counters::RoomAccount::from).collect() }
    }
}

impl From<RoomAccount> for counters::RoomAccount {
    fn from(room: RoomAccount) -> Self {
        let RoomAccount { room, tags, head, cursor, recalled, own, kept_reads, muted, unread, mentions } =
            room;
        Self { room, tags, head, cursor, recalled, own, kept_reads, muted, unread, mentions }
    }
}

pub(crate) async fn accounts(State(operator): State<Arc<Operator>>, RawQuery(query): RawQuery) -> Response {
    let question = match AccountsQuestion::parse(query.as_deref().unwrap_or_default()) {
        Ok(question) => question,
        Err(message) => return answer::error(StatusCode::BAD_REQUEST, "INVALID_PARAMETERS", &message),
    };
    match (operator.accounts)(question).await {
        Ok(accounts) => answer::json(
            StatusCode::OK,
            serde_json::to_vec(&accounts).expect("the body is a plain JSON object"),
        ),
        Err(why) => answer::error(StatusCode::SERVICE_UNAVAILABLE, "NOT_READY", &why),
    }
}
