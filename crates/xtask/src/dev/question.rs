//! What the demo asks Tallymark, by itself and as lines for a shell.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::http;
use super::settings::{CLIENT_KEY, SECRET};
use super::team::{TAG, USER};

/// How long the printed lines can be used.
const TOKEN_LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// The question for the badge of [`USER`].
pub(super) struct Question {
    server: SocketAddr,
    token: String,
}

/// The badge, and the part of it that is in rooms tagged [`TAG`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Badges {
    pub(super) total: u64,
    pub(super) tagged: u64,
}

impl Question {
    pub(super) fn new(server: SocketAddr) -> Result<Self> {
        let expires = SystemTime::now().duration_since(UNIX_EPOCH)? + TOKEN_LIFE;
        let claims = json!({ "sub": USER, "exp": expires.as_secs() });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = encode(&Header::new(Algorithm::HS256), &claims, &key);
        Ok(Self { server, token: token.context("the demo's token can't be made")? })
    }

    /// Who is asked.
    pub(super) fn server(&self) -> SocketAddr {
        self.server
    }

    /// What proves that [`USER`] asks.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Asks now.
    pub(super) fn ask(&self) -> Result<Badges> {
        Ok(Badges { total: self.badge(PLAIN)?, tagged: self.badge(&tagged())? })
    }

    fn badge(&self, target: &str) -> Result<u64> {
        let headers = [("IM-CLIENT-KEY", CLIENT_KEY), ("IM-Authorization", &self.token)];
        let answer = http::get(self.server, target, &headers)
            .with_context(|| format!("http://{}{target} does not answer", self.server))?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let badge = body.pointer("/result/badge").and_then(Value::as_u64);
        badge.with_context(|| {
            format!("http://{}{target} answers {}: {}", self.server, answer.status, answer.body)
        })
    }

    /// A line for a shell that asks for the whole badge.
    pub(super) fn curl(&self) -> String {
        self.curl_of(PLAIN)
    }

    /// A line for a shell that asks for the part in rooms tagged [`TAG`].
    pub(super) fn curl_tagged(&self) -> String {
        self.curl_of(&tagged())
    }

    fn curl_of(&self, target: &str) -> String {
        let Self { server, token } = self;
        format!(
            "curl -s 'http://{server}{target}' -H 'IM-CLIENT-KEY: {CLIENT_KEY}' -H 'IM-Authorization: {token}'"
        )
    }
}

const PLAIN: &str = "/me/badge";

fn tagged() -> String {
    format!("{PLAIN}?roomTags={TAG}")
}

impl fmt::Display for Badges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "badge {:>3}   {TAG} {:>3}", self.total, self.tagged)
    }
}
