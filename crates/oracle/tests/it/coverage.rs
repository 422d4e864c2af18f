//! Random histories are worth something if they reach every special situation.

use std::collections::{BTreeMap, BTreeSet};

use events::{Body, History as Joined};
use oracle::Oracle;
use oracle::history::{History, Variant};

use crate::scene::{Past, Scene, anybody, anybody_keeps, has_duplicates};

const SEEDS: u64 = 100;
const LENGTH: usize = 200;
/// In how many of the 300 histories each situation has to come up.
const OFTEN_ENOUGH: usize = 8;

type Situation = (&'static str, fn(&Scene<'_>) -> bool);

const SITUATIONS: &[Situation] = &[
    ("post: known", |s| matches!(s.body, Body::MessagePosted(e) if s.known(&e.message).is_some())),
    ("post: forgotten", |s| s.posted(|e| s.is_forgotten(&e.message))),
    ("post: by a stranger", |s| s.posted(|e| !s.is_member(&e.sender))),
    ("post: silent", |s| s.posted(|e| e.silent)),
    ("post: silent before any number", |s| s.posted(|e| e.silent && s.head() == 0)),
    ("post: recall kept", |s| s.posted(|e| s.kept_recalls().contains(&&*e.message))),
    ("post: recall kept, silent", |s| s.posted(|e| e.silent && s.kept_recalls().contains(&&*e.message))),
    ("post: read kept", |s| s.posted(|e| anybody_keeps(s, e))),
    ("post: read kept, silent", |s| s.posted(|e| e.silent && anybody_keeps(s, e))),
    ("post: read and recall kept", |s| {
        s.posted(|e| anybody_keeps(s, e) && s.kept_recalls().contains(&&*e.message))
    }),
    ("post: own, read kept", |s| s.posted(|e| s.kept_reads(&e.sender).contains(&&*e.message))),
    ("post: mentions twice", |s| s.posted(|e| has_duplicates(&e.mentions))),
    ("post: mentions a stranger", |s| s.posted(|e| e.mentions.iter().any(|user| !s.is_member(user)))),
    ("post: mentions the sender", |s| s.posted(|e| e.mentions.contains(&e.sender))),
    ("post: mentions all", |s| s.posted(|e| e.mention_all)),
    ("post: without time", |s| s.posted(|e| e.at.is_none())),
    ("post: time in the past", |s| s.posted(|e| e.at.is_some_and(|at| at < s.stored_ms))),
    ("post: time in the future", |s| s.posted(|e| e.at.is_some_and(|at| at > s.stored_ms))),
    ("read: everything", |s| matches!(s.body, Body::MessageRead(e) if e.upto.is_none())),
    ("read: forwards", |s| s.read(|user, id| s.known(id).is_some_and(|m| m.number > s.cursor(user)))),
    ("read: backwards", |s| s.read(|user, id| s.known(id).is_some_and(|m| m.number < s.cursor(user)))),
    ("read: silent, forwards", |s| {
        s.read(|user, id| s.known(id).is_some_and(|m| m.silent && m.number > s.cursor(user)))
    }),
    ("read: forgotten", |s| s.read(|_, id| s.is_forgotten(id))),
    ("read: kept", |s| s.read(|_, id| s.known(id).is_none())),
    ("read: kept already", |s| s.read(|user, id| s.kept_reads(user).contains(&id))),
    ("read: the 17th", |s| {
        s.read(|user, id| {
            let kept = s.kept_reads(user);
            kept.len() == 16 && !kept.contains(&id) && s.known(id).is_none()
        })
    }),
    (
        "read: by a stranger",
        |s| matches!(s.body, Body::MessageRead(e) if !s.is_member(&e.user) && e.upto.is_some()),
    ),
    ("unread: backwards", |s| s.marked(|user, from| from.number <= s.cursor(user))),
    ("unread: forwards", |s| s.marked(|user, from| from.number > s.cursor(user) + 1)),
    ("unread: own", |s| s.marked(|user, from| s.own(user).contains(&from.number) && !from.silent)),
    ("unread: own after it", |s| s.marked(|user, from| s.own(user).iter().any(|own| *own > from.number))),
    ("unread: silent", |s| s.marked(|_, from| from.silent)),
    ("unread: recalled", |s| {
        let recalled = s.oracle.recalled_numbers(s.tenant, s.room);
        s.marked(|_, from| recalled.contains(&from.number) && !from.silent)
    }),
    ("unread: reads kept", |s| s.marked(|user, _| !s.kept_reads(user).is_empty())),
    (
        "unread: forgotten",
        |s| matches!(s.body, Body::MessageUnread(e) if s.is_member(&e.user) && s.is_forgotten(&e.from)),
    ),
    (
        "unread: never posted",
        |s| matches!(s.body, Body::MessageUnread(e) if s.is_member(&e.user) && !s.was_posted(&e.from)),
    ),
    ("unread: by a stranger", |s| matches!(s.body, Body::MessageUnread(e) if !s.is_member(&e.user))),
    ("recall: unread", |s| s.recalled(|m| anybody(s, |user| s.cursor(user) < m.number))),
    ("recall: read", |s| s.recalled(|m| anybody(s, |user| s.cursor(user) >= m.number))),
    ("recall: own, unread", |s| {
        s.recalled(|m| anybody(s, |user| s.cursor(user) < m.number && s.own(user).contains(&m.number)))
    }),
    ("recall: twice", |s| {
        let recalled = s.oracle.recalled_numbers(s.tenant, s.room);
        s.recalled(|m| !m.silent && recalled.contains(&m.number))
    }),
    ("recall: silent", |s| s.recalled(|m| m.silent)),
    ("recall: forgotten", |s| s.recalled_early(|id| s.is_forgotten(id))),
    ("recall: kept", |s| s.recalled_early(|id| !s.kept_recalls().contains(&id))),
    ("recall: kept already", |s| s.recalled_early(|id| s.kept_recalls().contains(&id))),
    ("recall: the 65th", |s| {
        s.recalled_early(|id| s.kept_recalls().len() == 64 && !s.kept_recalls().contains(&id))
    }),
    ("recall: in an unknown room", |s| s.recalled_early(|_| s.oracle.head(s.tenant, s.room).is_none())),
    ("join: nobody", |s| matches!(s.body, Body::RoomJoined(e) if e.users.is_empty())),
    ("join: twice in one list", |s| matches!(s.body, Body::RoomJoined(e) if has_duplicates(&e.users))),
    ("join: a member", |s| s.joined(|user| s.is_member(user) && s.unread(user) > 0)),
    ("join: all of a history", |s| {
        s.head() > 0
            && matches!(s.body, Body::RoomJoined(e) if e.history == Joined::All)
            && s.joined(|user| !s.is_member(user))
    }),
    ("join: again", |s| {
        s.joined(|user| {
            let key = [s.tenant, s.room, user].map(str::to_owned);
            !s.is_member(user) && s.past.left.contains(&key)
        })
    }),
    ("join: after the user was deleted", |s| {
        s.joined(|user| !s.is_member(user) && s.past.deleted.contains(&[s.tenant, user].map(str::to_owned)))
    }),
    ("join: after the room was deleted", |s| {
        s.oracle.head(s.tenant, s.room).is_none()
            && s.past.deleted.contains(&[s.tenant, s.room].map(str::to_owned))
            && s.joined(|_| true)
    }),
    ("leave: own messages", |s| s.left(|user| !s.own(user).is_empty())),
    ("leave: reads kept", |s| s.left(|user| !s.kept_reads(user).is_empty())),
    ("leave: muted", |s| s.left(|user| s.oracle.is_muted(s.tenant, user, s.room) == Some(true))),
    ("leave: a stranger", |s| s.left(|user| !s.is_member(user))),
    ("tag: with messages", |s| matches!(s.body, Body::RoomTagged(_)) && s.head() > 0),
    ("tag: nothing", |s| matches!(s.body, Body::RoomTagged(e) if e.tags.is_empty())),
    ("tag: in an unknown room", |s| {
        matches!(s.body, Body::RoomTagged(_)) && s.oracle.head(s.tenant, s.room).is_none()
    }),
    (
        "mute: with unread messages",
        |s| matches!(s.body, Body::RoomMuted(e) if e.muted && s.unread(&e.user) > 0),
    ),
    ("mute: undone", |s| {
        matches!(s.body, Body::RoomMuted(e)
            if !e.muted && s.oracle.is_muted(s.tenant, &e.user, s.room) == Some(true))
    }),
    ("mute: a stranger", |s| matches!(s.body, Body::RoomMuted(e) if !s.is_member(&e.user))),
    ("room deleted: unread messages", |s| {
        matches!(s.body, Body::RoomDeleted(_)) && anybody(s, |user| s.unread(user) > 0)
    }),
    ("room deleted: recalls kept", |s| {
        matches!(s.body, Body::RoomDeleted(_)) && !s.kept_recalls().is_empty()
    }),
    ("room deleted: an unknown one", |s| {
        matches!(s.body, Body::RoomDeleted(_)) && s.oracle.head(s.tenant, s.room).is_none()
    }),
    (
        "user deleted: in several rooms",
        |s| matches!(s.body, Body::UserDeleted(e) if s.oracle.rooms_of(s.tenant, &e.user).len() > 1),
    ),
    (
        "user deleted: a stranger",
        |s| matches!(s.body, Body::UserDeleted(e) if s.oracle.rooms_of(s.tenant, &e.user).is_empty()),
    ),
    ("state: own and recalled, above the cursor", |s| {
        let recalled = s.oracle.recalled_numbers(s.tenant, s.room);
        anybody(s, |user| {
            let own = s.own(user).into_iter();
            let mut above = own.filter(|number| *number > s.cursor(user));
            above.any(|number| recalled.contains(&number))
        })
    }),
];

#[test]
fn random_histories_reach_every_situation() {
    let mut reached: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..SEEDS {
        for variant in Variant::ALL {
            for name in situations_of(&History::generate(seed, LENGTH, variant)) {
                *reached.entry(name).or_default() += 1;
            }
        }
    }
    let mut rare = Vec::new();
    for (name, _) in SITUATIONS {
        let histories = reached.get(name).copied().unwrap_or(0);
        println!("{histories:5} {name}");
        if histories < OFTEN_ENOUGH {
            rare.push(*name);
        }
    }
    assert_eq!(rare, [""; 0], "these come up in fewer than {OFTEN_ENOUGH} histories");
}

fn situations_of(history: &History) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut oracle = Oracle::new(history.policies);
    let mut past = Past::default();
    for (event, stored_ms) in &history.events {
        let scene = Scene::new(&oracle, &past, event, *stored_ms);
        let holding = SITUATIONS.iter().filter(|(name, holds)| !found.contains(name) && holds(&scene));
        let new: Vec<_> = holding.map(|(name, _)| *name).collect();
        found.extend(new);
        oracle.apply(event, *stored_ms);
        past.note(event);
    }
    found
}
