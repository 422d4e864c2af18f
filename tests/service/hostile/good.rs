//! Clients who want nothing but their badge.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use tests::{Client, token};

use super::{ROUNDS, WINDOW, median};

/// So often somebody asks.
const INTERVAL: Duration = Duration::from_millis(2);

/// Some users, each over a connection of their own.
pub(crate) struct Good {
    users: Vec<(Client, String)>,
}

impl Good {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let user = |number| (Client::new(server), token("demo", &format!("user{number}")));
        Self { users: (0..8).map(user).collect() }
    }

    /// The median of some windows' 99th percentiles.
    pub(crate) fn median_p99(&mut self) -> Duration {
        median((0..ROUNDS).map(|_| self.p99(WINDOW)).collect())
    }

    /// The 99th percentile of what they wait, from when they wanted to ask. Every one of them has to get a badge.
    pub(crate) fn p99(&mut self, window: Duration) -> Duration {
        let start = Instant::now();
        let mut times = Vec::new();
        for number in 0.. {
            let wanted = start + INTERVAL * number;
            if wanted > start + window {
                break;
            }
            thread::sleep(wanted.saturating_duration_since(Instant::now()));
            let (client, token) = &self.users[number as usize % self.users.len()];
            let headers = [("IM-CLIENT-KEY", "demo-client-key"), ("IM-Authorization", token)];
            let answer = client.get("/me/badge", &headers).unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            times.push(wanted.elapsed());
        }
        times.sort();
        times[times.len() * 99 / 100]
    }
}
