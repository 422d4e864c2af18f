//! Rule 16: malformed events are passed over, counted and copied, and stop nothing.

use std::collections::BTreeMap;
use std::fs;

use events::{Prefix, Reason, Received, receive};
use oracle::Policies;
use tests::{Nats, Recount, Service, Settings, Stored, until};
use xtask::Options;

const POSTED: &str = "chat.demo.message.posted";
const JOINED: &str = "chat.demo.room.joined";
const MOST_COPIED: usize = 65_536;

/// A stream with some malformed messages between good ones, and what has to come of each.
struct Story {
    nats: Nats,
    service: Service,
    recount: Recount,
    /// Messages that are not published yet.
    unpublished: Vec<(String, Vec<u8>)>,
    published: u64,
    /// By sequence: reason, subject of the copy, the message itself.
    letters: BTreeMap<u64, (Reason, String, String, Vec<u8>)>,
    outside: u64,
}

impl Story {
    fn new(max_payload: Option<u32>) -> Self {
        let nats = Nats::without_streams(&Options { max_payload, ..Options::default() });
        nats.create_stream(Nats::STREAM, &["chat.>", "chatter.>", "elsewhere"]);
        nats.create_stream(Nats::DEAD, &["chat-dead.>"]);
        let service = Service::start(Settings::new(&nats, &["demo"]));
        let mut story = Self {
            nats,
            service,
            recount: Recount::new(Policies::default()),
            unpublished: Vec::new(),
            published: 0,
            letters: BTreeMap::new(),
            outside: 0,
        };
        story.good(JOINED, r#"{"room":"r1","users":["ann","bob"]}"#);
        story.good(JOINED, r#"{"room":"r2","users":["bob"]}"#);
        story
    }

    /// A message that is what the codec takes it for: the codec is tested in its own crate.
    fn any(&mut self, subject: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        let sequence = self.published + self.unpublished.len() as u64 + 1;
        let prefix = Prefix::new("chat").unwrap();
        match receive(&prefix, subject, &body) {
            Received::Event(event) => self.recount.hear(&event),
            Received::OutsidePrefix => self.outside += 1,
            Received::Malformed(malformed) => {
                let copied_to = match malformed.tenant_and_kind() {
                    Some((tenant, kind)) => format!("chat-dead.{tenant}.{kind}"),
                    None => "chat-dead._._".to_owned(),
                };
                self.letters
                    .insert(sequence, (malformed.reason(), copied_to, subject.to_owned(), body.clone()));
            }
        }
        self.unpublished.push((subject.to_owned(), body));
    }

    #[track_caller]
    fn good(&mut self, subject: &str, body: impl Into<Vec<u8>>) {
        let before = (self.letters.len(), self.outside);
        self.any(subject, body);
        assert_eq!((self.letters.len(), self.outside), before, "{subject} is good");
    }

    /// A message that is malformed for that reason and goes there, between two good ones.
    #[track_caller]
    fn bad(&mut self, reason: Reason, copied_to: &str, subject: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        self.post();
        self.any(subject, body.clone());
        let sequence = self.published + self.unpublished.len() as u64;
        let expected = (reason, copied_to.to_owned(), subject.to_owned(), body);
        assert_eq!(self.letters.get(&sequence), Some(&expected));
        self.post();
    }

    fn post(&mut self) {
        let message = self.unpublished.len() as u64 + self.published;
        let room = 1 + message % 2;
        self.good(POSTED, format!(r#"{{"room":"r{room}","message":"good {message}","sender":"ann"}}"#));
    }

    /// Publishes what was told, and checks counts, metrics and copies.
    #[track_caller]
    fn check(&mut self) {
        self.nats.publish_all(self.unpublished.drain(..));
        self.published = self.nats.last_sequence(Nats::STREAM);
        self.service.applied(self.published);
        self.service.ready();
        self.check_counts();
        until("all copies", || match self.service.metrics().sum("tallymark_dead_letters_waiting") {
            0 => Ok(()),
            waiting => Err(format!("{waiting} wait")),
        });
        let copies = self.nats.messages(Nats::DEAD);
        let sequences = |stored: &Stored| stored.header("Tallymark-Sequence").parse::<u64>().unwrap();
        let copied: Vec<u64> = copies.iter().map(sequences).collect();
        assert_eq!(copied, self.letters.keys().copied().collect::<Vec<_>>(), "each once, in order");
        for (copy, (sequence, letter)) in copies.iter().zip(&self.letters) {
            check_copy(copy, *sequence, letter, self.nats.max_payload());
        }
    }

    #[track_caller]
    fn check_counts(&self) {
        assert!(self.recount.check(&self.service, "demo", &["ann", "bob", "u"], &[vec![]]) > 0);
        let metrics = self.service.metrics();
        for reason in Reason::ALL {
            let expected = self.letters.values().filter(|(found, ..)| *found == reason).count();
            let found = metrics.with("tallymark_events_malformed_total", "reason", reason.as_str());
            assert_eq!(found, expected as u64, "{reason}");
        }
        assert_eq!(metrics.sum("tallymark_outside_prefix_total"), self.outside);
        let good = self.published - self.letters.len() as u64 - self.outside;
        assert_eq!(metrics.sum("tallymark_events_total"), good);
    }

    /// Forgets all counts, and counts the stream again.
    #[track_caller]
    fn replay(&mut self) {
        assert_eq!(self.service.terminate().code, Some(0));
        fs::remove_dir_all(self.service.data_dir()).unwrap();
        self.service.restart();
        self.check();
    }
}

#[track_caller]
fn check_copy(copy: &Stored, sequence: u64, letter: &(Reason, String, String, Vec<u8>), max_payload: usize) {
    let (reason, copied_to, subject, body) = letter;
    assert_eq!(copy.subject, *copied_to, "{sequence}");
    assert_eq!(copy.header("Tallymark-Reason"), reason.as_str(), "{sequence}");
    assert_eq!(copy.header("Tallymark-Subject"), subject, "{sequence}");
    assert_eq!(copy.header("Tallymark-Length"), body.len().to_string(), "{sequence}");
    assert_eq!(copy.header("Tallymark-Stream"), Nats::STREAM, "{sequence}");
    assert!(!copy.header("Tallymark-Detail").is_empty(), "{sequence}");
    assert!(body.starts_with(&copy.body), "{sequence}: not the front of the body");
    // Headers of a few hundred bytes, and the subject among them, go into the same message.
    let room = max_payload.saturating_sub(1024 + subject.len());
    let least = body.len().min(MOST_COPIED).min(room);
    let length = copy.body.len();
    assert!(
        (least..=MOST_COPIED).contains(&length),
        "{sequence}: {length} bytes copied, expected {least} or more"
    );
}

#[test]
fn every_sort_is_counted_and_copied_once() {
    let mut story = Story::new(None);
    let of_posted = "chat-dead.demo.message.posted";
    let of_joined = "chat-dead.demo.room.joined";
    let long = "x".repeat(257);
    let users = |count: usize| format!(r#"{{"room":"r1","users":[{}]}}"#, vec![r#""u""#; count].join(","));
    let posted = |more: &str| format!(r#"{{"room":"r1","message":"m","sender":"ann"{more}}}"#);

    story.bad(Reason::Undecodable, of_posted, POSTED, "");
    story.bad(Reason::Undecodable, of_posted, POSTED, " {}");
    story.bad(Reason::Undecodable, of_posted, POSTED, [0xc1]);
    story.bad(Reason::Undecodable, of_posted, POSTED, posted("")[..20].to_owned());
    story.bad(Reason::TrailingData, of_posted, POSTED, posted("") + "{}");
    story.bad(Reason::MissingField, of_posted, POSTED, r#"{"room":"r1","message":"m"}"#);
    story.bad(Reason::MissingField, of_posted, POSTED, [0x80]);
    story.bad(Reason::RepeatedField, of_posted, POSTED, posted(r#","room":"r1""#));
    story.bad(Reason::WrongType, of_posted, POSTED, posted(r#","at":"5""#));
    story.bad(Reason::WrongType, of_posted, POSTED, posted(r#","silent":1"#));
    story.bad(Reason::WrongType, of_joined, JOINED, r#"{"room":"r1","users":"ann"}"#);
    story.bad(Reason::InvalidId, of_posted, POSTED, posted("").replace("ann", ""));
    story.bad(Reason::InvalidId, of_posted, POSTED, posted("").replace("ann", "\\u0085"));
    story.bad(Reason::OverLimit, of_posted, POSTED, posted("").replace("ann", &long));
    story.bad(Reason::OverLimit, of_posted, POSTED, posted(r#","at":9007199254740992"#));
    story.bad(Reason::OverLimit, of_joined, JOINED, users(10_001));
    story.bad(Reason::UnknownHistory, of_joined, JOINED, r#"{"room":"r1","users":["ann"],"history":"some"}"#);
    story.good(JOINED, users(10_000));
    story.good(POSTED, posted("").replace("ann", &long[1..]));

    for kind in ["message.gone", "message", "Message.posted", "message.posted.twice"] {
        story.bad(Reason::UnknownKind, "chat-dead._._", &format!("chat.demo.{kind}"), posted(""));
    }
    story.bad(Reason::UnknownKind, "chat-dead._._", "chat.demo", posted(""));
    for tenant in ["de!mo", "d\u{e9}mo", &"t".repeat(65)] {
        story.bad(
            Reason::InvalidTenant,
            "chat-dead._._",
            &format!("chat.{tenant}.message.posted"),
            posted(""),
        );
    }
    story.any("chatter.demo.message.posted", posted(""));
    story.any("elsewhere", posted(""));
    assert_eq!(story.outside, 2);

    story.check();
    story.replay();
}

#[test]
fn truncated_and_flipped_bodies_are_what_the_codec_says() {
    let mut story = Story::new(None);
    for line in [
        r#"{"tenant":"demo","event":"message.posted","room":"r1","message":"m","sender":"ann","mentions":["bob"]}"#,
        r#"{"tenant":"demo","event":"message.posted","room":"r2","message":"é","sender":"bob","at":5,"silent":true}"#,
    ] {
        for body in bodies(line) {
            for length in 0..body.len() {
                story.any(POSTED, &body[..length]);
            }
            for bit in 0..8 * body.len() {
                let mut flipped = body.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                story.any(POSTED, flipped);
            }
            story.post();
        }
    }
    assert!(story.letters.len() > 500);
    story.check();
}

/// The body of a line in both encodings.
fn bodies(line: &str) -> [Vec<u8>; 2] {
    let line = events::Line::parse(line).unwrap();
    [events::encode_json(&line.body), events::encode_message_pack(&line.body)]
}

/// A body that fills the largest message leaves no room for the copy's headers; a server cuts the
/// connection of a client that sends more.
fn the_largest_messages_are_copied(max_payload: Option<u32>) {
    let mut story = Story::new(max_payload);
    let most = story.nats.max_payload();
    assert_eq!(most, max_payload.unwrap_or(1 << 20) as usize);
    for length in [most, most - 1, most - 300] {
        story.bad(Reason::Undecodable, "chat-dead.demo.message.posted", POSTED, vec![b'x'; length]);
        story.bad(Reason::InvalidTenant, "chat-dead._._", "chat.n\u{f6}.message.posted", vec![b'{'; length]);
        // A good one: fields that a kind doesn't know are ignored, however long they are.
        let front = format!(r#"{{"room":"r1","message":"long {length}","sender":"ann","more":""#);
        story.good(POSTED, format!(r#"{front}{}"}}"#, "x".repeat(length - front.len() - 2)));
    }
    story.check();
    story.replay();
}

/// More than is asked for at once, and a list of members as long as may be in each: they come one portion after the
/// other.
#[test]
fn many_large_events_are_counted() {
    let mut story = Story::new(None);
    for number in 0..120 {
        let users: Vec<String> = (0..10_000).map(|user| format!("{user:0>30}")).collect();
        story.good(JOINED, format!(r#"{{"room":"large {number}","users":["{}"]}}"#, users.join(r#"",""#)));
        if number % 10 == 0 {
            story.bad(Reason::Undecodable, "chat-dead.demo.message.posted", POSTED, vec![b'x'; 1 << 20]);
        }
    }
    story.check();
}

#[test]
fn a_body_of_the_whole_max_payload_is_copied() {
    the_largest_messages_are_copied(None);
}

#[test]
fn a_body_of_a_small_max_payload_is_copied() {
    the_largest_messages_are_copied(Some(65_536));
    the_largest_messages_are_copied(Some(2_048));
}
