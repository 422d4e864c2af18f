//! The judge beside the service: it hears the same events, and recounts.

mod family;

use std::collections::BTreeSet;

use events::{Event, Line};
use oracle::{Oracle, Policies};

use crate::service::Service;

/// What every badge has to be.
#[derive(Debug)]
pub struct Recount {
    oracle: Oracle,
    skip_muted: bool,
}

impl Recount {
    /// No event yet. Muted rooms are in the sum.
    pub fn new(policies: Policies) -> Self {
        Self { oracle: Oracle::new(policies), skip_muted: false }
    }

    /// Leaves muted rooms out of the sum.
    pub fn skipping_muted_rooms(self) -> Self {
        Self { skip_muted: true, ..self }
    }

    /// The next event of the stream. Its time is in no badge.
    pub fn hear(&mut self, event: &Event<'_>) {
        self.oracle.apply(event, 0);
    }

    /// The next events, as lines.
    pub fn hear_lines(&mut self, lines: &str) {
        for line in lines.lines() {
            self.hear(&Line::parse(line).expect("a valid line").event());
        }
    }

    /// The tenant's members of rooms.
    pub fn users(&self, tenant: &str) -> Vec<&str> {
        self.oracle.users(tenant)
    }

    /// Tags with the number of rooms that have them, the most frequent first.
    pub fn tags(&self, tenant: &str) -> Vec<(&str, usize)> {
        let rooms = self.oracle.rooms_of_tenant(tenant);
        let mut tags: Vec<&str> = rooms.iter().flat_map(|room| self.oracle.tags(tenant, room)).collect();
        tags.sort_unstable();
        let mut counted: Vec<_> =
            tags.chunk_by(|one, next| one == next).map(|same| (same[0], same.len())).collect();
        counted.sort_by_key(|&(tag, count)| (std::cmp::Reverse(count), tag));
        counted
    }

    /// What one badge has to be.
    pub fn badge(&self, tenant: &str, user: &str, tags: &[&str]) -> u64 {
        self.oracle.badge(tenant, user, tags, self.skip_muted)
    }

    /// How many rooms have all of these tags.
    pub fn rooms_with(&self, tenant: &str, tags: &[&str]) -> usize {
        let rooms = self.oracle.rooms_of_tenant(tenant);
        let has_all = |room: &&&str| {
            let of_room = self.oracle.tags(tenant, room);
            tags.iter().all(|tag| of_room.contains(tag))
        };
        rooms.iter().filter(has_all).count()
    }

    /// Asks the service for the badge of each of these users with each of these sets of tags, and
    /// panics if one is another than the recount. Returns the sum of all, so that a test can see that
    /// not everything was zero.
    #[track_caller]
    pub fn check(&self, service: &Service, tenant: &str, users: &[&str], tag_sets: &[Vec<&str>]) -> u64 {
        let mut wrong = Vec::new();
        let (mut asked, mut sum) = (0, 0);
        let users: BTreeSet<&str> = users.iter().copied().chain(self.users(tenant)).collect();
        for tags in tag_sets {
            let expected = self.oracle.badges(tenant, tags, self.skip_muted);
            for user in &users {
                let expected = expected.get(user).copied().unwrap_or(0);
                let found = service.badge(tenant, user, tags).count;
                asked += 1;
                sum += expected;
                if found != expected {
                    wrong.push(format!("{user} {tags:?}: {found}, expected {expected}"));
                }
            }
        }
        let shown = &wrong[..wrong.len().min(20)];
        assert!(wrong.is_empty(), "{} of {asked} badges are wrong:\n{}", wrong.len(), shown.join("\n"));
        sum
    }
}
