//! Prefixes and subjects.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use events::{IdError, Kind, Prefix, PrefixError, Subject, Tenant};

fn prefix() -> Prefix {
    Prefix::new("chat").unwrap()
}

#[test]
fn every_subject_that_is_formatted_is_parsed() {
    for text in ["chat", "chat.prod", "a.b.c", "chat-dead", "héllo", "_"] {
        let prefix = Prefix::new(text).unwrap();
        for tenant in ["demo", "A-Z_09", "_", "-", &"x".repeat(64)] {
            let tenant = Tenant::new(tenant).unwrap();
            for kind in Kind::ALL {
                let subject = prefix.event(tenant, kind);
                assert_eq!(prefix.parse(&subject), Subject::Event { tenant, kind });
                let dead = prefix.dead_letter(Some((tenant, kind)));
                assert_eq!(prefix.parse(&dead), Subject::OutsidePrefix);
            }
        }
    }
}

#[test]
fn the_names_are_those_of_the_contract() {
    let tenant = Tenant::new("demo").unwrap();
    let kind = Kind::MessagePosted;
    assert_eq!(prefix().event(tenant, kind), "chat.demo.message.posted");
    assert_eq!(prefix().dead_letter(Some((tenant, kind))), "chat-dead.demo.message.posted");
    assert_eq!(prefix().dead_letter(None), "chat-dead._._");
    assert_eq!(prefix().all_events(), "chat.>");
    assert_eq!(prefix().all_dead_letters(), "chat-dead.>");
}

#[test]
fn a_subject_is_within_the_prefix_or_somebody_elses() {
    for subject in ["", "chat", "chatty.demo.room.deleted", "chat-dead.demo.room.deleted"] {
        assert_eq!(prefix().parse(subject), Subject::OutsidePrefix, "{subject}");
    }
    for subject in ["Chat.demo.room.deleted", "x.chat.demo.room.deleted", ".chat.demo", "cha"] {
        assert_eq!(prefix().parse(subject), Subject::OutsidePrefix, "{subject}");
    }
}

#[test]
fn tenants_are_checked_before_kinds() {
    let long = "x".repeat(65);
    for (name, error) in [
        ("", IdError::Empty),
        (long.as_str(), IdError::TooLong { length: 65, limit: 64 }),
        ("de+mo", IdError::NotATenant { position: 2 }),
        ("dém", IdError::NotATenant { position: 1 }),
        ("a b", IdError::NotATenant { position: 1 }),
        ("*", IdError::NotATenant { position: 0 }),
    ] {
        for rest in [".room.deleted", ".room.renamed", ".", ""] {
            let subject = format!("chat.{name}{rest}");
            let expected = Subject::InvalidTenant { name, error };
            assert_eq!(prefix().parse(&subject), expected, "{subject}");
        }
    }
}

#[test]
fn kinds_are_compared_exactly() {
    let tenant = Tenant::new("demo").unwrap();
    for name in [
        "",
        "room",
        "room.",
        ".room.deleted",
        "room.deleted.",
        "room.deleted.now",
        "Room.Deleted",
        "room.deleted ",
        "room deleted",
        "room_deleted",
        "message.edited",
    ] {
        let subject = format!("chat.demo.{name}");
        assert_eq!(prefix().parse(&subject), Subject::UnknownKind { tenant, name }, "{subject}");
    }
    assert_eq!(prefix().parse("chat.demo"), Subject::UnknownKind { tenant, name: "" });
}

#[test]
fn a_prefix_begins_subjects_that_can_be_published_to() {
    let forbidden = |character, position| PrefixError::Forbidden { character, position };
    for (text, expected) in [
        ("", PrefixError::EmptyToken),
        (".", PrefixError::EmptyToken),
        (".chat", PrefixError::EmptyToken),
        ("chat.", PrefixError::EmptyToken),
        ("chat..prod", PrefixError::EmptyToken),
        ("$JS", PrefixError::Reserved),
        ("$chat.prod", PrefixError::Reserved),
        ("*", forbidden('*', 0)),
        ("chat.*", forbidden('*', 5)),
        ("chat.>", forbidden('>', 5)),
        ("ch*t", forbidden('*', 2)),
        ("chat prod", forbidden(' ', 4)),
        ("chat\t", forbidden('\t', 4)),
        ("chat\r\n", forbidden('\r', 4)),
        ("\u{a0}chat", forbidden('\u{a0}', 0)),
        ("chat\u{7f}", forbidden('\u{7f}', 4)),
    ] {
        assert_eq!(Prefix::new(text), Err(expected), "{text:?}");
    }
    for text in ["chat", "chat.prod", "a$b", "IM-chat_1", "日本"] {
        assert_eq!(Prefix::new(text).map(|prefix| prefix.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn a_questions_subject_names_the_tenant() {
    for prefix in ["chat", "chat.prod"] {
        let taken = Prefix::new(prefix).unwrap();
        assert_eq!(taken.all_questions(), format!("{prefix}-ask.*"));
        for (subject, tenant) in [
            ("-ask.demo.badges", Some("demo")),
            ("-ask.demo.a.b", Some("demo")),
            ("-ask.d m.badges", Some("d m")),
            ("-ask.demo", None),
            ("-asks.demo.badges", None),
            (".demo.badges", None),
            ("-dead.demo.badges", None),
            ("", None),
        ] {
            assert_eq!(taken.asking(&format!("{prefix}{subject}")), tenant, "{subject}");
            assert_eq!(taken.asking(&format!("x{prefix}{subject}")), None, "{subject}");
        }
    }
}

#[test]
fn subjects_that_mean_something() {
    for (subject, is_taken) in [
        ("chat.prod.demo.message.posted", true),
        ("chat.prod-dead.demo.message.posted", true),
        ("chat.prod-ask.demo.badges", true),
        ("chat.prod-", true),
        ("chat.prod", false),
        ("chat.production.demo.message.posted", false),
        ("chat.demo.message.posted", false),
        ("_INBOX.chat.prod.x", false),
        ("", false),
    ] {
        assert_eq!(Prefix::new("chat.prod").unwrap().is_taken(subject), is_taken, "{subject}");
    }
}
