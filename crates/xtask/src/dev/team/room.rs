//! The team's rooms, and where its user has got to in each.

use std::collections::VecDeque;

use events::Id;

use super::{TAG, USER, id};

/// How many messages back somebody recalls one or marks it as unread.
const RECENT: usize = 12;

/// A room as it is set up.
pub(in crate::dev) struct Plan {
    pub(in crate::dev) name: &'static str,
    /// But for [`TAG`], which comes and goes.
    tags: &'static [&'static str],
    is_urgent: bool,
    /// The user is the first of them.
    pub(in crate::dev) members: &'static [&'static str],
}

const EVERYBODY: &[&str] = &[USER, "bob", "chloe", "dave", "emma"];

pub(in crate::dev) const PLANS: &[Plan] = &[
    Plan { name: "general", tags: &["team"], is_urgent: false, members: EVERYBODY },
    Plan { name: "lunch", tags: &["social"], is_urgent: false, members: EVERYBODY },
    Plan { name: "design", tags: &["product"], is_urgent: false, members: &[USER, "bob", "chloe"] },
    Plan { name: "incident-42", tags: &["ops"], is_urgent: true, members: &[USER, "dave", "emma"] },
    Plan { name: "customer-acme", tags: &["sales"], is_urgent: true, members: &[USER, "chloe", "emma"] },
    Plan { name: "ann-and-bob", tags: &["direct"], is_urgent: false, members: &[USER, "bob"] },
];

/// A message that is not recalled.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) sender: &'static str,
}

/// A room as it is now.
pub(super) struct Room {
    pub(super) plan: &'static Plan,
    pub(super) is_urgent: bool,
    /// The newest messages, oldest first.
    pub(super) recent: VecDeque<Message>,
    /// The ids that count for the user, oldest first.
    pub(super) unread: Vec<String>,
}

impl Room {
    pub(super) fn new(plan: &'static Plan) -> Self {
        Self { plan, is_urgent: plan.is_urgent, recent: VecDeque::new(), unread: Vec::new() }
    }

    pub(super) fn id(&self) -> Id<'static> {
        id(self.plan.name)
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &'static str> {
        self.plan.tags.iter().copied().chain(self.is_urgent.then_some(TAG))
    }

    /// The members but the user.
    pub(super) fn others(&self) -> &'static [&'static str] {
        &self.plan.members[1..]
    }

    pub(super) fn post(&mut self, id: &str, sender: &'static str) {
        if sender != USER {
            self.unread.push(id.to_owned());
        }
        self.recent.push_back(Message { id: id.to_owned(), sender });
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    pub(super) fn recall(&mut self, id: &str) {
        self.recent.retain(|message| message.id != id);
        self.unread.retain(|unread| unread != id);
    }

    /// The user reads all but the newest `left` of what is unread; returns the last one read.
    pub(super) fn read(&mut self, left: usize) -> Option<String> {
        self.unread.drain(..self.unread.len().saturating_sub(left)).next_back()
    }

    /// The user, who has read everything, marks all from this recent message on as unread; returns its id.
    pub(super) fn mark_unread(&mut self, from: usize) -> String {
        let others = self.recent.iter().skip(from).filter(|message| message.sender != USER);
        self.unread = others.map(|message| message.id.clone()).collect();
        self.recent[from].id.clone()
    }
}
