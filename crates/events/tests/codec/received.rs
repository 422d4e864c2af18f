//! Messages of the stream.

use events::{Prefix, Received, receive};

/// What became of a message, and where its dead letter goes if it is one.
fn outcome(subject: &str, body: &str) -> String {
    let prefix = Prefix::new("chat.prod").unwrap();
    match receive(&prefix, subject, body.as_bytes()) {
        Received::Event(event) => format!("{} {}", event.tenant, event.body.kind()),
        Received::OutsidePrefix => "outside".to_owned(),
        Received::Malformed(malformed) => format!(
            "{}, {malformed} -> {}",
            malformed.reason(),
            prefix.dead_letter(malformed.tenant_and_kind())
        ),
    }
}

#[test]
fn the_subject_alone_decides_tenant_and_kind() {
    let table = r#"
chat.prod.demo.room.deleted {"room":"r"} => demo room.deleted
chat.prod.demo.room.deleted {"room":"r","tenant":"other","event":"user.deleted"} => demo room.deleted
chat.prod.demo.user.deleted {"room":"r"} => missing_field, user.deleted: field `user` is missing -> chat.prod-dead.demo.user.deleted
chat.prod.demo.room.deleted nonsense => undecodable, room.deleted: the body begins with the byte 0x6e; expected `{` for JSON, or 0x80 to 0x8f, 0xde or 0xdf for a MessagePack map -> chat.prod-dead.demo.room.deleted
chat.prod.demo.room.renamed {"room":"r"} => unknown_kind, the kind "room.renamed" in the subject is no kind of event -> chat.prod-dead._._
chat.prod.demo {"room":"r"} => unknown_kind, the subject ends before the kind -> chat.prod-dead._._
chat.prod.d+mo.room.deleted {"room":"r"} => invalid_tenant, the tenant "d+mo" in the subject has a character outside [A-Za-z0-9_-] at byte 1 -> chat.prod-dead._._
chat.prod.d+mo.room.renamed {"room":"r"} => invalid_tenant, the tenant "d+mo" in the subject has a character outside [A-Za-z0-9_-] at byte 1 -> chat.prod-dead._._
chat.prod-dead.demo.room.deleted {"room":"r"} => outside
chat.demo.room.deleted nonsense => outside
chat.prod {"room":"r"} => outside
"#;
    for row in table.lines().filter(|row| !row.is_empty()) {
        let (message, expected) = row.split_once(" => ").unwrap();
        let (subject, body) = message.split_once(' ').unwrap();
        assert_eq!(outcome(subject, body), expected, "{subject}");
    }
}
