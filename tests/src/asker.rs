//! Whoever asks for badges.

use std::net::SocketAddr;

use serde_json::Value;

use crate::http::{Answer, Client};
use crate::settings;

/// Asks a service for badges, over a connection of its own.
#[derive(Debug)]
pub struct Asker {
    client: Client,
}

/// A badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    /// The number.
    pub count: u64,
    /// Every event up to this stream sequence is in it.
    pub sequence: u64,
}

impl Asker {
    /// Asks the public listener at this address.
    pub fn new(server: SocketAddr) -> Self {
        Self { client: Client::new(server) }
    }

    /// Its connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks for a badge.
    #[track_caller]
    pub fn ask(&self, tenant: &str, user: &str, tags: &[&str]) -> Answer {
        let mut target = "/me/badge".to_owned();
        for (number, tag) in tags.iter().enumerate() {
            target += if number == 0 { "?roomTags=" } else { "&roomTags=" };
            target += &encoded(tag);
        }
        self.request("GET", &target, tenant, user)
    }

    /// A request to the public listener with that user's credentials.
    #[track_caller]
    pub fn request(&self, method: &str, target: &str, tenant: &str, user: &str) -> Answer {
        let (key, token) = (settings::client_key(tenant), settings::token(tenant, user));
        let headers = [("IM-CLIENT-KEY", key.as_str()), ("IM-Authorization", token.as_str())];
        let answer = self.client.request(method, target, &headers);
        answer.unwrap_or_else(|error| panic!("{method} {target} of {user}: {error}"))
    }

    /// A question in a body, with that user's credentials and those of the tenant's servers. It must be answered.
    #[track_caller]
    pub fn post(&self, target: &str, body: &Value, tenant: &str, user: &str) -> Value {
        let answer = self.try_post(target, body, tenant, user);
        assert_eq!(answer.status, 200, "{target} {body}: {answer:?}");
        answer.json()
    }

    /// The same, however it is answered.
    #[track_caller]
    pub fn try_post(&self, target: &str, body: &Value, tenant: &str, user: &str) -> Answer {
        let (key, token) = (settings::client_key(tenant), settings::token(tenant, user));
        let api_key = settings::api_key(tenant);
        let headers = [
            ("IM-CLIENT-KEY", key.as_str()),
            ("IM-Authorization", token.as_str()),
            ("IM-API-KEY", api_key.as_str()),
            ("Content-Type", "application/json"),
        ];
        let answer = self.client.send("POST", target, &headers, Some(&body.to_string()));
        answer.unwrap_or_else(|error| panic!("POST {target} of {user}: {error}"))
    }

    /// A badge that must be given.
    #[track_caller]
    pub fn badge(&self, tenant: &str, user: &str, tags: &[&str]) -> Badge {
        let answer = self.ask(tenant, user, tags);
        let count = answer.json()["result"]["badge"].as_u64();
        let sequence = answer.header("badge-seq").and_then(|sequence| sequence.parse().ok());
        match (answer.status, count, sequence) {
            (200, Some(count), Some(sequence)) => Badge { count, sequence },
            _ => panic!("this is no badge: {answer:?}"),
        }
    }
}

/// A value of a query string.
pub(crate) fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}
