//! Which facts there are, told one by one.

use std::collections::HashSet;

use oracle::script::{Script, TENANT};
use oracle::{Fact, KnownMessage, Oracle, OwnMessages, Policies};

fn oracle_after(policies: Policies, text: &str) -> Oracle {
    let mut oracle = Oracle::new(policies);
    for step in Script::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).steps {
        oracle.apply(&step.event, step.stored_ms);
    }
    oracle
}

#[test]
fn a_room_has_facts_of_every_kind() {
    let oracle = oracle_after(
        Policies { message_window: 2, ..Policies::default() },
        "tagged r1 b,a; joined r1 ann,bob; posted r1 m1 by ann mentions bob,bob,cid; recalled r1 m1;
         posted r1 m2 by cid mention_all at 9; posted r1 m3 by cid silent mentions bob mention_all;
         muted r1 ann; read r1 bob upto m2; read r1 bob upto m5; read r1 bob upto m4; recalled r1 m7; recalled r1 m6",
    );
    let known = |message, order, number, silent| {
        Fact::Known(KnownMessage { message, order, number, silent, time: 3000 })
    };
    assert_eq!(
        oracle.facts_of_room(TENANT, "r1"),
        [
            Fact::Room { head: 2, posted: 3, time: 3000, tags: vec!["a", "b"] },
            Fact::Member { user: "ann", cursor: 0, muted: true },
            Fact::Member { user: "bob", cursor: 2, muted: false },
            Fact::KeptReads { user: "bob", messages: vec!["m5", "m4"] },
            Fact::Recalled { number: 1 },
            Fact::Own { user: "ann", number: 1 },
            Fact::Mentioned { user: "bob", number: 1 },
            Fact::MentionAll { number: 2 },
            Fact::KeptRecalls { messages: vec!["m7", "m6"] },
            known("m2", 2, 2, false),
            known("m3", 3, 2, true),
        ]
    );
}

#[test]
fn what_is_gone_is_no_fact() {
    for gone in
        ["room_deleted r1", "room_deleted r1; read r1 ann; left r1 ann; muted r1 ann; user_deleted ann"]
    {
        let text = format!("joined r1 ann; posted r1 m1 by ann mention_all; recalled r1 m2; {gone}");
        assert_eq!(oracle_after(Policies::default(), &text).facts().count(), 0, "{text}");
    }
    for gone in
        ["left r1 ann", "user_deleted ann", "left r1 ann; joined r1 ann", "user_deleted ann; joined r1 ann"]
    {
        let text = format!("joined r1 ann; posted r1 m1 by ann mentions ann; read r1 ann upto m9; {gone}");
        let oracle = oracle_after(Policies::default(), &text);
        let facts = oracle.facts_of_room(TENANT, "r1");
        let of_membership = |fact: &&Fact<'_>| {
            matches!(fact, Fact::Own { .. } | Fact::Mentioned { .. } | Fact::KeptReads { .. })
        };
        assert_eq!(facts.iter().find(of_membership), None, "{text}");
    }
}

/// With a window of 2, `unread` from the older known message puts the cursor at the head - 2.
#[test]
fn own_and_mentioned_numbers_are_forgotten_when_the_next_one_comes_and_no_cursor_comes_below_them() {
    const POSTS: &str =
        "joined r1 ann,bob; posted r1 m1 by ann mentions bob; posted r1 m2 by ann mentions bob;
                         posted r1 m3 by ann mentions bob";
    let m4 = "posted r1 m4 by ann mentions bob";
    for (then, own, mentioned) in [
        (m4.to_owned(), vec![1, 2, 3, 4], vec![1, 2, 3, 4]),
        ("read r1 ann; read r1 bob".to_owned(), vec![1, 2, 3], vec![1, 2, 3]),
        (format!("read r1 ann; {m4}"), vec![3, 4], vec![1, 2, 3, 4]),
        (format!("read r1 bob; {m4}"), vec![1, 2, 3, 4], vec![3, 4]),
        (format!("read r1 ann; unread r1 ann from m2; {m4}"), vec![2, 3, 4], vec![1, 2, 3, 4]),
        (
            "read r1 ann; read r1 bob; posted r1 m4 by ann silent mentions bob".to_owned(),
            vec![1, 2, 3],
            vec![1, 2, 3],
        ),
        (
            format!("read r1 ann; {m4}; unread r1 ann from m3; posted r1 m5 by x"),
            vec![3, 4],
            vec![1, 2, 3, 4],
        ),
        (format!("read r1 ann upto m4; read r1 bob upto m4; {m4}"), vec![1, 2, 3, 4], vec![1, 2, 3, 4]),
        (
            format!("read r1 ann; {m4}; left r1 ann; joined r1 ann; posted r1 m5 by ann"),
            vec![5],
            vec![1, 2, 3, 4],
        ),
    ] {
        let text = format!("{POSTS}; {then}");
        let oracle = oracle_after(Policies { message_window: 2, ..Policies::default() }, &text);
        let facts = oracle.facts_of_room(TENANT, "r1");
        let numbers =
            |which: fn(&Fact<'_>) -> Option<u64>| facts.iter().filter_map(which).collect::<Vec<_>>();
        let owns = numbers(|fact| if let Fact::Own { number, .. } = fact { Some(*number) } else { None });
        let names =
            numbers(|fact| if let Fact::Mentioned { number, .. } = fact { Some(*number) } else { None });
        assert_eq!((owns, names), (own, mentioned), "{text}");
    }
}

/// A sender who names themselves has a number that is both; under `mark_read` the cursor that
/// forgets is at that number already.
#[test]
fn the_senders_numbers_are_forgotten_by_the_cursor_that_the_post_moved() {
    let text = "joined r1 ann; posted r1 m1 by ann mentions ann; posted r1 m2 by ann mentions ann;
                posted r1 m3 by ann; unread r1 ann from m2; posted r1 m4 by ann mentions ann";
    for (own_messages, own, mentioned) in
        [(OwnMessages::Exclude, &[2, 3, 4][..], &[2, 4][..]), (OwnMessages::MarkRead, &[3, 4], &[4])]
    {
        let oracle = oracle_after(Policies { own_messages, message_window: 2 }, text);
        let owns = own.iter().map(|number| Fact::Own { user: "ann", number: *number });
        let names = mentioned.iter().map(|number| Fact::Mentioned { user: "ann", number: *number });
        let expected: HashSet<_> = owns.chain(names).collect();
        let facts = oracle.facts_of_room(TENANT, "r1");
        let of_numbers = |fact: &Fact<'_>| matches!(fact, Fact::Own { .. } | Fact::Mentioned { .. });
        assert_eq!(
            facts.into_iter().filter(of_numbers).collect::<HashSet<_>>(),
            expected,
            "{own_messages:?}"
        );
    }
}
