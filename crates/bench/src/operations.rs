//! The few things that are done for every event and every badge, each alone and ready to be done again and
//! again: what micro-benchmarks time, and what instructions are counted of.

use std::hint::black_box;
use std::num::NonZero;

use anyhow::{Result, ensure};
use counters::{Counters, MutedRooms, OwnMessages, Policies, Reader};
use events::{Event, Prefix, Received, encode_json, encode_message_pack, receive};

use crate::counted::{TENANT, joined, posted, tagged};

/// Half of the rooms have both.
pub const TAGS: [&str; 2] = ["work", "open"];
const STORED_AT: u64 = 1_700_000_000_000;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// What producers should send.
    MessagePack,
    /// What they may send.
    Json,
}

/// A post as the stream has it.
#[derive(Debug)]
pub struct PublishedPost {
    prefix: Prefix,
    subject: String,
    body: Vec<u8>,
}

impl PublishedPost {
    /// A post in this format.
    pub fn new(format: Format) -> Result<Self> {
        let post = posted("room-1", 1, "ann")?.body;
        let body = match format {
            Format::MessagePack => encode_message_pack(&post),
            Format::Json => encode_json(&post),
        };
        let subject = format!("chat.{TENANT}.{}", post.kind());
        let published = Self { prefix: Prefix::new("chat")?, subject, body };
        let received = receive(&published.prefix, &published.subject, &published.body);
        ensure!(matches!(received, Received::Event(_)), "the post is read as {received:?}");
        Ok(published)
    }

    /// Takes it for what it is, subject and body.
    pub fn decode(&self) {
        black_box(receive(black_box(&self.prefix), black_box(&self.subject), black_box(&self.body)));
    }
}

/// Posts by the two members of each of 50 rooms, to be applied without a store.
#[derive(Debug)]
pub struct Posts {
    counters: Counters,
    /// Without a store nobody knows that their messages came before.
    events: Vec<Event<'static>>,
    next: usize,
}

impl Posts {
    const ROOMS: usize = 50;
    const MEMBERS: [&str; 2] = ["ann", "bob"];
    /// Few numbers stay their senders' own, as of members who read from time to time.
    const POLICIES: Policies = Policies { own_messages: OwnMessages::MarkRead, message_window: 20 };

    /// After each room was posted to so often that the next post forgets as much as it adds.
    pub fn new() -> Result<Self> {
        let mut counters = Counters::new(Self::POLICIES);
        let mut events = Vec::new();
        for room in 0..Self::ROOMS {
            apply(&mut counters, &joined(&name(room), Self::MEMBERS.map(str::to_owned).into_iter())?)?;
        }
        for member in Self::MEMBERS {
            for room in 0..Self::ROOMS {
                events.push(posted(&name(room), room, member)?);
            }
        }
        let mut posts = Self { counters, events, next: 0 };
        for _ in 0..Self::ROOMS * 100 {
            posts.apply_next()?;
        }
        Ok(posts)
    }

    /// Finds what a post names and applies it; what changed is taken now and then, as by commits.
    pub fn apply_next(&mut self) -> Result<()> {
        apply(&mut self.counters, black_box(&self.events[self.next]))?;
        self.next += 1;
        if self.next == self.events.len() {
            self.next = 0;
            black_box(self.counters.take_changes());
        }
        Ok(())
    }
}

/// Ann, a member of some rooms with a post or so in each.
#[derive(Debug)]
pub struct Asker {
    reader: Reader,
}

impl Asker {
    /// A member of so many rooms.
    pub fn new(rooms: NonZero<usize>) -> Result<Self> {
        let mut counters = Counters::new(Policies::default());
        for room in 0..rooms.get() {
            apply(&mut counters, &joined(&name(room), ["ann".to_owned()].into_iter())?)?;
            let tags = if room % 2 == 0 { &TAGS[..] } else { &TAGS[..1] };
            apply(&mut counters, &tagged(&name(room), tags)?)?;
            apply(&mut counters, &posted(&name(room), room, "bob")?)?;
        }
        let asker = Self { reader: counters.reader() };
        let (all, open) = (asker.badge(&[]), asker.badge(&TAGS));
        let rooms = rooms.get() as u64;
        ensure!((all, open) == (rooms, rooms.div_ceil(2)), "the badges are {all} and {open} of {rooms}");
        Ok(asker)
    }

    /// How much is unread in the rooms that have all these tags.
    pub fn badge(&self, tags: &[&str]) -> u64 {
        let reader = black_box(&self.reader);
        reader.badge(black_box(TENANT), black_box("ann"), black_box(tags), MutedRooms::Count).count
    }
}

fn name(room: usize) -> String {
    format!("room-{room}")
}

fn apply(counters: &mut Counters, event: &Event<'_>) -> Result<()> {
    let located = counters.locate(event);
    black_box(counters.apply(event, located, None, STORED_AT)?);
    counters.advance(counters.applied() + 1);
    Ok(())
}
