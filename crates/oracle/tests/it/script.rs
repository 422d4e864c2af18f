//! The language of the tables says what is wrong with a script.

use events::Body;
use oracle::script::{Script, Subject, TENANT};

fn parse(text: &str) -> Script<'_> {
    Script::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_error_names_the_part_and_what_was_expected() {
    for (text, message) in [
        (
            "post r1 m1 by ann",
            "in `post r1 m1 by ann`: `post` is no step; see the table in the documentation of `oracle::script`",
        ),
        ("joined r1", "in `joined r1`: expected users, found the end"),
        ("joined r1 ann history some", "in `joined r1 ann history some`: expected all, found `some`"),
        ("left r1 ann bob", "in `left r1 ann bob`: expected the end, found `bob`"),
        ("left r1 ann,,bob", "in `left r1 ann,,bob`: `` is empty"),
        ("posted r1 m1 ann", "in `posted r1 m1 ann`: expected by, found `ann`"),
        (
            "posted r1 m1 by ann at noon",
            "in `posted r1 m1 by ann at noon`: expected milliseconds, found `noon`",
        ),
        (
            "posted r1 m1 by ann loud",
            "in `posted r1 m1 by ann loud`: expected `silent`, `at`, `mentions` or `mention_all`, found `loud`",
        ),
        ("unread r1 ann m1", "in `unread r1 ann m1`: expected from, found `m1`"),
        (
            "in a/b: left r1 ann",
            "in `in a/b: left r1 ann`: `a/b` has a character outside [A-Za-z0-9_-] at byte 1",
        ),
        (
            "in other left r1 ann",
            "in `in other left r1 ann`: expected a tenant and a colon, as in `in other:`, found `other`",
        ),
        ("| ann", "in `ann`: expected a number, found the end"),
        ("| ann none", "in `ann none`: expected a number, found `none`"),
        ("| ann@r1 no", "in `ann@r1 no`: expected a number or `none`, found `no`"),
        ("| ann@ 1", "in `ann@ 1`: `` is empty"),
        ("| ann#a, b 1", "in `ann#a`: expected a number, found the end"),
        ("| ann 1 2", "in `ann 1 2`: expected the end, found `2`"),
    ] {
        let error = Script::parse(text).expect_err(text);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_list_may_be_empty_and_may_repeat() {
    let script = parse("tagged r1 -; joined r1 ann,ann history all; tagged r1 a");
    let lengths = script.steps.iter().map(|step| match &step.event.body {
        Body::RoomTagged(tagged) => tagged.tags.len(),
        Body::RoomJoined(joined) => joined.users.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [0, 2, 1]);
}

#[test]
fn steps_have_times_and_tenants() {
    let script =
        parse("left r1 ann; in other: posted r1 m1 by ann at 5 mentions bob silent | in other: ann!r1 none");
    let [left, posted] = &script.steps[..] else { panic!("{script:?}") };
    assert_eq!((left.event.tenant.as_str(), left.stored_ms), (TENANT, 1000));
    assert_eq!((posted.event.tenant.as_str(), posted.stored_ms), ("other", 2000));
    let Body::MessagePosted(message) = &posted.event.body else { panic!("{posted:?}") };
    assert_eq!((message.at, message.silent, message.mentions.len()), (Some(5), true, 1));
    let question = &script.expectations[0].question;
    assert_eq!(question.tenant, "other");
    assert_eq!(question.subject, Subject::Mentions { user: "ann", room: "r1" });
}
